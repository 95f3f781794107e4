//! The settings of buckets, lifetimes, confirms and sweeps.

mod transitions;

use std::time::Duration;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use draftstore_storage::{BucketName, DraftBucket, InvalidBucketName, SameBucket};

use crate::cleaner::{Brakes, Fraction, Slice};
use crate::draft::{CheckLimits, ConfirmLimits};
use crate::usage_counter::MAX_SEGMENTS;
use crate::{AllowedOrigins, Buckets, CountLimits, InvalidPolicy, MAX_TTL, Policy};

use self::transitions::BucketTransition;

/// The suffix of the draft bucket's default name.
const DRAFT_SUFFIX: &str = "-draft";

/// The longest default of `SWEEP_GRACE`.
const MAX_DEFAULT_GRACE: Duration = Duration::from_secs(900);

settings! {
    #[derive(Debug)]
    struct BucketSettings in "Buckets" {
        /// The name of the main bucket.
        main: BucketName = "BUCKET_NAME", default "main", str::parse;
        /// The name of the draft bucket.
        draft: Option<BucketName> = "DRAFT_BUCKET_NAME", unset "BUCKET_NAME with -draft", str::parse;
        /// The other buckets that destinations of the policy may have, with commas between. The sweep needs them too.
        destinations: Option<Vec<BucketName>> = "DESTINATION_BUCKETS", unset "none", buckets;
        /// The ages in days at which objects move to other storage classes, with commas between: `30:STANDARD_IA` in main,
        /// `90:GLACIER@archive` in the bucket `archive`, `7:GLACIER_IR@main/logs/` below a prefix.
        transitions: Option<Vec<BucketTransition>> = "TRANSITIONS", unset "none", transitions::parse;
    }
}

settings! {
    /// The lifetimes of drafts and URLs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct PolicySettings in "Lifetimes" {
        /// The maximum validity of an upload URL, in seconds, up to 604800.
        upload_ttl: Duration = "UPLOAD_TTL", default "3600", parse::seconds;
        /// The maximum validity of a download URL, in seconds, up to 604800.
        download_ttl: Duration = "DOWNLOAD_TTL", default "3600", parse::seconds;
        /// The age at which a draft has expired, in seconds, at least UPLOAD_TTL.
        object_lifetime: Duration = "OBJECT_LIFETIME", default "86400", parse::seconds;
        /// Seconds beyond the lifetime before a sweep deletes a draft.
        sweep_grace: Option<Duration> =
            "SWEEP_GRACE", unset "900, or a quarter of OBJECT_LIFETIME if that is less", parse::seconds;
        /// Seconds without a new part after which an upload that has all its parts is completed although its client is gone.
        complete_idle_after: Option<Duration> = "COMPLETE_IDLE_AFTER", unset "never", parse::timeout;
        /// Keeps a copy of each object that is replaced or deleted, if main has no versions. The sweep needs it too.
        keep_replaced: bool = "KEEP_REPLACED", default "false", parse::boolean;
        /// The time for which such a copy is kept, in seconds.
        replaced_lifetime: Duration = "REPLACED_LIFETIME", default "2592000", parse::timeout;
        /// The time for which an event is kept in the feed, in seconds. The sweep needs it too.
        events_retention: Duration = "EVENTS_RETENTION", default "604800", parse::timeout;
    }
}

settings! {
    /// The settings of the calls on drafts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DraftSettings in "Drafts" {
        /// Seconds after which a confirm is given up; a repeat completes it.
        pub confirm_timeout: Duration = "CONFIRM_TIMEOUT", default "600", parse::timeout;
        /// The origins of web pages that may use the API and the draft bucket, with commas between.
        pub origins: Option<AllowedOrigins> = "CORS_ALLOWED_ORIGINS", unset "none", str::parse;
        /// Keeps each event in the feed, for ListEvents and WatchEvents: `on` or `off`.
        pub events_feed: bool = "EVENTS_FEED", default "off", parse::on_off;
    }
}

