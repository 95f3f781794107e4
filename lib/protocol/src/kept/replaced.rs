//! The IDs and keys of the copies that are kept of what a call replaces or deletes in a main bucket without versions.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::ObjectKey;

use crate::REPLACED_PREFIX;

/// The text that every ID begins with, and no store's ID of a version.
const MARK: &str = "replaced-";

/// The maximum of the milliseconds in an ID, which has twelve digits for them.
const MAX_MILLISECONDS: u64 = 0xffff_ffff_ffff;

/// The length of the digits: of the time, and of the random number.
const DIGITS: usize = 12 + 16;

/// The ID of the copy of an object that was replaced or deleted. It is used like the ID of a version.
///
/// IDs of one object are in the order of time, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplacedId {
    milliseconds: u64,
    random: u64,
}

/// The error of a text that is not the ID of such a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be the ID of a replaced object")]
pub struct InvalidReplacedId;

impl ReplacedId {
    /// Creates the ID of a copy that is made at this moment, to the millisecond.
    pub fn new(now: SystemTime, random: u64) -> Self {
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since_epoch.as_millis()).unwrap_or(MAX_MILLISECONDS);
        Self {
            milliseconds: milliseconds.min(MAX_MILLISECONDS),
            random,
        }
    }

    /// Returns the moment at which the copy was made.
    pub fn replaced_at(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.milliseconds)
    }

    /// Returns the moment up to which the copy is kept.
    pub fn kept_until(self, lifetime: Duration) -> SystemTime {
        self.replaced_at() + lifetime
    }

    /// Returns true if a sweep deletes the copy.
    pub fn has_expired(self, lifetime: Duration, grace: Duration, now: SystemTime) -> bool {
        now > self.kept_until(lifetime) + grace
    }

    /// Returns the key of the copy of this object.
    ///
    /// # Panics
    /// If the key of the object leaves no room for the ID. It may have 976 bytes.
    pub fn key(self, object: &ObjectKey) -> ObjectKey {
        let key = format!("{REPLACED_PREFIX}{object}/{self}");
        ObjectKey::new(key).expect("a name and a tenant leave room for the ID in a key")
    }

    /// Returns the prefix of the keys of all copies of this object. A copy of another object may have it too, if the other name
    /// goes on like an ID.
    pub fn prefix(object: &ObjectKey) -> String {
        format!("{REPLACED_PREFIX}{object}/{MARK}")
    }

    /// Returns the ID in the key of a copy, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        let (_, id) = key.as_str().strip_prefix(REPLACED_PREFIX)?.rsplit_once('/')?;
        id.parse().ok()
    }
}

impl FromStr for ReplacedId {
    type Err = InvalidReplacedId;

    /// Parses the canonical form only: an ID in other letters would name another key.
    fn from_str(text: &str) -> Result<Self, InvalidReplacedId> {
        let digits = text.strip_prefix(MARK).filter(|digits| digits.len() == DIGITS);
        let (time, random) = digits
            .and_then(|digits| digits.split_at_checked(12))
            .ok_or(InvalidReplacedId)?;
        let number = |text| u64::from_str_radix(text, 16).map_err(|_| InvalidReplacedId);
        let id = Self {
            milliseconds: MAX_MILLISECONDS.checked_sub(number(time)?).ok_or(InvalidReplacedId)?,
            random: number(random)?,
        };
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(InvalidReplacedId)
        }
    }
}

impl fmt::Display for ReplacedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = MAX_MILLISECONDS - self.milliseconds;
        write!(f, "{MARK}{left:012x}{:016x}", self.random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64, random: u64) -> ReplacedId {
        ReplacedId::new(UNIX_EPOCH + Duration::from_millis(milliseconds), random)
    }

    #[test]
    fn newest_copy_of_an_object_is_listed_first() {
        let object: ObjectKey = "t/a.txt".parse().expect("a key");
        let keys = [(7_000, 0), (6_999, u64::MAX), (0x1000, 1), (0xfff, 2), (0, 3)]
            .map(|(time, random)| at(time, random).key(&object));
        assert!(keys.is_sorted(), "{keys:?}");
        assert!(
            keys.iter()
                .all(|key| key.as_str().starts_with(".replaced/t/a.txt/replaced-"))
        );
    }

    #[test]
    fn id_is_parsed_in_its_canonical_form_alone() {
        let id = at(1_800_000_000_123, 0xab);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        let key = id.key(&"a/b".parse().expect("a key"));
        assert_eq!(ReplacedId::in_key(&key), Some(id));
        assert_eq!(id.replaced_at(), UNIX_EPOCH + Duration::from_millis(1_800_000_000_123));
        for other in [
            "",
            "null",
            "replaced-",
            &text[1..],
            &text.to_uppercase(),
            &text.replace("ab", "AB"),
            &format!("{text}0"),
            &text.replace("replaced-f", "replaced-+"),
            "replaced-00000000000é00000000000000",
        ] {
            assert_eq!(other.parse::<ReplacedId>(), Err(InvalidReplacedId), "{other}");
        }
        for other in ["a/b", ".replaced/a/b", &format!("x{key}"), &format!("{key}/c")] {
            assert_eq!(ReplacedId::in_key(&other.parse().expect("a key")), None, "{other}");
        }
    }

    #[test]
    fn copy_expires_after_its_lifetime_and_the_grace() {
        let (lifetime, grace) = (Duration::from_secs(100), Duration::from_secs(10));
        let id = at(5_000, 1);
        assert_eq!(id.kept_until(lifetime), UNIX_EPOCH + Duration::from_secs(105));
        for (seconds, expired) in [(5, false), (105, false), (115, false), (116, true)] {
            let now = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(id.has_expired(lifetime, grace, now), expired, "{seconds}");
        }
    }
}
