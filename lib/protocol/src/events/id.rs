//! The ID of an event, which stays the same over redelivery.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use ulid::Ulid;

/// The beginning of an ID in its text form.
const PREFIX: &str = "evt_";

/// The ID of an event: `evt_` and a ULID. Its time is that of the act. The rest is a digest of the properties that
/// distinguish the act from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(Ulid);

/// The error of a text that is not the ID of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event ID must be evt_ and a ULID in its canonical form")]
pub struct InvalidEventId;

impl EventId {
    /// Creates the ID of an act at this moment, by a digest of its kind and its object.
    pub fn new(at: SystemTime, digest: [u8; 32]) -> Self {
        let milliseconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX);
        let [high @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        Self(Ulid::from_parts(milliseconds, u128::from_be_bytes(high)))
    }

    /// Returns the moment of the act, to the millisecond.
    pub fn at(self) -> SystemTime {
        self.0.datetime()
    }

    pub(super) fn ulid(self) -> Ulid {
        self.0
    }

    pub(super) fn of_ulid(text: &str) -> Option<Self> {
        let id = Ulid::from_string(text).ok()?;
        (id.to_string() == text).then_some(Self(id))
    }
}

impl FromStr for EventId {
    type Err = InvalidEventId;

    /// Parses the canonical form only: an ID in other letters would be another one to a receiver.
    fn from_str(text: &str) -> Result<Self, InvalidEventId> {
        let ulid = text.strip_prefix(PREFIX).ok_or(InvalidEventId)?;
        Self::of_ulid(ulid).ok_or(InvalidEventId)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn id_has_the_time_and_depends_on_the_digest() {
        let at = UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
        let id = EventId::new(at, [7; 32]);
        assert_eq!(id.at(), at);
        assert_eq!(id.to_string().parse(), Ok(id));
        let mut other = [7; 32];
        other[15] = 8;
        assert_ne!(id, EventId::new(at, other));
        assert_ne!(id, EventId::new(at + Duration::from_millis(1), [7; 32]));
        let lower = id.to_string().to_lowercase();
        for bad in ["", "evt_", "evt_x", lower.as_str(), &id.to_string()[4..]] {
            assert_eq!(bad.parse::<EventId>(), Err(InvalidEventId), "{bad}");
        }
    }
}
