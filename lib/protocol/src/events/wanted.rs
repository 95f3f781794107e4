//! The notes that some endpoint wants events which a sweep stores.
//!
//! A sweep may run in a program without a policy. So the servers store a note for each such kind of events, and renew it.
//! Without a note, a sweep makes no call for the events.

use std::time::{Duration, SystemTime};

use draftstore_storage::ObjectKey;

use super::pending::{EVENTS_PREFIX, KEPT_FOR};
use crate::keys::RESERVED_PREFIX;

/// The prefix of the notes. No endpoint has such a name.
const WANTED_PREFIX: &str = ".wanted/";

/// The time after which a server renews a note.
const RENEWED_AFTER: Duration = Duration::from_secs(6 * 3600);

/// The note that some endpoint wants a kind of events. Its key is `.drafts/events/.wanted/<kind>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedNote;

impl WantedNote {
    /// Returns the key of the note for a kind of events, or `None` if no key can have such a name.
    pub fn key(kind: &str) -> Option<ObjectKey> {
        ObjectKey::new(format!("{}{kind}", Self::prefix())).ok()
    }

    /// Returns true if the key is that of a note.
    pub fn is_key(key: &ObjectKey) -> bool {
        key.as_str().starts_with(&Self::prefix())
    }

    /// Returns true if a sweep stores events for a note that was written at `written_at`. The servers may have been down since
    /// then, for as long as an event is kept for an endpoint.
    pub fn counts(written_at: SystemTime, now: SystemTime) -> bool {
        !now.duration_since(written_at).is_ok_and(|age| age > KEPT_FOR)
    }

    /// Returns true if a server that wrote the note at `written_at` has to renew it.
    pub fn is_due(written_at: Option<SystemTime>, now: SystemTime) -> bool {
        written_at.is_none_or(|at| now.duration_since(at).is_ok_and(|age| age >= RENEWED_AFTER))
    }

    fn prefix() -> String {
        format!("{RESERVED_PREFIX}{EVENTS_PREFIX}{WANTED_PREFIX}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::events::{ActNote, PendingEvent};

    #[test]
    fn note_is_renewed_long_before_it_counts_no_more() {
        let key = WantedNote::key("draft.expired").expect("a key");
        assert_eq!(key.as_str(), ".drafts/events/.wanted/draft.expired");
        assert!(WantedNote::is_key(&key) && !ActNote::is_key(&key));
        assert_eq!(PendingEvent::in_key(&key), None);
        let at = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let day = Duration::from_secs(24 * 3600);
        assert!(WantedNote::is_due(None, at) && !WantedNote::is_due(Some(at), at));
        assert!(WantedNote::is_due(Some(at), at + day));
        assert!(WantedNote::counts(at, at) && WantedNote::counts(at, at + 3 * day));
        assert!(!WantedNote::counts(at, at + 4 * day));
        assert!(WantedNote::counts(at, at - day), "a clock that is behind the store's");
    }
}
