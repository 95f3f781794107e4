//! The ID of a unique draft, which contains the draft's expiry and shard.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::ObjectKey;
use ulid::Ulid;

use crate::keys::RESERVED_PREFIX;

/// The ID of a unique draft, whose key is `.drafts/<shard>/<draft ID>/<object name>`.
///
/// The ID is a ULID whose time is the moment at which the draft *expires*. So the drafts of a shard are listed in the
/// order of their expiry, and a sweep reads each shard only up to the first draft that has not expired. The shard is
/// the last byte of the random part in hex, and spreads the keys.
///
/// Source: <https://github.com/ulid/spec>
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DraftId(Ulid);

/// The error of a text that is not the ID of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a draft ID must be a ULID in its canonical form")]
pub struct InvalidDraftId;

/// The bits of the random part that determine the shard.
const SHARD_MASK: u128 = 0xff;

impl DraftId {
    /// Creates the ID of a draft that expires at this moment, to the millisecond.
    pub fn new(expires_at: SystemTime, random: u128) -> Self {
        let since_epoch = expires_at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let milliseconds = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self(Ulid::from_parts(milliseconds, random))
    }

    /// Creates the ID of a slot of a ticket. The seed comes from the ticket's ID. Its last byte is the last byte of the
    /// draft's ID, which determines the shard, and the slot's number is the byte before it. So the drafts of a ticket
    /// are neighbours in one shard.
    pub fn of_slot(expires_at: SystemTime, seed: [u8; 9], place: u8) -> Self {
        let [before @ .., last] = seed;
        let random = u128::from(u64::from_be_bytes(before)) << 16 | u128::from(place) << 8 | u128::from(last);
        Self::new(expires_at, random)
    }

    /// Returns the moment at which the draft expires.
    pub fn expires_at(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.timestamp_ms())
    }

    /// Returns the draft's key. `name` is the draft's key in main, unless it is confirmed under another name.
    ///
    /// # Panics
    /// If the name leaves no room for the ID. It may have 986 bytes.
    pub fn key(self, name: &ObjectKey) -> ObjectKey {
        let key = format!("{}{name}", self.prefix());
        ObjectKey::new(key).expect("a name and a tenant leave room for the ID in a key")
    }

    /// Returns the prefix of the draft's key, which no other draft has.
    pub fn prefix(self) -> String {
        let shard = self.0.0 & SHARD_MASK;
        format!("{RESERVED_PREFIX}{shard:02x}/{self}/")
    }

    /// Returns the key beside the draft's that a server reserves for the draft. No object name gives it.
    ///
    /// # Panics
    /// Cannot happen: an ID and two short prefixes are shorter than a key may be.
    pub fn reservation_key(self) -> ObjectKey {
        let key = format!("{}{RESERVED_PREFIX}", self.prefix());
        ObjectKey::new(format!("{key}whole")).expect("it is short")
    }

    /// Returns the ID in the key of a unique draft, or `None` for any other key.
    pub fn in_key(key: &ObjectKey) -> Option<Self> {
        Self::split(key.as_str()).map(|(id, _name)| id)
    }

    /// Returns the ID and the name in the key of a unique draft, or `None` for any other key.
    pub fn split(key: &str) -> Option<(Self, &str)> {
        let (shard, rest) = key.strip_prefix(RESERVED_PREFIX)?.split_once('/')?;
        let (id, name) = rest.split_once('/')?;
        let id: Self = id.parse().ok()?;
        (format!("{:02x}", id.0.0 & SHARD_MASK) == shard).then_some((id, name))
    }
}

impl FromStr for DraftId {
    type Err = InvalidDraftId;

    /// Parses the canonical form only: an ID in other letters would name another key.
    fn from_str(text: &str) -> Result<Self, InvalidDraftId> {
        let id = Ulid::from_string(text).ok().map(Self);
        id.filter(|id| id.to_string() == text).ok_or(InvalidDraftId)
    }
}

impl fmt::Display for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for DraftId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{LAST_SHARD, shard_prefix};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn key_has_the_id_with_its_expiry_and_shard() {
        let name = ObjectKey::new("a/b c.jpg").expect("valid");
        let id = DraftId::new(at(1_800_000_000), 0x1234_5678_9abc);
        assert_eq!(id.expires_at(), at(1_800_000_000));
        let key = id.key(&name);
        assert_eq!(key.as_str(), format!(".drafts/bc/{id}/a/b c.jpg"));
        assert_eq!(DraftId::in_key(&key), Some(id));
        assert_eq!(DraftId::split(key.as_str()), Some((id, name.as_str())));
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn keys_of_a_shard_are_in_the_order_of_expiry() {
        let name = ObjectKey::new("z").expect("valid");
        let early = DraftId::new(at(1_800_000_000), u128::MAX).key(&name);
        let late = DraftId::new(at(1_800_000_001), SHARD_MASK).key(&ObjectKey::new("a").expect("valid"));
        assert!(early < late, "{early} {late}");
    }

    #[test]
    fn longest_name_and_tenant_leave_room_for_the_id() {
        let name = ObjectKey::new("x".repeat(900 + 64)).expect("valid");
        assert!(DraftId::new(at(0), 0).key(&name).as_str().len() <= 1024);
    }

    #[test]
    fn slots_of_a_ticket_are_neighbours() {
        let name = ObjectKey::new("a").expect("valid");
        let seed = [1, 2, 3, 4, 5, 6, 7, 8, 0xab];
        let keys: Vec<_> = (0..100)
            .map(|place| DraftId::of_slot(at(1), seed, place).key(&name))
            .collect();
        assert!(keys.is_sorted_by(|one, next| one < next), "all different, in order");
        // An ID without its last four letters, which are 20 bits.
        let shared = &keys[0].as_str()[..".drafts/ab/".len() + 22];
        assert!(keys.iter().all(|key| key.as_str().starts_with(shared)), "{shared}");
        let another = DraftId::of_slot(at(1), [1, 2, 3, 4, 5, 6, 7, 9, 0xab], 0).key(&name);
        assert!(!keys.contains(&another));
    }

    #[test]
    fn other_texts_are_not_ids() {
        let id = DraftId::new(at(1_800_000_000), 7).to_string();
        for bad in [
            "",
            "x",
            &id.to_lowercase(),
            &format!("{id}0"),
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        ] {
            assert!(bad.parse::<DraftId>().is_err(), "{bad}");
        }
        for key in [
            "a",
            ".drafts/",
            ".drafts/00/x/y",
            &format!(".drafts/00/{id}/a"),
            &format!(".drafts/07/{id}"),
        ] {
            assert_eq!(DraftId::in_key(&key.parse().expect("valid")), None, "{key}");
        }
    }

    #[test]
    fn every_id_has_a_shard() {
        let shards: Vec<_> = (0..=LAST_SHARD).map(shard_prefix).collect();
        assert_eq!(shards.len(), 256);
        let key = DraftId::new(at(1), 0xab).key(&ObjectKey::new("a").expect("valid"));
        assert!(shards.iter().any(|shard| key.as_str().starts_with(shard)));
    }
}
