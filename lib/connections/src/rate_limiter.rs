//! A rate limiter: one token bucket for each key. Time is an argument.
//!
//! A bucket is stored as the time at which it will be full again (the generic cell rate algorithm): one number for each key,
//! and nothing for a key whose bucket is full.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashTable;

/// The number of locks. A request takes one.
const SHARDS: usize = 16;

/// The maximum number of stored keys. Beyond it the fullest buckets are dropped.
const MAX_KEYS: usize = 65_536;

/// The longest window of a quota, in seconds: a day. A longer one would outlive the process that counts.
const MAX_WINDOW: u32 = 86_400;

/// The error of a text that is not a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'off', or requests and seconds as in '100/60', both from 1, up to {MAX_WINDOW} seconds")]
pub struct InvalidQuota;

/// A number of requests per time window. Bursts are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    requests: NonZeroU32,
    window: Duration,
}

impl FromStr for Quota {
    type Err = InvalidQuota;

    fn from_str(text: &str) -> Result<Self, InvalidQuota> {
        let quota = text.split_once('/').and_then(|(requests, seconds)| {
            let seconds: NonZeroU32 = seconds.parse().ok()?;
            let window = Duration::from_secs(seconds.get().into());
            (seconds.get() <= MAX_WINDOW).then_some(Self::new(requests.parse().ok()?, window))
        });
        quota.ok_or(InvalidQuota)
    }
}

impl Quota {
    /// Parses a quota; `off` is no limit.
    ///
    /// # Errors
    /// [`InvalidQuota`].
    pub fn or_off(text: &str) -> Result<Option<Self>, InvalidQuota> {
        if text == "off" {
            Ok(None)
        } else {
            text.parse().map(Some)
        }
    }

    /// Creates a quota. The window is truncated to whole seconds, at least one.
    pub fn new(requests: NonZeroU32, window: Duration) -> Self {
        let window = Duration::from_secs(window.as_secs().max(1));
        Self { requests, window }
    }

    /// Returns the time in which the bucket gains one request.
    fn per_request(self) -> Duration {
        self.window / self.requests.get()
    }

    fn cost(self, requests: u32) -> Duration {
        self.per_request() * requests.min(self.requests.get())
    }
}

/// The state of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// The number of requests that the bucket has now.
    pub requests: u32,
    /// Whole seconds until the bucket is full again.
    pub full_in: u64,
}

/// The error of a bucket with too few requests left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    remaining: Remaining,
    /// Whole seconds until the bucket has enough, at least one.
    pub retry_after: u32,
}

/// A rate limiter with one bucket per key. The hash is seeded as in `HashMap`, so that an attacker cannot choose colliding keys,
/// and computed once for the shard and the slot.
#[derive(Debug)]
pub struct RateLimiter<K> {
    /// The name in responses.
    pub name: &'static str,
    quota: Quota,
    /// The quota in the syntax of `RateLimit-Policy`, which every response contains.
    pub policy: String,
    hasher: RandomState,
    shards: [Mutex<Shard<K>>; SHARDS],
}

