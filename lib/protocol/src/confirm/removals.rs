//! The deletes of confirmed drafts, after their confirms were answered.
//!
//! Many confirms leave their drafts at the same time, and a store deletes many drafts in one call. So they wait here for
//! each other. The driver decides how long. A draft that finds no place is left to the sweep, so that a store that deletes
//! slowly costs neither memory nor confirms.

use std::collections::BTreeMap;

use draftstore_storage::{Capabilities, Condition, DraftVersion, ETag, ObjectKey};

/// The limits on the drafts that wait to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RemovalBounds {
    /// The maximum number of drafts that wait or are being deleted.
    pub drafts: usize,
    /// The maximum number of drafts in one call.
    pub batch: usize,
}

/// The drafts that wait to be deleted. A key has one version at a time, so that the latest of several is the one to delete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Removals {
    bounds: RemovalBounds,
    waiting: BTreeMap<ObjectKey, ETag>,
    /// The number of drafts that are being deleted.
    under_way: usize,
}

/// The next deletes that the driver makes. Each is conditional on the version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DraftDeletes {
    /// Delete the drafts in one call.
    Together(Vec<DraftVersion>),
    /// Delete the drafts with a call for each, because the store does not honour the conditions of one for many.
    Each(Vec<DraftVersion>),
}

impl Removals {
    /// Creates an empty queue.
    pub fn new(bounds: RemovalBounds) -> Self {
        Self {
            bounds,
            waiting: BTreeMap::new(),
            under_way: 0,
        }
    }

    /// Adds a draft. Returns false if there is no place for it: the draft is then left to the sweep.
    #[must_use]
    pub fn add(&mut self, draft: DraftVersion) -> bool {
        let is_full = self.waiting.len() + self.under_way >= self.bounds.drafts;
        if is_full && !self.waiting.contains_key(&draft.key) {
            return false;
        }
        self.waiting.insert(draft.key, draft.etag);
        true
    }

    /// Returns the next deletes, if drafts wait. The driver makes them, and then calls [`Removals::deleted`].
    pub fn next(&mut self, capabilities: Capabilities) -> Option<DraftDeletes> {
        let mut drafts = Vec::with_capacity(self.waiting.len().min(self.bounds.batch));
        while drafts.len() < self.bounds.batch
            && let Some((key, etag)) = self.waiting.pop_first()
        {
            drafts.push(DraftVersion { key, etag });
        }
        if drafts.is_empty() {
            return None;
        }
        self.under_way += drafts.len();
        Some(if capabilities.honours(Condition::DeleteMany) {
            DraftDeletes::Together(drafts)
        } else {
            DraftDeletes::Each(drafts)
        })
    }

    /// Records the end of deletes, with any result: what they left is left to the sweep.
    pub fn deleted(&mut self, drafts: usize) {
        self.under_way -= drafts;
    }

    /// Returns true if as many drafts wait as one call deletes, so that nothing is gained by a longer wait.
    pub fn has_batch(&self) -> bool {
        self.waiting.len() >= self.bounds.batch
    }

    /// Returns true if no draft waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl DraftDeletes {
    /// Returns the drafts to delete.
    pub fn drafts(&self) -> &[DraftVersion] {
        let (Self::Together(drafts) | Self::Each(drafts)) = self;
        drafts
    }
}

#[cfg(test)]
mod tests {
    use draftstore_storage::Support;

    use super::*;

    const BOUNDS: RemovalBounds = RemovalBounds { drafts: 3, batch: 2 };

    fn draft(key: &str, etag: &str) -> DraftVersion {
        DraftVersion {
            key: key.parse().expect("a key"),
            etag: etag.parse().expect("an ETag"),
        }
    }

    #[test]
    fn full_queue_takes_no_draft_until_some_are_deleted() {
        let mut removals = Removals::new(BOUNDS);
        for key in ["a", "b", "c"] {
            assert!(removals.add(draft(key, "1")));
        }
        assert!(!removals.add(draft("d", "1")));
        assert!(removals.add(draft("a", "2")), "it has a place");
        let next = removals.next(Capabilities::ALL);
        assert_eq!(
            next,
            Some(DraftDeletes::Together(vec![draft("a", "2"), draft("b", "1")]))
        );
        assert!(!removals.add(draft("d", "1")), "two are being deleted, and one waits");
        removals.deleted(2);
        assert!(removals.add(draft("d", "1")));
    }

    #[test]
    fn drafts_are_deleted_one_by_one_where_a_call_for_many_has_no_condition() {
        let mut removals = Removals::new(BOUNDS);
        assert!(removals.add(draft("a", "1")) && !removals.has_batch());
        assert!(removals.add(draft("b", "1")) && removals.has_batch());
        let capabilities = Capabilities::ALL.with(Condition::DeleteMany, Support::Ignored);
        let next = removals.next(capabilities);
        assert_eq!(next, Some(DraftDeletes::Each(vec![draft("a", "1"), draft("b", "1")])));
        assert!(removals.is_empty() && removals.next(capabilities).is_none());
    }
}
