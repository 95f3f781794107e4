//! Sweeps of large buckets in memory: their number of calls, and any order of answers.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::{
    Capabilities, DraftVersion, ErrorKind, ListObjects, ListUploads, ListedObject, ListedUpload, ObjectInfo, ObjectKey,
    ObjectPage, StoredAttributes, UploadCursor, UploadId, UploadPage,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{Answer, Bounds, Brake, Brakes, Effect, Found, Job, Mode, Next, Pass, Rules, Slice, Summary};
use crate::checks::{RejectedDraft, RejectionNote};
use crate::events::{EventId, FeedStep, FeedWrite};
use crate::{DraftId, Policy};

const HOUR: Duration = Duration::from_secs(3600);
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

/// A draft bucket in memory that counts calls.
#[derive(Debug)]
struct TestBucket {
    page: usize,
    drafts: BTreeMap<String, SystemTime>,
    uploads: Vec<(String, SystemTime)>,
    calls: Calls,
    /// The keys that the sweep listed, with how often, and those that it deleted.
    listed: BTreeMap<String, usize>,
    deleted: Vec<String>,
    aborted: usize,
    completed: Vec<String>,
    /// The texts of the notes about rejected drafts.
    notes: BTreeMap<String, String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Calls {
    lists: usize,
    deletes: usize,
    others: usize,
}

impl TestBucket {
    fn new(page: usize) -> Self {
        Self {
            page,
            drafts: BTreeMap::new(),
            uploads: Vec::new(),
            calls: Calls::default(),
            listed: BTreeMap::new(),
            deleted: Vec::new(),
            aborted: 0,
            completed: Vec::new(),
            notes: BTreeMap::new(),
        }
    }

    fn named(&mut self, name: impl Into<String>, expired: bool) {
        let age = if expired { HOUR * 3 } else { Duration::ZERO };
        self.drafts.insert(name.into(), now() - age);
    }

    /// Adds drafts with these numbers to every shard.
    fn unique(&mut self, shards: impl Iterator<Item = u8>, numbers: std::ops::Range<u64>, expired: bool) {
        for shard in shards {
            for number in numbers.clone() {
                let key = unique_key(shard, number, expired);
                self.drafts.insert(key, now());
            }
        }
    }

    /// Adds a note about a draft, which is still the rejected version or not. Its time has come or not.
    fn note(&mut self, about: &str, random: u128, is_due: bool, is_version: bool) {
        let remove_at = if is_due { now() - HOUR } else { now() + HOUR };
        let key = RejectionNote { remove_at }.key(random).to_string();
        let last_modified = if is_version { now() } else { now() - HOUR };
        let rejected = RejectedDraft::new(&ObjectKey::new(about).expect("a key"), &info(last_modified));
        self.notes.insert(key.clone(), rejected.to_text());
        self.drafts.insert(key, now());
    }

    fn rejected(&self, note: &ObjectKey) -> Option<(RejectedDraft, ObjectInfo)> {
        let rejected = RejectedDraft::of_text(&self.notes[note.as_str()]).expect("a note");
        let last_modified = self.drafts.get(rejected.key.as_str())?;
        Some((rejected, info(*last_modified)))
    }

    fn list(&mut self, request: &ListObjects) -> ObjectPage {
        self.calls.lists += 1;
        let prefix = request.prefix.as_deref().unwrap_or_default();
        let after = request
            .continuation
            .as_deref()
            .or(request.start_after.as_deref())
            .unwrap_or_default();
        let from = std::ops::Bound::Excluded(after.max(prefix.trim_end_matches('/')).to_owned());
        let behind = self.drafts.range((from, std::ops::Bound::Unbounded));
        let mut within = behind
            .skip_while(|(key, _)| key.as_str() < prefix)
            .take_while(|(key, _)| key.starts_with(prefix));
        let mut objects = Vec::new();
        for (key, last_modified) in within.by_ref().take(self.page) {
            objects.push(ListedObject {
                key: ObjectKey::new(key.clone()).expect("a key"),
                etag: "0123".parse().expect("an ETag"),
                size: 1,
                last_modified: *last_modified,
                storage_class: None,
            });
        }
        let more = within.next().is_some();
        let next = objects.last().filter(|_| more).map(|last| last.key.to_string());
        ObjectPage {
            objects,
            prefixes: Vec::new(),
            next,
            store_time: Some(now()),
        }
    }

