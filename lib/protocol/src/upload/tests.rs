//! Random schedules of completions, on a store of their own: two servers complete one upload, while its client sends parts
//! again, completes or aborts it, and others upload, confirm or discard the same draft.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::{ETag, ErrorKind, ListedPart, UploadId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{
    Completion, CompletionAnswer, CompletionEffect, CompletionEnd, CompletionStep, FoundDraft, MIN_PART_BYTES, Mark,
    Token, has_ended,
};

const SCHEDULES: u64 = 40_000;
const SERVERS: usize = 2;
const EVENTS: usize = 40;
const PARTS: u16 = 3;
const IDLE_AFTER: Duration = Duration::from_secs(60);
const LIFETIME: u64 = 600;

/// The store, with one upload and one draft.
#[derive(Debug)]
struct TestStore {
    honours_absence: bool,
    now: u64,
    /// The parts of the upload, or `None` after its end.
    upload: Option<Vec<ListedPart>>,
    draft: Option<TestDraft>,
    /// The version of the draft that the upload has created.
    created: Option<ETag>,
    next_version: u64,
}

#[derive(Debug, Clone)]
struct TestDraft {
    etag: ETag,
    mark: Option<String>,
}

/// A completion that a server has in progress.
#[derive(Debug)]
struct Running {
    completion: Completion<ErrorKind>,
    effect: CompletionEffect,
    /// The parts were listed before the end of the upload.
    in_time: bool,
    /// The last look found no draft.
    saw_none: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    No,
    /// The call fails without an effect.
    Before,
    /// The answer gets lost.
    Lost,
}

fn token() -> Token {
    Token {
        upload_id: UploadId::new("u"),
        mark: Mark::new(1),
        content_length: Some(2 * MIN_PART_BYTES + 5),
        part_size: MIN_PART_BYTES,
        part_checksums: false,
        ends_at: UNIX_EPOCH + Duration::from_secs(LIFETIME),
    }
}

impl TestStore {
    fn new(honours_absence: bool) -> Self {
        Self {
            honours_absence,
            now: 0,
            upload: Some(Vec::new()),
            draft: None,
            created: None,
            next_version: 0,
        }
    }

    fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now)
    }

    fn version(&mut self) -> ETag {
        self.next_version += 1;
        format!("{:032x}", self.next_version).parse().expect("an ETag")
    }

    /// Receives a part, which replaces an earlier one of its number.
    fn send(&mut self, number: u16, size: u64) {
        let (etag, time) = (self.version(), self.time());
        let Some(parts) = &mut self.upload else {
            return;
        };
        parts.retain(|part| part.number != number);
        parts.push(ListedPart {
            number,
            etag,
            size,
            checksum_sha256: None,
            last_modified: Some(time),
        });
        parts.sort_by_key(|part| part.number);
    }

    fn complete(&mut self, named: &[ListedPart], if_absent: bool) -> Result<ETag, ErrorKind> {
        let Some(parts) = &self.upload else {
            return Err(ErrorKind::NotFound);
        };
        if if_absent && self.honours_absence && self.draft.is_some() {
            return Err(ErrorKind::PreconditionFailed);
        }
        if named.iter().any(|named| !parts.contains(named)) {
            return Err(ErrorKind::Conflict);
        }
        self.upload = None;
        let etag = self.version();
        self.draft = Some(TestDraft {
            etag: etag.clone(),
            mark: Some(token().mark.text()),
        });
        self.created = Some(etag.clone());
        Ok(etag)
    }

    /// Performs the completion of a server, which must be of all parts, some time after the last of them.
    fn complete_for_client(&mut self, named: &[ListedPart], running: &Running) -> Result<ETag, ErrorKind> {
        let (before, last) = (self.draft.clone(), self.last_arrival());
        let completed = self.complete(named, true)?;
        let sizes: Vec<_> = named.iter().map(|part| (part.number, part.size)).collect();
        assert_eq!(
            sizes,
            [(1, MIN_PART_BYTES), (2, MIN_PART_BYTES), (3, 5)],
            "a partial draft"
        );
        let idle = Duration::from_secs(self.now - last);
        assert!(idle >= IDLE_AFTER, "{idle:?} after a part");
        assert!(running.saw_none, "nobody looked for a draft");
        assert!(running.in_time, "after the end of the upload");
        assert!(!self.honours_absence || before.is_none(), "{before:?} was replaced");
        Ok(completed)
    }

    fn last_arrival(&self) -> u64 {
        let parts = self.upload.iter().flatten().filter_map(|part| part.last_modified);
        let last = parts.max().and_then(|last| last.duration_since(UNIX_EPOCH).ok());
        last.unwrap_or_default().as_secs()
    }
}

