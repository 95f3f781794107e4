//! Token buckets, one for each key. Time is an argument.
//!
//! A bucket is kept as the moment at which it will be full again (the generic cell rate algorithm): a number for each key,
//! and none for a key whose bucket is full.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashTable;

/// So many locks, of which a request takes one.
const SHARDS: usize = 16;

/// Keys that all the buckets of a kind remember at most. Beyond it those are forgotten that are fullest.
pub(super) const MAX_KEYS: usize = 65_536;

/// So many requests in that time, spread as the caller likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    requests: NonZeroU32,
    window: Duration,
}

impl Quota {
    /// The window counts in whole seconds, and has at least one.
    pub fn new(requests: NonZeroU32, window: Duration) -> Self {
        let window = Duration::from_secs(window.as_secs().max(1));
        Self { requests, window }
    }

    /// In which one request is earned.
    fn per_request(self) -> Duration {
        self.window / self.requests.get()
    }

    fn cost(self, requests: u32) -> Duration {
        self.per_request() * requests.min(self.requests.get())
    }
}

/// How a bucket stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Requests that it has room for now.
    pub(super) remaining: u32,
    /// Whole seconds until it is full again.
    pub(super) full_in: u64,
}

/// A bucket that has too little in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted {
    pub(super) standing: Standing,
    /// Whole seconds until it has enough, at least one.
    pub(super) retry_after: u32,
}

/// One bucket for each key. A key is hashed as in a `HashMap`, so that nobody can choose ones that meet, and once for its shard and
/// its place there.
#[derive(Debug)]
pub(crate) struct Buckets<K> {
    /// As callers are told it.
    pub(super) name: &'static str,
    quota: Quota,
    /// As `RateLimit-Policy` describes the quota. It goes with every answer.
    pub(super) policy: String,
    hasher: RandomState,
    shards: [Mutex<Shard<K>>; SHARDS],
}