    /// Lists uploads in the order in which they were added. A cursor is the number of the next one.
    fn list_uploads(&self, request: &ListUploads) -> UploadPage {
        let from: usize = request
            .after
            .as_ref()
            .map_or(0, |after| after.key_marker.parse().expect("our cursor"));
        let mut behind = self.uploads.iter().enumerate().skip(from);
        let uploads = behind.by_ref().take(self.page);
        let uploads = uploads.map(|(number, (key, initiated))| ListedUpload {
            key: ObjectKey::new(key.clone()).expect("a key"),
            upload_id: UploadId::new(number.to_string()),
            initiated: *initiated,
        });
        UploadPage {
            uploads: uploads.collect(),
            next: behind.next().map(|(number, _)| UploadCursor {
                key_marker: number.to_string(),
                upload_id_marker: None,
            }),
            store_time: None,
        }
    }

    fn answer(&mut self, effect: Effect) -> Answer<ErrorKind> {
        match effect {
            Effect::List(request) => Answer::Page(Ok(self.list(&request)), now()),
            Effect::ListUploads(request) => {
                self.calls.others += 1;
                Answer::Uploads(Ok(self.list_uploads(&request)), now())
            }
            Effect::DeleteMany(versions) => {
                self.calls.deletes += 1;
                for DraftVersion { key, .. } in versions {
                    assert!(self.drafts.remove(key.as_str()).is_some(), "{key} was deleted twice");
                    self.deleted.push(key.to_string());
                }
                Answer::Deleted(Ok(Vec::new()))
            }
            Effect::Abort(uploads) => {
                self.aborted += uploads.len();
                Answer::Aborted { failed: 0 }
            }
            Effect::Complete(uploads) => {
                self.completed
                    .extend(uploads.iter().map(|upload| upload.key.to_string()));
                Answer::Completed {
                    completed: uploads.len(),
                    failed: 0,
                }
            }
            Effect::LookUpRejected(notes) => {
                self.calls.others += notes.len() * 2;
                Answer::Rejected(notes.iter().map(|note| Ok(self.rejected(note))).collect())
            }
            Effect::ListStaged(..) | Effect::Look(_) | Effect::DeleteEach(_) | Effect::AbortStaged(..) => {
                panic!("{effect:?} on a store that honours every condition, and has no staged copies")
            }
        }
    }
}

fn info(last_modified: SystemTime) -> ObjectInfo {
    ObjectInfo {
        etag: "0123".parse().expect("an ETag"),
        version_id: None,
        size: 1,
        last_modified,
        checksum_sha256: None,
        etag_is_md5: false,
        attributes: StoredAttributes::default(),
    }
}

fn unique_key(shard: u8, number: u64, expired: bool) -> String {
    let ends = if expired { now() - HOUR * 2 } else { now() + HOUR };
    let id = DraftId::new(ends, u128::from(number) << 8 | u128::from(shard));
    id.key(&ObjectKey::new("a").expect("a key")).to_string()
}

/// Bounds that a few drafts reach.
const FEW: Bounds = Bounds {
    lists: 3,
    deletes: 2,
    batch: 3,
    in_hand: 12,
};

fn rules() -> Rules {
    Rules {
        mode: Mode::Delete,
        slice: Slice::WHOLE,
        policy: Policy::new(HOUR, HOUR, HOUR, Duration::ZERO).expect("a policy"),
        brakes: Brakes::default(),
        capabilities: Capabilities::ALL,
        bounds: Bounds::default(),
    }
}

/// Runs a sweep. `choose` selects which effect in progress is answered next.
fn sweep_by(bucket: &mut TestBucket, rules: Rules, mut choose: impl FnMut(usize) -> usize) -> (Summary, Vec<Found>) {
    let mut pass = Pass::start(rules);
    let mut under_way: Vec<(Job, Effect)> = Vec::new();
    let mut reported = Vec::new();
    loop {
        match pass.step() {
            Next::Perform(job, effect) => under_way.push((job, effect)),
            Next::Report(found) => reported.push(found),
            Next::Finish(result) => {
                result.expect("nothing failed");
                assert!(under_way.is_empty(), "{under_way:?}");
                return (pass.summary(), reported);
            }
            Next::Wait => {
                is_bounded(&under_way, rules.bounds);
                let place = choose(under_way.len());
                let (job, effect) = under_way.swap_remove(place);
                let answer = bucket.answer(effect);
                if let Answer::Page(Ok(page), _) = &answer {
                    for object in &page.objects {
                        *bucket.listed.entry(object.key.to_string()).or_default() += 1;
                    }
                }
                pass.on(job, answer);
            }
        }
    }
}

fn sweep(bucket: &mut TestBucket, rules: Rules) -> Summary {
    sweep_by(bucket, rules, |_| 0).0
}

fn is_bounded(under_way: &[(Job, Effect)], bounds: Bounds) {
    let (mut lists, mut deletes, mut drafts) = (0, 0, 0);
    for (_, effect) in under_way {
        match effect {
            Effect::List(_) => lists += 1,
            Effect::DeleteMany(versions) => {
                deletes += 1;
                drafts += versions.len();
                assert!(versions.len() <= bounds.batch);
            }
            Effect::ListUploads(_)
            | Effect::ListStaged(..)
            | Effect::LookUpRejected(_)
            | Effect::Look(_)
            | Effect::DeleteEach(_)
            | Effect::Abort(_)
            | Effect::Complete(_)
            | Effect::AbortStaged(..) => {}
        }
    }
    assert!(lists <= bounds.lists && deletes <= bounds.deletes, "{under_way:?}");
    assert!(lists * bounds.batch + drafts <= bounds.in_hand, "{under_way:?}");
}

#[test]
fn thousand_expired_drafts_take_two_calls() {
    let mut bucket = TestBucket::new(1_000);
    // 200,192 drafts in all.
    bucket.unique(0..=255, 0..782, true);
    let summary = sweep(&mut bucket, rules());
    assert_eq!(
        (summary.scanned, summary.deleted, bucket.drafts.len()),
        (200_192, 200_192, 0)
    );
    // At least 201 lists are needed. Each of 16 lanes may end in the middle of a page, and names take one list.
    assert_eq!(bucket.calls.deletes, 201);
    assert_eq!(bucket.calls.lists, 1 + 16 * 13 + 1);
    assert_eq!(bucket.calls.others, 1, "of uploads");
}

#[test]
fn live_drafts_cost_one_list_per_shard() {
    for living in [2_000, 4_000] {
        let mut bucket = TestBucket::new(1_000);
        bucket.unique(0..=255, 0..living, false);
        bucket.unique(0..=249, 0..4, true);
        let summary = sweep(&mut bucket, rules());
        assert_eq!((summary.expired, summary.deleted), (1_000, 1_000));
        let calls = Calls {
            // One list per shard, one of names, and the first page, which comes before the shards are divided.
            lists: 256 + 2,
            deletes: 1,
            others: 1,
        };
        assert_eq!(bucket.calls, calls, "{living} in each shard");
    }
}

#[test]
fn feed_costs_one_list_per_shard_and_no_count() {
    let mut bucket = TestBucket::new(1_000);
    let retention = rules().policy.events_retention();
    for number in 0..20_000_u64 {
        let expired = number < 8;
        let at = if expired { now() - retention - HOUR } else { now() };
        let id = EventId::new(
            at + Duration::from_millis(number),
            [u8::try_from(number % 4).unwrap_or(0); 32],
        );
        let (_, step) = FeedWrite::start(id, id.at());
        let FeedStep::Write(entry) = step else {
            panic!("{step:?}");
        };
        bucket.drafts.insert(entry.key().to_string(), now());
    }
    bucket.named(".drafts/events/shop/x", false);
    bucket.named("a", true);
    let brakes = Brakes {
        max_delete_fraction: Some("0.5".parse().expect("a fraction")),
        ..Brakes::default()
    };
    let summary = sweep(&mut bucket, Rules { brakes, ..rules() });
    assert_eq!((summary.scanned, summary.deleted), (2 + 8, 1 + 8));
    // Both the count and the sweep take a list of unique drafts, one that ends in each shard of the feed, and one of names.
    assert_eq!(bucket.calls.lists, 2 * (1 + 4 + 1), "{:?}", bucket.calls);
}

#[test]
fn small_shards_share_pages() {
    let mut bucket = TestBucket::new(1_000);
    bucket.unique(0..=255, 0..36, false);
    bucket.unique(0..=255, 0..4, true);
    let summary = sweep(&mut bucket, rules());
    assert_eq!((summary.expired, summary.deleted), (1_024, 1_024));
    let all = 40 * 256;
    assert!(bucket.calls.lists <= all / 1_000 + 4, "{:?}", bucket.calls);
    assert_eq!(bucket.calls.deletes, 2);
}

#[test]
fn long_ranges_of_names_are_divided_with_few_empty_lists() {
    let numbered: Vec<_> = (0..100_000).map(|n| format!("photos/{n:09}.jpg")).collect();
    let random = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hashed: Vec<_> = (0..100_000)
        .map(|n| format!("tenant/uploads/{:016x}", random(n)))
        .collect();
    let flat: Vec<_> = (0..100_000).map(|n| format!("{:016x}", random(n))).collect();
    for names in [numbered, hashed, flat] {
        let mut bucket = TestBucket::new(1_000);
        let first = names[0].clone();
        for name in names {
            bucket.named(name, true);
        }
        let mut most = 0;
        let (summary, _) = sweep_by(&mut bucket, rules(), |under_way| {
            most = most.max(under_way);
            0
        });
        assert_eq!((summary.deleted, bucket.drafts.len()), (100_000, 0), "{first}");
        assert_eq!(bucket.calls.deletes, 100, "{first}");
        // 100 pages, at most half as many empty lists, and the list of unique drafts.
        assert!(bucket.calls.lists <= 150 + 1, "{first}: {:?}", bucket.calls);
        assert!(most >= 4, "{first}: {most} calls at once");
    }
}

/// Adds names of all kinds, and returns the number of expired ones.
fn scattered(random: &mut StdRng, bucket: &mut TestBucket) -> u64 {
    let mut expired = 0;
    for number in 0..random.random_range(0..200_u64) {
        let is_old = random.random_range(0..2) == 0;
        let shards = [0x00, 0x01, 0x0f, 0x7f, 0x80, 0xfe, 0xff_u8];
        let shard = shards[random.random_range(0..shards.len())];
        let letters = ["0", "A", "k", "kk", "z", "~", "é", "\u{10ffff}", "!"];
        let letter = letters[random.random_range(0..letters.len())];
        expired += u64::from(is_old);
        match random.random_range(0..8) {
            0..=3 => {
                bucket.drafts.insert(unique_key(shard, number, is_old), now());
            }
            4 => bucket.named(format!("{letter}{number}"), is_old),
            5 => bucket.named(format!("one/{letter}/{number}"), is_old),
            // Keys of another form: in a shard before its drafts, between shards, and after them.
            6 => bucket.named(format!(".drafts/{shard:02x}/!{number}"), is_old),
            _ => bucket.named(format!(".drafts/{letter}{number}"), is_old),
        }
    }
    for number in 0..random.random_range(0..9) {
        let (initiated, key) = if number % 2 == 0 {
            (now() - HOUR * 3, "k")
        } else {
            (now(), "0")
        };
        bucket.uploads.push((format!("{key}{number}"), initiated));
    }
    expired
}

#[test]
fn exactly_the_expired_drafts_are_removed_in_any_order_of_answers() {
    for seed in 0..3_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let batch = random.random_range(2..=12);
        let mut bucket = TestBucket::new(batch);
        let expired = scattered(&mut random, &mut bucket);
        let all = bucket.drafts.len() as u64;
        let slices = random.random_range(1..=7);
        let mut total = (0, 0, 0);
        for index in 0..slices {
            let rules = Rules {
                slice: Slice::new(index, slices).expect("a slice"),
                bounds: Bounds {
                    lists: random.random_range(1..=5),
                    deletes: random.random_range(1..=3),
                    batch,
                    in_hand: random.random_range(4..=7) * batch,
                },
                ..rules()
            };
            let aborted = bucket.aborted;
            let (swept, _) = sweep_by(&mut bucket, rules, |under_way| random.random_range(0..under_way));
            let aborted = (bucket.aborted - aborted) as u64;
            total = (
                total.0 + swept.scanned,
                total.1 + swept.deleted - aborted,
                total.2 + swept.expired - aborted,
            );
        }
        let uploads = bucket.uploads.len() as u64;
        assert_eq!(bucket.aborted, bucket.uploads.len().div_ceil(2), "seed {seed}");
        assert_eq!((total.1, total.2), (expired, expired), "seed {seed}: each by one slice");
        assert_eq!(bucket.drafts.len() as u64, all - expired, "seed {seed}");
        // Live drafts of a shard may be skipped, and nothing is counted twice.
        assert!(
            total.0 >= expired + uploads && total.0 <= all + uploads,
            "seed {seed}: {total:?}"
        );
    }
}

