//! The objects that hold the events which were given up.

use std::time::{Duration, SystemTime};

use draftstore_storage::ObjectKey;

use super::id::EventId;
use super::pending::{EVENTS_PREFIX, EndpointName, PendingEvent};
use crate::keys::RESERVED_PREFIX;

/// The prefix of dead letters. No endpoint has such a name.
const DEAD_PREFIX: &str = ".dead/";

/// The time for which a dead letter is kept after it was given up: 30 days.
const DEAD_KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// An event that was given up, because its endpoint has not acknowledged it for three days. Its key is
/// `.drafts/events/.dead/<endpoint>/<ULID of the event>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter(pub PendingEvent);

impl DeadLetter {
    /// Returns the prefix of the keys of an endpoint's dead letters. Older ones come first.
    pub fn prefix(endpoint: &EndpointName) -> String {
        format!("{RESERVED_PREFIX}{EVENTS_PREFIX}{DEAD_PREFIX}{endpoint}/")
    }

    /// Returns the key of the dead letter.
    ///
    /// # Panics
    /// Never: such a key is short.
    pub fn key(&self) -> ObjectKey {
        let key = format!("{}{}", Self::prefix(&self.0.endpoint), self.0.id.ulid());
        ObjectKey::new(key).expect("the key is short, of letters and digits")
    }

    /// Returns the dead letter with a key of that form, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let rest = key
            .as_str()
            .strip_prefix(RESERVED_PREFIX)?
            .strip_prefix(EVENTS_PREFIX)?;
        let (endpoint, id) = rest.strip_prefix(DEAD_PREFIX)?.split_once('/')?;
        Some(Self(PendingEvent {
            endpoint: endpoint.parse().ok()?,
            id: EventId::of_ulid(id)?,
        }))
    }

    /// Returns the moment at which the dead letter expires.
    pub fn expires_at(&self) -> SystemTime {
        self.0.given_up_at() + DEAD_KEPT_FOR
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn dead_letter_has_a_key_of_its_own_and_outlives_the_pending_event() {
        let at = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let event = PendingEvent {
            endpoint: "billing".parse().expect("a name"),
            id: EventId::new(at, [7; 32]),
        };
        let dead = DeadLetter(event.clone());
        assert!(dead.key().as_str().starts_with(".drafts/events/.dead/billing/"));
        assert_eq!(DeadLetter::in_key(&dead.key()), Some(dead.clone()));
        assert_eq!(PendingEvent::in_key(&dead.key()), None);
        assert_eq!(DeadLetter::in_key(&event.key()), None);
        assert_eq!(dead.expires_at(), at + Duration::from_secs(33 * 24 * 3600));
        assert!(event.expires_at() < dead.expires_at());
    }
}
