//! The feed: the events of some days, in an order that every reader can follow.
//!
//! - An entry has a moment, by which its key sorts. That is the time of the act if the entry is there within five
//!   seconds of it. So a repeat that makes the same event writes the same entry.
//! - An event that comes later gets an entry of the time of its write: readers may have passed the time of the act.
//! - A reader gets entries that are older than 15 seconds. None is written behind it, although the clocks of servers
//!   and of the store differ from the true time by up to five seconds.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::ObjectKey;
use ulid::Ulid;

use super::id::EventId;
use crate::keys::RESERVED_PREFIX;

/// The prefix of the feed. It sorts after every shard of unique drafts, which are swept apart.
const FEED_PREFIX: &str = "published/";

/// The number of shards. A store splits a busy range of keys by prefix, and each prefix takes thousands of writes a second.
const SHARDS: u8 = 4;

/// The maximum difference between the true time and the clock of a server or of the store.
const MAX_SKEW: Duration = Duration::from_secs(5);

/// The time after its moment in which an entry must be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// The age at which an entry can be read: the clocks of its writer and its reader may differ by twice the skew.
const SETTLED_AFTER: Duration = WRITTEN_WITHIN.saturating_add(MAX_SKEW).saturating_add(MAX_SKEW);

/// The resolution of the store's times.
const STORE_TICK: Duration = Duration::from_secs(1);

/// The number of writes of one event, of which each but the last took too long.
const MAX_WRITES: u8 = 3;

/// An entry of the feed. Its key is `.drafts/published/<shard>/<ULID>`. The ULID has the moment of the entry, and the random part
/// of the event's ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedEntry(Ulid);

impl FeedEntry {
    /// Returns the entry of an event at a moment.
    fn at(at: SystemTime, event: EventId) -> Self {
        Self(Ulid::from_parts(milliseconds(at), event.ulid().random()))
    }

    /// Returns the key of the entry.
    ///
    /// # Panics
    /// Never: such a key is short.
    pub fn key(self) -> ObjectKey {
        let key = format!("{}{}", shard_prefix(self.shard()), self.0);
        ObjectKey::new(key).expect("the key is short, of letters and digits")
    }

    /// Returns the entry with a key of that form, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let feed = key.as_str().strip_prefix(RESERVED_PREFIX)?.strip_prefix(FEED_PREFIX)?;
        let (_, ulid) = feed.split_once('/')?;
        let entry = Self(Ulid::from_string(ulid).ok()?);
        (entry.key() == *key).then_some(entry)
    }

    /// Returns the moment at which the entry expires, if entries are kept for this time.
    pub fn expires_at(self, kept: Duration) -> SystemTime {
        self.moment() + kept
    }

    /// Returns the last possible key of the entry's shard. Keys within a shard are in the order of their expiry.
    pub(crate) fn past_shard(self) -> String {
        format!("{}{}", shard_prefix(self.shard()), char::MAX)
    }

    fn shard(self) -> u8 {
        (self.0.random() % u128::from(SHARDS)).to_le_bytes()[0]
    }

    fn moment(self) -> SystemTime {
        self.0.datetime()
    }

    /// Returns true if an entry that is written at this time is there before a reader passes it.
    fn is_in_time(self, written_at: SystemTime) -> bool {
        written_at <= self.moment() + WRITTEN_WITHIN
    }
}

/// The write of an event into the feed, which its act waits for. It ends well only if no reader can miss the event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FeedWrite {
    event: EventId,
    state: WriteState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum WriteState {
    LookingUp(FeedEntry),
    Writing(FeedEntry, u8),
    Over,
}

/// The next action of a write into the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeedStep {
    /// Look up the object of the entry, and answer with [`FeedWrite::found`].
    LookUp(FeedEntry),
    /// Write the event as this entry, and answer with [`FeedWrite::written`].
    Write(FeedEntry),
    /// The feed has the event.
    Written,
    /// The act must not be answered with success.
    NotWritten,
}

impl FeedWrite {
    /// Starts the write of an event. One of an act long ago may be in the feed already, and is looked up first.
    pub fn start(event: EventId, now: SystemTime) -> (Self, FeedStep) {
        let own = FeedEntry::at(event.at(), event);
        let (state, step) = if own.is_in_time(now) {
            (WriteState::Writing(own, 1), FeedStep::Write(own))
        } else {
            (WriteState::LookingUp(own), FeedStep::LookUp(own))
        };
        (Self { event, state }, step)
    }

    /// Handles the date of the object, by the store's clock, or `None` if there is no object.
    #[must_use]
    pub fn found(&mut self, last_modified: Option<SystemTime>, now: SystemTime) -> FeedStep {
        match std::mem::replace(&mut self.state, WriteState::Over) {
            WriteState::LookingUp(own) if last_modified.is_some_and(|at| own.is_in_time(at + STORE_TICK)) => {
                FeedStep::Written
            }
            WriteState::LookingUp(_) => self.write(now, 1),
            WriteState::Writing(..) | WriteState::Over => FeedStep::NotWritten,
        }
    }