#[test]
fn exactly_the_rejected_drafts_are_removed_in_any_order_of_answers() {
    for seed in 0..1_000 {
        let mut random = StdRng::seed_from_u64(seed);
        // Without a condition on deletes, another version could be deleted.
        let is_conditional = seed % 4 > 0;
        let mut bucket = TestBucket::new(3);
        let (mut left, mut gone) = (Vec::new(), 0);
        for number in 0..random.random_range(0..60_u64) {
            let draft = match number % 2 {
                0 => format!("draft {number}"),
                _ => unique_key(7, number, false),
            };
            let [is_there, is_due, is_version] = [0; 3].map(|_| random.random_range(0..4) > 0);
            if is_there {
                bucket.drafts.insert(draft.clone(), now());
            }
            // Two servers may have checked the draft.
            for copy in 0..random.random_range(1..=2) {
                bucket.note(&draft, u128::from(number * 2 + copy), is_due, is_version);
            }
            if is_there && is_due && is_version && is_conditional {
                gone += 1;
            } else if is_there {
                left.push(draft);
            }
        }
        let capabilities = if is_conditional {
            Capabilities::ALL
        } else {
            Capabilities::NONE
        };
        let rules = Rules {
            capabilities,
            bounds: FEW,
            ..rules()
        };
        let (swept, _) = sweep_by(&mut bucket, rules, |under_way| random.random_range(0..under_way));
        let notes = |key: &&String| key.starts_with(".drafts/rejected/");
        assert_eq!(
            bucket.drafts.keys().filter(notes).count(),
            bucket.notes.len() - bucket.deleted.iter().filter(notes).count()
        );
        let mut drafts: Vec<_> = bucket.drafts.keys().filter(|key| !notes(key)).cloned().collect();
        let mut expected = left;
        drafts.sort();
        expected.sort();
        assert_eq!(drafts, expected, "seed {seed}");
        let deleted = bucket.deleted.iter().filter(|key| !notes(key)).count();
        assert_eq!((deleted, swept.failed), (gone, 0), "seed {seed}");
        for note in bucket.drafts.keys().filter(notes) {
            let note = RejectionNote::in_key(&ObjectKey::new(note.clone()).expect("a key")).expect("a note");
            assert!(note.remove_at > now(), "seed {seed}: a note is left");
        }
    }
}

