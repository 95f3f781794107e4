//! Drafts that are limited in number without anybody counting uploads.

use std::time::{Duration, SystemTime};

use draftstore_protocol::DraftId;

/// As much as a ticket's ID has.
const SEED_BYTES: usize = 9;

/// The identities of all drafts that there can be by one ticket. They follow from the ticket alone, so that every server
/// knows the same ones, and whatever is uploaded by it, in whatever way and however often, is one of so many drafts.
///
/// For a caller with one name alone: the name is a part of a draft's key, and every further name would make as many
/// drafts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftSlots {
    seed: [u8; SEED_BYTES],
    count: u8,
    expires_at: SystemTime,
}

impl DraftSlots {
    /// So many drafts of the ticket with this ID, all of which expire then.
    pub fn new(seed: [u8; SEED_BYTES], count: u8, expires_at: SystemTime) -> Self {
        Self {
            seed,
            count,
            expires_at,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u8 {
        self.count
    }

    /// Each of them, in the order of their keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = DraftId> {
        (0..self.count).map(|place| DraftId::of_slot(self.expires_at, self.seed, place))
    }

    /// How long a draft lives that is uploaded now: in whole seconds, none where they have expired.
    pub(crate) fn lifetime(&self, now: SystemTime) -> Duration {
        let left = self.expires_at.duration_since(now).unwrap_or_default();
        Duration::from_secs(left.as_secs())
    }
}