settings! {
    /// The settings of the checks of drafts.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct CheckVariables in "Checks" {
        /// The number of drafts that this server reads at the same time to check them.
        concurrent: usize = "MAX_CONCURRENT_CHECKS", default "8", parse::count;
        /// The number of drafts that this server sends to the same scanner at the same time.
        concurrent_scans: usize = "MAX_CONCURRENT_SCANS", default "8", parse::count;
        /// Seconds that a confirm waits for the checks of its draft, up to CHECK_TIMEOUT; then it answers CHECKS_PENDING.
        wait: Option<Duration> = "CHECK_WAIT", unset "3, or CHECK_TIMEOUT if that is less", parse::timeout;
        /// Seconds after which the checks of a draft are given up, up to 604800; a repeat starts them again.
        timeout: Duration = "CHECK_TIMEOUT", default "60", parse::timeout;
    }
}

settings! {
    #[derive(Debug)]
    struct BrakeVariables in "Sweep" {
        /// The maximum number of drafts and uploads that one sweep deletes. The next sweeps delete the rest.
        max_delete: Option<u64> = "MAX_DELETE", unset "none", whole_number;
        /// The maximum fraction of all drafts and uploads, 0 to 1, that one sweep deletes. The next sweeps delete the rest.
        max_delete_fraction: Option<Fraction> = "MAX_DELETE_FRACTION", unset "none", str::parse;
    }
}

settings! {
    #[derive(Debug)]
    struct UsageVariables in "Sweep" {
        /// The maximum number of lists, of 1000 objects each, by which one sweep counts the objects of all buckets for
        /// GetUsage. The next sweep continues. 0 counts nothing.
        lists: u32 = "USAGE_LISTS", default "1000", lists;
        /// The number of segments in the names of tenants, 0 to 8, by which GetUsage tells them apart.
        tenant_segments: u8 = "USAGE_TENANT_SEGMENTS", default "1", segments;
    }
}

settings! {
    #[derive(Debug)]
    struct ShardVariables in "Sweep" {
        /// The number of the part of the draft bucket that is swept, from 0.
        shard: Option<u16> = "SWEEP_SHARD", unset "JOB_COMPLETION_INDEX if SWEEP_SHARDS is set", index;
        /// The number of parts that the draft bucket is split into, 1 to 256. Each has to be swept, with the same
        /// SWEEP_SHARDS.
        shards: Option<u16> = "SWEEP_SHARDS", unset "none: the whole bucket is swept", shards;
        /// The number of the pod, which Kubernetes sets in an Indexed Job.
        pod: Option<String> = "JOB_COMPLETION_INDEX", unset "none", parse::text;
    }
}

impl Buckets {
    /// The description of the settings.
    pub const SECTION: Section = BucketSettings::SECTION;

    /// Reads the names of the buckets.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Self, Invalid> {
        let BucketSettings {
            main,
            draft,
            destinations,
            transitions,
        } = environment.load()?;
        let draft = match draft {
            Some(draft) => draft,
            None => environment.parse("DRAFT_BUCKET_NAME", &format!("{main}{DRAFT_SUFFIX}"), str::parse)?,
        };
        let others = destinations.unwrap_or_default().into_iter();
        let others = others.map(|bucket| Ok(DraftBucket::pair(draft.clone(), bucket)?.1));
        let others: Result<Vec<_>, SameBucket> = others.collect();
        let destinations = environment.check("DESTINATION_BUCKETS", others);
        let (draft, main) = environment.check("DRAFT_BUCKET_NAME", DraftBucket::pair(draft, main))?;
        let mut buckets = Self::new(draft, main);
        for bucket in destinations? {
            // Each bucket once: a sweep goes through all of them.
            if !buckets.confirmed().any(|other| *other == bucket) {
                buckets.destinations.push(bucket);
            }
        }
        let transitions = transitions::by_bucket(transitions.unwrap_or_default(), &buckets);
        buckets.transitions = environment.check("TRANSITIONS", transitions)?;
        Ok(buckets)
    }
}

impl PolicySettings {
    /// Reads the lifetimes.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn policy(environment: &mut Environment) -> Result<Policy, Invalid> {
        let settings: Self = environment.load()?;
        let lifetime = settings.object_lifetime;
        let quarter = Duration::from_secs(lifetime.as_secs() / 4);
        let grace = settings.sweep_grace.unwrap_or(quarter.min(MAX_DEFAULT_GRACE));
        let policy = Policy::new(settings.upload_ttl, settings.download_ttl, lifetime, grace);
        match policy.and_then(|policy| policy.completing_idle_after(settings.complete_idle_after)) {
            Ok(policy) => {
                let lifetime = settings.keep_replaced.then_some(settings.replaced_lifetime);
                Ok(policy
                    .keeping_replaced_for(lifetime)
                    .keeping_events_for(settings.events_retention))
            }
            Err(error @ InvalidPolicy::IdleAfter) => environment.reject("COMPLETE_IDLE_AFTER", error),
            Err(error @ InvalidPolicy::Ttl(name)) => environment.reject(name, error),
            Err(error @ InvalidPolicy::Lifetime) => environment.reject("OBJECT_LIFETIME", error),
        }
    }
}

