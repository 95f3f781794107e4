//! The objects that hold the events which an endpoint has not acknowledged.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use draftstore_storage::ObjectKey;

use super::id::EventId;
use crate::keys::RESERVED_PREFIX;

/// The prefix of pending events. It sorts among the shards of unique drafts, of which no prefix is one.
pub(super) const EVENTS_PREFIX: &str = "events/";

/// The time for which an event is kept, and sent again, if its endpoint does not acknowledge it.
pub const KEPT_FOR: Duration = Duration::from_secs(3 * 24 * 3600);

/// The time in which a server makes an event a dead letter that was given up. Then it is swept, as are those of an endpoint
/// that no server has.
const GIVEN_UP_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// The shortest and the longest time between two attempts to send a pending event.
const INTERVALS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(6 * 3600)];

/// The time for which a server has an event to itself that it has written, or writes again before an attempt. It is longer than
/// an attempt.
const CLAIMED_FOR: Duration = Duration::from_secs(20);

/// The maximum length of an endpoint's name in bytes.
const MAX_NAME_BYTES: usize = 63;

/// The name of an endpoint, which is a part of keys, labels and logs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointName(String);

/// The error of a text that is not the name of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name must have 1 to 63 characters of A-Z, a-z, 0-9, '-' and '_'")]
pub struct InvalidEndpointName;

/// An event that an endpoint has not acknowledged. Its key is `.drafts/events/<endpoint>/<ULID of the event>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingEvent {
    /// The endpoint that lacks the event.
    pub endpoint: EndpointName,
    /// The ID of the event.
    pub id: EventId,
}

impl PendingEvent {
    /// Returns the prefix of the keys of all events that an endpoint lacks. Older events come first.
    pub fn prefix(endpoint: &EndpointName) -> String {
        format!("{RESERVED_PREFIX}{EVENTS_PREFIX}{endpoint}/")
    }

    /// Returns the key of the event's object.
    ///
    /// # Panics
    /// Never: such a key has at most 105 bytes.
    pub fn key(&self) -> ObjectKey {
        let key = format!("{}{}", Self::prefix(&self.endpoint), self.id.ulid());
        ObjectKey::new(key).expect("the key is short, of letters and digits")
    }

    /// Returns the event in a key of that form, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let rest = key.as_str().strip_prefix(RESERVED_PREFIX)?;
        let (endpoint, id) = rest.strip_prefix(EVENTS_PREFIX)?.split_once('/')?;
        Some(Self {
            endpoint: endpoint.parse().ok()?,
            id: EventId::of_ulid(id)?,
        })
    }

    /// Returns the moment at which the event is given up, and becomes a dead letter.
    pub fn given_up_at(&self) -> SystemTime {
        self.id.at() + KEPT_FOR
    }

    /// Returns true if a server that has not written this version of the event may send it. The one that has may be sending
    /// it: an endpoint would get it twice.
    pub fn is_free(written_at: SystemTime, now: SystemTime) -> bool {
        now.duration_since(written_at).is_ok_and(|age| age >= CLAIMED_FOR)
    }

    /// Returns the moment at which the object of the event expires.
    pub fn expires_at(&self) -> SystemTime {
        self.given_up_at() + GIVEN_UP_WITHIN
    }
}

/// Returns the time between two attempts to send an event of this age. It grows with the age, so that the attempts of
/// three days are some dozens. `jitter`, from 0 to 1, spreads those of several servers.
pub fn attempt_interval(age: Duration, jitter: f64) -> Duration {
    let [shortest, longest] = INTERVALS;
    let interval = (age / 2).clamp(shortest, longest);
    interval.mul_f64(0.8 + 0.4 * jitter.clamp(0.0, 1.0))
}

impl FromStr for EndpointName {
    type Err = InvalidEndpointName;

    fn from_str(text: &str) -> Result<Self, InvalidEndpointName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let valid = (1..=MAX_NAME_BYTES).contains(&text.len()) && text.bytes().all(allowed);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidEndpointName)
    }
}

impl EndpointName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn pending(endpoint: &str, seconds: u64) -> PendingEvent {
        PendingEvent {
            endpoint: endpoint.parse().expect("a name"),
            id: EventId::new(UNIX_EPOCH + Duration::from_secs(seconds), [7; 32]),
        }
    }

    #[test]
    fn key_has_the_endpoint_and_the_event() {
        let event = pending("billing", 1_800_000_000);
        let key = event.key();
        assert!(key.as_str().starts_with(".drafts/events/billing/"), "{key}");
        assert_eq!(PendingEvent::in_key(&key), Some(event.clone()));
        assert!(key < pending("billing", 1_800_000_001).key(), "older events come first");
        let expected = UNIX_EPOCH + Duration::from_secs(1_800_000_000 + 3 * 86_400);
        assert_eq!(event.given_up_at(), expected);
        assert!(event.expires_at() > expected);
        for other in [
            "a",
            ".drafts/events/x",
            ".drafts/events/a/b",
            ".drafts/events/a b/01J00000000000000000000000",
        ] {
            assert_eq!(PendingEvent::in_key(&other.parse().expect("valid")), None, "{other}");
        }
    }

    #[test]
    fn event_is_left_to_the_server_that_has_just_written_it() {
        let written_at = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let is_free = |after| PendingEvent::is_free(written_at, written_at + Duration::from_secs(after));
        assert!(!is_free(0) && !is_free(19));
        assert!(is_free(20));
        let ahead = written_at - Duration::from_secs(1);
        assert!(
            !PendingEvent::is_free(written_at, ahead),
            "a clock that is behind the store's"
        );
    }

    #[test]
    fn names_of_endpoints_are_parts_of_keys() {
        for bad in ["", "a/b", "a.b", "a b", "ü", &"a".repeat(64)] {
            assert_eq!(bad.parse::<EndpointName>(), Err(InvalidEndpointName), "{bad}");
        }
    }

    #[test]
    fn attempts_become_rare_and_are_some_dozens() {
        let mut age = Duration::ZERO;
        let mut attempts = 0;
        let mut before = Duration::ZERO;
        while age < KEPT_FOR {
            let interval = attempt_interval(age, 0.5);
            assert!(
                interval >= before && interval <= Duration::from_secs(6 * 3600),
                "{interval:?}"
            );
            before = interval;
            age += interval;
            attempts += 1;
        }
        assert!((20..60).contains(&attempts), "{attempts}");
        let hour = Duration::from_secs(3600);
        assert!(attempt_interval(hour, 0.0) < attempt_interval(hour, 1.0));
        assert_eq!(attempt_interval(hour, f64::INFINITY), attempt_interval(hour, 1.0));
    }
}