fn start() -> Running {
    let (completion, effect) = Completion::start(IDLE_AFTER);
    Running {
        completion,
        effect,
        in_time: false,
        saw_none: false,
    }
}

/// Performs the next call of a completion, and checks its end if it has ended.
fn step(store: &mut TestStore, running: &mut Running, fault: Fault) -> Option<CompletionEnd> {
    let failed = match fault {
        Fault::No => None,
        Fault::Before | Fault::Lost => Some(ErrorKind::Unavailable),
    };
    let answer = match running.effect.clone() {
        CompletionEffect::LookUpPlan => CompletionAnswer::Plan(failed.map_or(Ok(Some(token())), Err)),
        CompletionEffect::ListParts => {
            let parts = store.upload.clone();
            running.in_time = !has_ended(store.time(), token().ends_at);
            CompletionAnswer::Parts(failed.map_or(Ok(parts), Err), store.time())
        }
        CompletionEffect::LookUpDraft => {
            running.saw_none = store.draft.is_none();
            let draft = store
                .draft
                .clone()
                .map(|TestDraft { etag, mark }| FoundDraft { etag, mark });
            CompletionAnswer::Draft(failed.map_or(Ok(draft), Err))
        }
        CompletionEffect::Complete(parts) => {
            let completed = match fault {
                Fault::Before => Err(ErrorKind::Unavailable),
                Fault::No | Fault::Lost => store.complete_for_client(&parts, running),
            };
            CompletionAnswer::Completed(failed.map_or(completed, Err))
        }
    };
    match running.completion.on(answer) {
        CompletionStep::Perform(effect) => {
            running.effect = effect;
            None
        }
        CompletionStep::Finish(ended) => {
            *running = start();
            let end = ended.ok();
            if let Some(CompletionEnd::Completed(etag)) = &end {
                assert_eq!(store.created.as_ref(), Some(etag), "not what the upload has created");
            }
            end
        }
    }
}

/// Performs a random act of the client, or of another.
fn act(store: &mut TestStore, random: &mut StdRng) {
    match random.random_range(0..12) {
        0..5 => {
            let number = random.random_range(1..=PARTS);
            let exact = token().part_length(number).expect("the size is known");
            let size = if random.random_range(0..10) == 0 {
                exact - 1
            } else {
                exact
            };
            store.send(number, size);
        }
        5 => {
            let parts = store.upload.clone().unwrap_or_default();
            if token().is_complete(&parts) {
                drop(store.complete(&parts, false));
            }
        }
        6 => {
            if random.random_range(0..8) == 0 {
                store.upload = None;
            }
        }
        7 => {
            let etag = store.version();
            store.draft = Some(TestDraft { etag, mark: None });
        }
        8 => store.draft = None,
        _ => store.now += [1, 30, 61, 200][random.random_range(0..4)],
    }
}

fn run(seed: u64) -> bool {
    let mut random = StdRng::seed_from_u64(seed);
    let mut store = TestStore::new(random.random_range(0..2) == 0);
    let mut servers: Vec<Running> = (0..SERVERS).map(|_| start()).collect();
    for _ in 0..EVENTS {
        if random.random_range(0..3) == 0 {
            act(&mut store, &mut random);
            continue;
        }
        let server = random.random_range(0..SERVERS);
        let fault = [Fault::No, Fault::No, Fault::No, Fault::Before, Fault::Lost][random.random_range(0..5)];
        step(&mut store, &mut servers[server], fault);
    }
    // Nobody disturbs any more.
    store.draft = None;
    store.now += IDLE_AFTER.as_secs();
    let parts = store.upload.clone();
    let is_due = parts.is_some_and(|parts| token().is_complete(&parts)) && !has_ended(store.time(), token().ends_at);
    let mut last = start();
    let end = std::iter::repeat_with(|| step(&mut store, &mut last, Fault::No))
        .flatten()
        .next();
    let completed = matches!(end, Some(CompletionEnd::Completed(_)));
    assert_eq!(completed, is_due, "{end:?}");
    completed
}

#[test]
fn no_schedule_of_completions_loses_or_cuts_a_draft() {
    let completed = (0..SCHEDULES).filter(|seed| run(*seed)).count();
    assert!(completed > 1_000, "{completed} schedules end with a completion");
}

#[test]
fn upload_without_a_plan_is_left_to_its_client() {
    let (mut completion, effect) = Completion::<ErrorKind>::start(IDLE_AFTER);
    assert_eq!(effect, CompletionEffect::LookUpPlan);
    let step = completion.on(CompletionAnswer::Plan(Ok(None)));
    assert_eq!(step, CompletionStep::Finish(Ok(CompletionEnd::NotPlanned)));
}