/// When each bucket will be full.
type Shard<K> = HashTable<(K, Instant)>;

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Buckets of that name, of which each holds as much.
    pub(super) fn new(name: &'static str, quota: Quota) -> Self {
        Self {
            name,
            quota,
            policy: format!("\"{name}\";q={};w={}", quota.requests, quota.window.as_secs()),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Takes so many requests out of the key's bucket, or none where it has not as many. What is more than a full bucket
    /// counts as a full one.
    pub(crate) fn take(&self, key: &K, requests: u32, now: Instant) -> Result<Standing, Exhausted> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let before = full_at(&shard, hash, key).map_or(now, |full_at| full_at.max(now));
        let after = before + self.quota.cost(requests);
        let latest = now + self.quota.window;
        if after > latest {
            let wait = seconds(after - latest).max(1);
            return Err(Exhausted {
                standing: self.standing_at(before, now),
                retry_after: u32::try_from(wait).unwrap_or(u32::MAX),
            });
        }
        self.put(&mut shard, hash, key, after, now);
        Ok(self.standing_at(after, now))
    }

    /// Takes so many, or all that there are.
    pub(super) fn drain(&self, key: &K, requests: u32, now: Instant) {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let before = full_at(&shard, hash, key).map_or(now, |full_at| full_at.max(now));
        let after = (before + self.quota.cost(requests)).min(now + self.quota.window);
        self.put(&mut shard, hash, key, after, now);
    }

    /// How the key's bucket stands.
    pub(super) fn standing(&self, key: &K, now: Instant) -> Standing {
        let hash = self.hasher.hash_one(key);
        let full_at = full_at(&self.shard(hash), hash, key).map_or(now, |full_at| full_at.max(now));
        self.standing_at(full_at, now)
    }

    fn standing_at(&self, full_at: Instant, now: Instant) -> Standing {
        let missing = full_at - now;
        let left = self.quota.window.saturating_sub(missing).as_nanos();
        let remaining = left / self.quota.per_request().as_nanos().max(1);
        Standing {
            remaining: u32::try_from(remaining)
                .unwrap_or(u32::MAX)
                .min(self.quota.requests.get()),
            full_in: seconds(missing),
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<K>> {
        // The table goes by the others of its bits.
        let shard = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        // Nothing panics while it holds the lock.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room where there is none: full buckets are forgotten, and where all are in use the fuller half is. That is rare
    /// enough to cost nothing, as it frees at least half of the room.
    fn put(&self, shard: &mut Shard<K>, hash: u64, key: &K, full_at: Instant, now: Instant) {
        if let Some((_, known)) = shard.find_mut(hash, |(known, _)| known == key) {
            *known = full_at;
            return;
        }
        if shard.len() >= MAX_KEYS / SHARDS {
            shard.retain(|(_, full_at)| *full_at > now);
            if shard.len() > MAX_KEYS / SHARDS / 2 {
                let mut all: Vec<_> = shard.iter().map(|(_, full_at)| *full_at).collect();
                let middle = all.len() / 2;
                let median = *all.select_nth_unstable(middle).1;
                shard.retain(|(_, full_at)| *full_at > median);
            }
        }
        shard.insert_unique(hash, (key.clone(), full_at), |(key, _)| self.hasher.hash_one(key));
    }
}

/// When the key's bucket will be full; none where nothing was taken that it remembers.
fn full_at<K: Eq>(shard: &Shard<K>, hash: u64, key: &K) -> Option<Instant> {
    shard.find(hash, |(known, _)| known == key).map(|(_, full_at)| *full_at)
}

/// Begun seconds.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(requests: u32, seconds: u64) -> Quota {
        Quota::new(NonZeroU32::new(requests).expect("some"), Duration::from_secs(seconds))
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_fills_again() {
        let buckets = Buckets::new("keys", quota(4, 8));
        let start = Instant::now();
        for remaining in [3, 2, 1, 0] {
            let standing = buckets.take(&"a", 1, start).expect("there is one");
            assert_eq!(standing.remaining, remaining);
        }
        let refused = buckets.take(&"a", 1, start).expect_err("empty");
        assert_eq!((refused.retry_after, refused.standing.full_in), (2, 8));
        assert!(buckets.take(&"a", 1, start + Duration::from_millis(1999)).is_err());
        assert!(buckets.take(&"a", 1, start + Duration::from_secs(2)).is_ok());
        let later = start + Duration::from_secs(100);
        assert_eq!(buckets.standing(&"a", later).remaining, 4, "no more than it holds");
    }

    #[test]
    fn keys_have_buckets_of_their_own() {
        let buckets = Buckets::new("keys", quota(1, 1));
        let now = Instant::now();
        assert!(buckets.take(&"a", 1, now).is_ok());
        assert!(buckets.take(&"a", 1, now).is_err());
        assert!(buckets.take(&"b", 1, now).is_ok());
    }

    #[test]
    fn many_at_once_cost_as_many_up_to_a_full_bucket() {
        let buckets = Buckets::new("keys", quota(10, 10));
        let now = Instant::now();
        assert_eq!(buckets.take(&"a", 7, now).expect("enough").remaining, 3);
        let refused = buckets.take(&"a", 7, now).expect_err("too few");
        assert_eq!(
            (refused.retry_after, refused.standing.remaining),
            (4, 3),
            "nothing was taken"
        );
        assert!(buckets.take(&"b", 1000, now).is_ok(), "else it would never go through");
        assert_eq!(buckets.standing(&"b", now).remaining, 0);
        buckets.drain(&"a", 1000, now);
        assert_eq!(buckets.standing(&"a", now).remaining, 0);
        assert_eq!(
            buckets.standing(&"a", now + Duration::from_secs(10)).remaining,
            10,
            "no debt"
        );
    }

    #[test]
    fn so_many_keys_are_remembered_and_the_emptiest_longest() {
        let buckets = Buckets::new("keys", quota(10, 10));
        let now = Instant::now();
        buckets.drain(&u32::MAX, 10, now);
        for key in 0..200_000 {
            buckets.take(&key, 1, now).expect("there is one");
        }
        let remembered: usize = buckets
            .shards
            .iter()
            .map(|shard| shard.lock().expect("sound").len())
            .sum();
        assert!(remembered <= MAX_KEYS, "{remembered}");
        assert!(
            buckets.take(&u32::MAX, 1, now).is_err(),
            "whoever has used it up is not forgotten"
        );
    }
}
