//! Slots, which limit the number of drafts without counting uploads.

use std::time::{Duration, SystemTime};

use draftstore_protocol::DraftId;

/// The length of a ticket's ID, in bytes.
const SEED_BYTES: usize = 9;

/// The IDs of all drafts that can be created with one ticket.
///
/// The IDs are derived from the ticket, so that every server computes the same ones. However often a holder of the
/// ticket uploads, every upload goes to one of these drafts.
///
/// The caller must be restricted to a single object name. The name is a part of a draft's key, so that each further
/// name would allow as many drafts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DraftSlots {
    seed: [u8; SEED_BYTES],
    count: u8,
    expires_at: SystemTime,
}

impl DraftSlots {
    /// Creates the slots for `count` drafts of a ticket. `seed` is the ID of the ticket, and all drafts expire with it.
    pub fn new(seed: [u8; SEED_BYTES], count: u8, expires_at: SystemTime) -> Self {
        Self {
            seed,
            count,
            expires_at,
        }
    }

    /// Returns the number of slots.
    pub(crate) fn count(&self) -> u8 {
        self.count
    }

    /// Returns the draft IDs, in the order of their keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = DraftId> {
        (0..self.count).map(|place| DraftId::of_slot(self.expires_at, self.seed, place))
    }

    /// Returns the lifetime of a draft that is uploaded now, in whole seconds. Zero if the slots have expired.
    pub(crate) fn lifetime(&self, now: SystemTime) -> Duration {
        let left = self.expires_at.duration_since(now).unwrap_or_default();
        Duration::from_secs(left.as_secs())
    }
}