    /// Handles the end of a write, which is `true` if the store has confirmed it. One that took too long is repeated as an entry
    /// of a later moment.
    #[must_use]
    pub fn written(&mut self, is_written: bool, now: SystemTime) -> FeedStep {
        match std::mem::replace(&mut self.state, WriteState::Over) {
            WriteState::Writing(entry, _) if is_written && entry.is_in_time(now) => FeedStep::Written,
            WriteState::Writing(_, writes) if is_written && writes < MAX_WRITES => self.write(now, writes + 1),
            WriteState::Writing(..) | WriteState::LookingUp(_) | WriteState::Over => FeedStep::NotWritten,
        }
    }

    fn write(&mut self, now: SystemTime, writes: u8) -> FeedStep {
        let entry = FeedEntry::at(now, self.event);
        self.state = WriteState::Writing(entry, writes);
        FeedStep::Write(entry)
    }
}

/// A position in the feed: its reader has every entry up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPosition(Ulid);

impl FeedPosition {
    /// The beginning of the feed.
    pub const BEGIN: Self = Self(Ulid::nil());

    /// Returns the last position that nothing is written before any more.
    pub fn settled(now: SystemTime) -> Self {
        let settled = now.checked_sub(SETTLED_AFTER).unwrap_or(UNIX_EPOCH);
        Self(Ulid::from_parts(milliseconds(settled).saturating_sub(1), u128::MAX))
    }

    /// Returns true if entries after the position may have expired, so that its reader can have missed them.
    pub fn has_expired(self, kept: Duration, now: SystemTime) -> bool {
        self.0.datetime() + kept <= now
    }

    /// Returns each shard's part of the feed after the position: the prefix of its keys, and the key that it starts after.
    pub fn shards(self) -> impl Iterator<Item = (String, String)> {
        (0..SHARDS).map(move |shard| {
            let prefix = shard_prefix(shard);
            let after = format!("{prefix}{}", self.0);
            (prefix, after)
        })
    }

    /// Returns the position in its binary form.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes()
    }

    /// Returns the position with this binary form.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Ulid::from_bytes(bytes))
    }
}

impl From<FeedEntry> for FeedPosition {
    fn from(FeedEntry(entry): FeedEntry) -> Self {
        Self(entry)
    }
}

/// A page of the feed, in the order of the entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage<T> {
    /// The entries. Of those of one event, only the first is on the page.
    pub entries: Vec<(FeedEntry, T)>,
    /// The position at which the next page begins.
    pub next: FeedPosition,
    /// `true` if entries may follow at once.
    pub is_full: bool,
}

impl<T> FeedPage<T> {
    /// Creates a page of at most `size` entries after a position, up to one that was settled before the entries were listed.
    /// The clock of another server may be ahead, so that `after` is not settled yet. Of each shard, `listed` needs the first
    /// `size` entries.
    pub fn new(mut listed: Vec<(FeedEntry, T)>, after: FeedPosition, settled: FeedPosition, size: usize) -> Self {
        let settled = settled.max(after);
        listed.retain(|(entry, _)| after < (*entry).into() && FeedPosition::from(*entry) <= settled);
        listed.sort_by_key(|(entry, _)| *entry);
        let is_full = listed.len() >= size;
        listed.truncate(size);
        let last = listed.last().filter(|_| is_full);
        let next = last.map_or(settled, |(entry, _)| (*entry).into());
        let mut events = BTreeSet::new();
        listed.retain(|(FeedEntry(entry), _)| events.insert(entry.random()));
        Self {
            entries: listed,
            next,
            is_full,
        }
    }
}

fn shard_prefix(shard: u8) -> String {
    format!("{RESERVED_PREFIX}{FEED_PREFIX}{shard}/")
}