#[test]
fn brakes_hold_in_any_order_of_answers() {
    for seed in 0..1_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bucket = TestBucket::new(3);
        let expired = scattered(&mut random, &mut bucket) + bucket.uploads.len().div_ceil(2) as u64;
        let max_delete = random.random_range(0..=60);
        let rules = Rules {
            brakes: Brakes {
                max_delete: Some(max_delete),
                max_delete_fraction: Some("1".parse().expect("a fraction")),
            },
            bounds: FEW,
            ..rules()
        };
        let (swept, _) = sweep_by(&mut bucket, rules, |under_way| random.random_range(0..under_way));
        let braked = (expired > max_delete).then_some(Brake::MaxDelete);
        assert_eq!(
            (swept.deleted, swept.brake),
            (expired.min(max_delete), braked),
            "seed {seed}"
        );
        assert_eq!(
            (bucket.deleted.len() + bucket.aborted) as u64,
            swept.deleted,
            "seed {seed}"
        );
    }
}

#[test]
fn fraction_is_of_all_drafts_in_the_bucket() {
    let mut bucket = TestBucket::new(10);
    bucket.unique(0..=255, 0..3, false);
    bucket.unique(0..=255, 0..1, true);
    let at_most = |fraction: &str| Rules {
        brakes: Brakes {
            max_delete_fraction: Some(fraction.parse().expect("a fraction")),
            ..Brakes::default()
        },
        ..rules()
    };
    let swept = sweep(&mut bucket, at_most("0.24"));
    assert_eq!((swept.deleted, swept.brake), (245, Some(Brake::MaxDeleteFraction)));
    let once = |count: &usize| *count >= 1;
    assert!(
        bucket.listed.len() == 1024 && bucket.listed.values().all(once),
        "every draft is listed"
    );
    let swept = sweep(&mut bucket, at_most("0.25"));
    assert_eq!((swept.deleted, swept.brake), (11, None), "the rest");
}