/// The time at which each bucket will be full.
type Shard<K> = HashTable<(K, Instant)>;

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// Creates a limiter whose buckets each hold the quota.
    pub fn new(name: &'static str, quota: Quota) -> Self {
        Self {
            name,
            quota,
            policy: format!("\"{name}\";q={};w={}", quota.requests, quota.window.as_secs()),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Takes requests from the key's bucket, or none if it has too few. More than a full bucket counts as a full one.
    ///
    /// # Errors
    /// [`Exhausted`] if there are too few.
    pub fn take(&self, key: &K, requests: u32, now: Instant) -> Result<Remaining, Exhausted> {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let before = full_at(&shard, hash, key).map_or(now, |full_at| full_at.max(now));
        let after = before + self.quota.cost(requests);
        let latest = now + self.quota.window;
        if after > latest {
            let wait = seconds(after - latest).max(1);
            return Err(Exhausted {
                remaining: self.remaining_at(before, now),
                retry_after: u32::try_from(wait).unwrap_or(u32::MAX),
            });
        }
        self.put(&mut shard, hash, key, after, now);
        Ok(self.remaining_at(after, now))
    }

    /// Takes requests from the key's bucket, or as many as it has.
    pub fn drain(&self, key: &K, requests: u32, now: Instant) {
        let hash = self.hasher.hash_one(key);
        let mut shard = self.shard(hash);
        let before = full_at(&shard, hash, key).map_or(now, |full_at| full_at.max(now));
        let after = (before + self.quota.cost(requests)).min(now + self.quota.window);
        self.put(&mut shard, hash, key, after, now);
    }

    /// Returns the state of the key's bucket.
    pub fn remaining(&self, key: &K, now: Instant) -> Remaining {
        let hash = self.hasher.hash_one(key);
        let full_at = full_at(&self.shard(hash), hash, key).map_or(now, |full_at| full_at.max(now));
        self.remaining_at(full_at, now)
    }

    fn remaining_at(&self, full_at: Instant, now: Instant) -> Remaining {
        let missing = full_at - now;
        let left = self.quota.window.saturating_sub(missing).as_nanos();
        let requests = left / self.quota.per_request().as_nanos().max(1);
        Remaining {
            requests: u32::try_from(requests)
                .unwrap_or(u32::MAX)
                .min(self.quota.requests.get()),
            full_in: seconds(missing),
        }
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard<K>> {
        // The table uses the other bits of the hash.
        let shard = usize::try_from(hash >> 32).unwrap_or_default() % SHARDS;
        // No code panics while it holds the lock.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the time at which the bucket will be full. In a full shard it first drops the full buckets and, if all are in use,
    /// the fuller half. This frees at least half of the shard, so the amortized cost is small.
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

/// Returns the time at which the key's bucket will be full, or `None` if the key is not stored.
fn full_at<K: Eq>(shard: &Shard<K>, hash: u64, key: &K) -> Option<Instant> {
    shard.find(hash, |(known, _)| known == key).map(|(_, full_at)| *full_at)
}

/// Rounds up to whole seconds.
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
    fn bucket_refills_up_to_its_capacity() {
        let limiter = RateLimiter::new("keys", quota(4, 8));
        let start = Instant::now();
        for remaining in [3, 2, 1, 0] {
            let taken = limiter.take(&"a", 1, start).expect("there is one");
            assert_eq!(taken.requests, remaining);
        }
        let refused = limiter.take(&"a", 1, start).expect_err("empty");
        assert_eq!((refused.retry_after, refused.remaining.full_in), (2, 8));
        assert!(limiter.take(&"a", 1, start + Duration::from_millis(1999)).is_err());
        assert!(limiter.take(&"a", 1, start + Duration::from_secs(2)).is_ok());
        let later = start + Duration::from_secs(100);
        assert_eq!(limiter.remaining(&"a", later).requests, 4, "no more than it holds");
    }

    #[test]
    fn each_key_has_its_own_bucket() {
        let limiter = RateLimiter::new("keys", quota(1, 1));
        let now = Instant::now();
        assert!(limiter.take(&"a", 1, now).is_ok());
        assert!(limiter.take(&"a", 1, now).is_err());
        assert!(limiter.take(&"b", 1, now).is_ok());
    }

    #[test]
    fn batch_costs_its_size_up_to_a_full_bucket() {
        let limiter = RateLimiter::new("keys", quota(10, 10));
        let now = Instant::now();
        assert_eq!(limiter.take(&"a", 7, now).expect("enough").requests, 3);
        let refused = limiter.take(&"a", 7, now).expect_err("too few");
        assert_eq!(
            (refused.retry_after, refused.remaining.requests),
            (4, 3),
            "nothing was taken"
        );
        assert!(
            limiter.take(&"b", 1000, now).is_ok(),
            "a larger batch would never succeed"
        );
        assert_eq!(limiter.remaining(&"b", now).requests, 0);
        limiter.drain(&"a", 1000, now);
        assert_eq!(limiter.remaining(&"a", now).requests, 0);
        assert_eq!(
            limiter.remaining(&"a", now + Duration::from_secs(10)).requests,
            10,
            "no debt"
        );
    }

    #[test]
    fn number_of_keys_is_bounded_and_the_emptiest_are_kept() {
        let limiter = RateLimiter::new("keys", quota(10, 10));
        let now = Instant::now();
        limiter.drain(&u32::MAX, 10, now);
        for key in 0..200_000 {
            limiter.take(&key, 1, now).expect("there is one");
        }
        let remembered: usize = limiter
            .shards
            .iter()
            .map(|shard| shard.lock().expect("sound").len())
            .sum();
        assert!(remembered <= MAX_KEYS, "{remembered}");
        assert!(
            limiter.take(&u32::MAX, 1, now).is_err(),
            "an empty bucket is never dropped"
        );
    }
}