fn milliseconds(at: SystemTime) -> u64 {
    let milliseconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(milliseconds).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{DeadLetter, PendingEvent};

    const NOW: SystemTime = UNIX_EPOCH;

    fn at(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn event(byte: u8) -> EventId {
        EventId::new(at(0), [byte; 32])
    }

    #[test]
    fn key_of_an_entry_has_its_shard_and_sorts_by_its_moment() {
        for byte in 0..8 {
            let [entry, later] = [0, 1].map(|seconds| FeedEntry::at(at(seconds), event(byte)));
            let key = entry.key();
            assert!(
                key.as_str()
                    .starts_with(&format!(".drafts/published/{}/0", byte % SHARDS)),
                "{key}"
            );
            assert_eq!(FeedEntry::in_key(&key), Some(entry));
            assert!(key < later.key() && later.key().as_str() < entry.past_shard().as_str());
            assert_eq!((PendingEvent::in_key(&key), DeadLetter::in_key(&key)), (None, None));
            assert_eq!(entry.expires_at(Duration::from_secs(7)), at(7));
        }
        let key = FeedEntry::at(at(0), event(1)).key();
        let [other_shard, lower] = [key.as_str().replace("/1/", "/2/"), key.as_str().to_lowercase()];
        for other in [
            other_shard.as_str(),
            &lower,
            ".drafts/published/1/x",
            ".drafts/published/x",
            "published/1/x",
        ] {
            assert_eq!(FeedEntry::in_key(&other.parse().expect("valid")), None, "{other}");
        }
    }

    #[test]
    fn repeat_within_seconds_writes_the_same_entry() {
        let (mut write, step) = FeedWrite::start(event(7), at(0));
        let FeedStep::Write(entry) = step else {
            panic!("{step:?}");
        };
        assert_eq!(write.written(true, at(1)), FeedStep::Written);
        assert_eq!(FeedWrite::start(event(7), at(5)).1, FeedStep::Write(entry));
    }

    #[test]
    fn event_that_is_in_the_feed_is_not_written_again() {
        let (mut write, step) = FeedWrite::start(event(7), at(60));
        assert_eq!(step, FeedStep::LookUp(FeedEntry::at(at(0), event(7))));
        assert_eq!(write.found(Some(at(4)), at(60)), FeedStep::Written);
    }

    #[test]
    fn late_event_has_an_entry_of_the_time_of_its_write() {
        let late = FeedStep::Write(FeedEntry::at(at(60), event(7)));
        // None is there, or one that readers may have passed.
        for found in [None, Some(at(5)), Some(at(50))] {
            let (mut write, _) = FeedWrite::start(event(7), at(60));
            assert_eq!(write.found(found, at(60)), late, "{found:?}");
            assert_eq!(write.written(true, at(65)), FeedStep::Written);
        }
    }

    #[test]
    fn page_ends_before_what_is_not_settled_and_has_each_event_once() {
        let entry = |byte, seconds| (FeedEntry::at(at(seconds), event(byte)), seconds);
        let settled = FeedPosition::settled(at(35));
        let listed = [entry(3, 21), entry(2, 10), entry(1, 19), entry(1, 7), entry(4, 20)];
        let page = FeedPage::new(listed.to_vec(), FeedPosition::BEGIN, settled, 9);
        let moments: Vec<_> = page.entries.iter().map(|(_, seconds)| *seconds).collect();
        assert_eq!((moments, page.next, page.is_full), (vec![7, 10], settled, false));
        for size in 1..4 {
            let page = FeedPage::new(listed.to_vec(), FeedPosition::BEGIN, settled, size);
            let last = [7, 10, 19][size - 1];
            let next = FeedPage::new(listed.to_vec(), page.next, settled, 9);
            assert!(page.is_full && !next.is_full && next.next == settled, "{size}");
            let is_later = |(_, seconds): &(FeedEntry, u64)| *seconds > last;
            assert!(next.entries.iter().all(is_later), "{size}");
            assert_eq!(FeedPosition::from_bytes(page.next.to_bytes()), page.next);
        }
        let ahead = FeedPosition::settled(at(60));
        let behind = FeedPage::new(listed.to_vec(), ahead, settled, 9);
        assert_eq!(
            (behind.entries.len(), behind.next),
            (0, ahead),
            "the clock of another server is ahead"
        );
        assert!(settled < FeedPosition::settled(at(36)) && FeedPosition::BEGIN < settled);
        let day = Duration::from_secs(86_400);
        assert!(!settled.has_expired(day, at(35)) && settled.has_expired(day, at(35) + day));
    }

    #[test]
    fn shard_starts_after_the_position() {
        let entry = FeedEntry::at(at(0), event(1));
        let page = FeedPage::new(vec![(entry, ())], FeedPosition::BEGIN, FeedPosition::settled(at(60)), 1);
        let shards: Vec<_> = page.next.shards().collect();
        assert_eq!(shards.len(), usize::from(SHARDS));
        assert_eq!(shards[1], (".drafts/published/1/".to_owned(), entry.key().to_string()));
    }

    #[test]
    fn write_that_takes_too_long_is_repeated_some_times() {
        let (mut write, _) = FeedWrite::start(event(7), at(0));
        for seconds in [6, 12] {
            let next = FeedStep::Write(FeedEntry::at(at(seconds), event(7)));
            assert_eq!(write.written(true, at(seconds)), next);
        }
        assert_eq!(write.written(true, at(18)), FeedStep::NotWritten);
        let (mut write, _) = FeedWrite::start(event(7), at(0));
        assert_eq!(write.written(false, at(0)), FeedStep::NotWritten);
    }
}