#[test]
fn dry_run_reports_each_once_and_removes_nothing() {
    let mut bucket = TestBucket::new(4);
    let mut random = StdRng::seed_from_u64(1);
    let expired = scattered(&mut random, &mut bucket) + bucket.uploads.len().div_ceil(2) as u64;
    let rules = Rules {
        mode: Mode::DryRun,
        ..rules()
    };
    let (swept, reported) = sweep_by(&mut bucket, rules, |under_way| random.random_range(0..under_way));
    assert_eq!((swept.expired, reported.len() as u64), (expired, expired));
    assert_eq!((bucket.deleted.len(), bucket.aborted), (0, 0));
}

#[test]
fn sweep_completes_old_uploads_that_have_not_expired() {
    let idle_after = HOUR / 4;
    let policy = rules().policy.completing_idle_after(Some(idle_after)).expect("valid");
    let ages = [Duration::ZERO, HOUR / 5, idle_after, HOUR / 2, HOUR];
    for (policy, mode, completed, aborted) in [
        (policy, Mode::Delete, &["2", "3"][..], 1),
        (policy, Mode::DryRun, &[], 0),
        (rules().policy, Mode::Delete, &[], 1),
    ] {
        for page in [1, 2, 1_000] {
            let mut bucket = TestBucket::new(page);
            let uploads = ages.iter().enumerate();
            bucket
                .uploads
                .extend(uploads.map(|(place, age)| (place.to_string(), now() - *age)));
            let summary = sweep(
                &mut bucket,
                Rules {
                    mode,
                    policy,
                    ..rules()
                },
            );
            assert_eq!(bucket.completed, completed, "{mode:?}, pages of {page}");
            assert_eq!((summary.completed, bucket.aborted), (completed.len() as u64, aborted));
        }
    }
}