impl DraftSettings {
    /// Returns the limits of a confirm. The size above which drafts are copied in parts is not configurable.
    pub fn confirm_limits(&self) -> ConfirmLimits {
        ConfirmLimits {
            timeout: self.confirm_timeout,
            ..ConfirmLimits::default()
        }
    }
}

impl CheckVariables {
    /// Reads the limits of checks.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid, or if a confirm would wait longer than the checks take.
    pub fn limits(environment: &mut Environment) -> Result<CheckLimits, Invalid> {
        let settings: Self = environment.load()?;
        let timeout = settings.timeout;
        let wait = settings.wait.unwrap_or(CheckLimits::DEFAULT.wait.min(timeout));
        // Scanners are sent a URL that is valid so long.
        let is_valid = if timeout > MAX_TTL {
            let rule = format!("must be at most {} seconds, and at least CHECK_WAIT", MAX_TTL.as_secs());
            environment.reject("CHECK_TIMEOUT", rule)
        } else {
            Ok(())
        };
        if wait > timeout {
            let rule = format!("must be at most CHECK_TIMEOUT, which is {}", timeout.as_secs());
            return environment.reject("CHECK_WAIT", rule);
        }
        is_valid.map(|()| CheckLimits {
            concurrent: settings.concurrent,
            concurrent_scans: settings.concurrent_scans,
            wait,
            timeout,
        })
    }
}

/// The settings of a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepSettings {
    /// The limits on how much a sweep deletes.
    pub brakes: Brakes,
    /// The slice of the draft bucket that is swept.
    pub slice: Slice,
    /// The limits of the count of all buckets.
    pub usage: CountLimits,
}

impl SweepSettings {
    /// The descriptions of the settings.
    pub const SECTIONS: [Section; 3] = [
        BrakeVariables::SECTION,
        UsageVariables::SECTION,
        ShardVariables::SECTION,
    ];

    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Self, Invalid> {
        let brakes: Result<BrakeVariables, _> = environment.load();
        let usage: Result<UsageVariables, _> = environment.load();
        let shards: Result<ShardVariables, _> = environment.load();
        let slice = shards.and_then(|shards| shards.slice(environment));
        let (brakes, usage) = (brakes?, usage?);
        Ok(Self {
            brakes: Brakes {
                max_delete: brakes.max_delete,
                max_delete_fraction: brakes.max_delete_fraction,
            },
            slice: slice?,
            usage: CountLimits {
                lists: usage.lists,
                tenant_segments: usage.tenant_segments,
            },
        })
    }
}

impl ShardVariables {
    /// Returns the slice of the bucket to sweep.
    ///
    /// Kubernetes numbers the pods of every Indexed Job, so the number of the pod is used only if `SWEEP_SHARDS` is
    /// set.
    fn slice(self, environment: &mut Environment) -> Result<Slice, Invalid> {
        let Some(shards) = self.shards else {
            return match self.shard {
                Some(_) => environment.reject("SWEEP_SHARD", "must be set together with SWEEP_SHARDS"),
                None => Ok(Slice::WHOLE),
            };
        };
        let (name, shard) = match (self.shard, self.pod) {
            (Some(shard), _) => ("SWEEP_SHARD", shard),
            (None, Some(pod)) => {
                let name = "JOB_COMPLETION_INDEX";
                (name, environment.parse(name, &pod, index)?)
            }
            (None, None) => return environment.reject("SWEEP_SHARD", "must be set together with SWEEP_SHARDS"),
        };
        match Slice::new(shard, shards) {
            Some(slice) => Ok(slice),
            None => environment.reject(name, format!("must be less than SWEEP_SHARDS, which is {shards}")),
        }
    }
}

fn buckets(text: &str) -> Result<Vec<BucketName>, InvalidBucketName> {
    text.split(',').map(|name| name.trim().parse()).collect()
}

fn whole_number(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "must be a whole number")
}

fn lists(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "must be a whole number, from 0")
}

fn segments(text: &str) -> Result<u8, String> {
    let segments = text.parse().ok().filter(|segments| *segments <= MAX_SEGMENTS);
    segments.ok_or_else(|| format!("must be a whole number, 0 to {MAX_SEGMENTS}"))
}

fn index(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "must be a whole number, from 0")
}

fn shards(text: &str) -> Result<u16, String> {
    let shards = text
        .parse()
        .ok()
        .filter(|shards| (1..=Slice::MAX_SLICES).contains(shards));
    shards.ok_or_else(|| format!("must be a whole number, 1 to {}", Slice::MAX_SLICES))
}

#[cfg(test)]
mod tests {
    use draftstore_storage::{MainBucket, Transition};

    use super::*;

    fn load<T>(pairs: &[(&str, &str)], load: impl FnOnce(&mut Environment) -> Result<T, Invalid>) -> Result<T, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let loaded = load(&mut environment);
        environment.finish(loaded).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_match_those_of_the_types() {
        let sweep = load(&[], SweepSettings::load).expect("valid");
        assert_eq!((sweep.brakes, sweep.slice), (Brakes::default(), Slice::WHOLE));
        assert_eq!(sweep.usage, CountLimits::default());
        assert_eq!(DraftSettings::default().confirm_limits(), ConfirmLimits::default());
        assert_eq!(load(&[], CheckVariables::limits), Ok(CheckLimits::default()));
        let buckets = load(&[], Buckets::load).expect("valid");
        assert_eq!(buckets.main.name().as_str(), "main");
        assert_eq!(buckets.draft.name().as_str(), "main-draft");
    }

    #[test]
    fn shard_to_sweep_may_be_the_index_of_a_pod() {
        let slice = |pairs: &[(&str, &str)]| load(pairs, SweepSettings::load).expect("valid").slice;
        let [third, second] = [2, 1].map(|index| Slice::new(index, 4).expect("a slice"));
        let (shard, shards, pod) = (
            ("SWEEP_SHARD", "2"),
            ("SWEEP_SHARDS", "4"),
            ("JOB_COMPLETION_INDEX", "1"),
        );
        assert_eq!(slice(&[shard, shards]), third);
        assert_eq!(slice(&[shards, pod]), second);
        assert_eq!(slice(&[shard, shards, pod]), third);
        assert_eq!(slice(&[pod]), Slice::WHOLE, "an Indexed Job of another purpose");
        for (pairs, said) in [
            (&[shard][..], "SWEEP_SHARD:"),
            (&[shards], "SWEEP_SHARD:"),
            (
                &[("SWEEP_SHARD", "4"), shards],
                "SWEEP_SHARD: must be less than SWEEP_SHARDS, which is 4",
            ),
            (
                &[("JOB_COMPLETION_INDEX", "4"), shards],
                "JOB_COMPLETION_INDEX: must be less",
            ),
            (
                &[("SWEEP_SHARD", "-1"), shards],
                "SWEEP_SHARD: \"-1\": must be a whole number, from 0",
            ),
            (&[shard, ("SWEEP_SHARDS", "0")], "must be a whole number, 1 to 256"),
            (&[shard, ("SWEEP_SHARDS", "257")], "must be a whole number, 1 to 256"),
        ] {
            let error = load(pairs, SweepSettings::load).expect_err("refused");
            assert!(error.contains(said), "{pairs:?}: {error}");
        }
    }

    #[test]
    fn transitions_are_of_configured_buckets() {
        let read = |text: &str| {
            load(
                &[("TRANSITIONS", text), ("DESTINATION_BUCKETS", "archive")],
                Buckets::load,
            )
        };
        let buckets =
            read("365:DEEP_ARCHIVE, 30:STANDARD_IA,7:GLACIER_IR@main/logs/, 0:GLACIER@archive").expect("valid");
        let of = |bucket: &MainBucket| -> Vec<_> {
            let transitions = buckets.transitions_of(bucket).iter();
            let row = |one: &Transition| (one.days, one.storage_class.clone(), one.prefix.clone());
            transitions.map(row).collect()
        };
        let row = |days, class: &str, prefix: &str| (days, class.to_owned(), prefix.to_owned());
        let main = [
            row(7, "GLACIER_IR", "logs/"),
            row(30, "STANDARD_IA", ""),
            row(365, "DEEP_ARCHIVE", ""),
        ];
        assert_eq!(of(&buckets.main), main);
        assert_eq!(of(&buckets.destinations[0]), [row(0, "GLACIER", "")]);
        for (text, said) in [
            ("30", "must be DAYS:STORAGE_CLASS"),
            ("30:STANDARD_IA,", "must be DAYS:STORAGE_CLASS"),
            ("-1:GLACIER", "0 to 36500 days"),
            ("36501:GLACIER", "0 to 36500 days"),
            ("1:glacier", "of A-Z"),
            ("1:STANDARD", "another class than STANDARD"),
            ("1:GLACIER@no", "a bucket name must have"),
            (
                "1:GLACIER@other",
                "names other, which is neither BUCKET_NAME nor in DESTINATION_BUCKETS",
            ),
            ("1:GLACIER@main-draft", "names main-draft, which is neither"),
            ("1:GLACIER,1:DEEP_ARCHIVE", "another age and another class"),
            ("1:GLACIER,2:GLACIER@main", "another age and another class"),
        ] {
            let error = read(text).expect_err("refused");
            assert!(
                error.contains("TRANSITIONS: ") && error.contains(said),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn buckets_must_differ_and_drafts_must_outlive_their_urls() {
        let same = [("BUCKET_NAME", "files"), ("DRAFT_BUCKET_NAME", "files")];
        let error = load(&same, Buckets::load).expect_err("refused");
        assert!(error.contains("DRAFT_BUCKET_NAME: "), "{error}");
        for (pairs, name) in [
            (
                &[("OBJECT_LIFETIME", "60"), ("UPLOAD_TTL", "61")][..],
                "OBJECT_LIFETIME: ",
            ),
            (&[("UPLOAD_TTL", "0")], "UPLOAD_TTL: "),
            (&[("COMPLETE_IDLE_AFTER", "0")], "COMPLETE_IDLE_AFTER: "),
            (&[("COMPLETE_IDLE_AFTER", "86400")], "COMPLETE_IDLE_AFTER: "),
            (
                &[("UPLOAD_TTL", "604801"), ("OBJECT_LIFETIME", "700000")],
                "UPLOAD_TTL: ",
            ),
        ] {
            let error = load(pairs, PolicySettings::policy).expect_err("refused");
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn confirm_waits_no_longer_than_checks_take() {
        let limits = |wait, timeout| {
            let limits = load(
                &[("CHECK_WAIT", wait), ("CHECK_TIMEOUT", timeout)],
                CheckVariables::limits,
            );
            limits.map(|limits| (limits.wait.as_secs(), limits.timeout.as_secs()))
        };
        assert_eq!(limits("5", "5"), Ok((5, 5)));
        assert_eq!(limits("", "2"), Ok((2, 2)));
        assert_eq!(limits("604800", "604800"), Ok((604_800, 604_800)));
        for (wait, timeout, said) in [
            ("6", "5", "CHECK_WAIT: must be at most CHECK_TIMEOUT, which is 5"),
            ("61", "", "CHECK_WAIT: must be at most CHECK_TIMEOUT, which is 60"),
            (
                "3",
                "604801",
                "CHECK_TIMEOUT: must be at most 604800 seconds, and at least CHECK_WAIT",
            ),
        ] {
            let error = limits(wait, timeout).expect_err("refused");
            assert!(error.contains(said), "{error}");
        }
        let both = limits("700001", "700000").expect_err("refused");
        assert!(
            both.contains("CHECK_WAIT: ") && both.contains("CHECK_TIMEOUT: "),
            "{both}"
        );
    }

    #[test]
    fn grace_is_a_quarter_of_a_short_lifetime() {
        for (lifetime, grace) in [("1", 0), ("60", 15), ("3600", 900), ("86400", 900)] {
            let policy = load(
                &[("OBJECT_LIFETIME", lifetime), ("UPLOAD_TTL", "1")],
                PolicySettings::policy,
            )
            .expect("valid");
            assert_eq!(policy.sweep_grace(), Duration::from_secs(grace));
        }
    }
}
