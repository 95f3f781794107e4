//! The variant of the protocol for the conditions that a store honours.

use draftstore_storage::{Capabilities, Condition};

/// The strongest protocol that a store allows for one draft.
///
/// The protocol relies on every condition that the store honours. For one that it ignores, the confirm makes a lookup
/// first, and the driver holds a lock for each name, so that one process does not race with itself. If a lookup is
/// not enough, the confirm stages a copy and verifies it before it becomes visible, and it leaves
/// a unique draft to the sweep, which deletes it when no URL can write to it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    capabilities: Capabilities,
    is_unique: bool,
}

/// The removal of a confirmed draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// Answer first. The draft is deleted later, on condition that it is still the version that was copied.
    AfterAnswer,
    /// Look up the draft, then delete it, before the answer: without a condition, a later delete could remove a draft that
    /// was uploaded after the answer.
    LookFirst,
    /// Leave the draft, because its deletion would make its upload URL usable again.
    LeftToSweep,
}

impl Plan {
    /// Creates the plan for a unique or a named draft, on a store with these capabilities.
    pub fn new(capabilities: Capabilities, is_unique: bool) -> Self {
        Self {
            capabilities,
            is_unique,
        }
    }

    /// Returns true if the driver must hold a lock for each name.
    pub fn needs_locks(&self) -> bool {
        Condition::ALL
            .into_iter()
            .any(|condition| is_locked_for(condition) && !self.capabilities.honours(condition))
    }

    /// Returns true if a copy by itself never replaces another version in main.
    pub(super) fn keeps_existing(&self) -> bool {
        self.capabilities.honours(Condition::CopyToAbsent) && self.capabilities.honours(Condition::CopyOver)
    }

    /// Returns true if the completion of a staged copy by itself never replaces another version in main.
    pub(super) fn keeps_existing_staged(&self) -> bool {
        self.capabilities.honours(Condition::CompleteToAbsent) && self.capabilities.honours(Condition::CompleteOver)
    }

    /// Returns true if a copy by itself reads only the version that was looked up.
    pub(super) fn copies_what_it_saw(&self) -> bool {
        self.capabilities.honours(Condition::CopySource)
    }

    /// Returns true if copies can be staged.
    pub(super) fn can_stage(&self) -> bool {
        self.capabilities.can_confirm_in_parts()
    }

    /// Returns true if a staged copy by itself reads only the version that was looked up.
    pub(super) fn stages_what_it_saw(&self) -> bool {
        self.capabilities.honours(Condition::PartSource)
    }

    /// Returns true if a copy of another version is found by its `ETag`.
    pub(super) fn proves_copies(&self) -> bool {
        self.capabilities.honours(Condition::CopyMd5)
    }

    /// Returns true if a delete by itself removes only the version that was looked up.
    pub(super) fn deletes_what_it_saw(&self) -> bool {
        self.capabilities.honours(Condition::Delete)
    }

    pub(super) fn removal(&self) -> Removal {
        let sees_what_it_copies = self.copies_what_it_saw() && self.stages_what_it_saw();
        if self.deletes_what_it_saw() && (sees_what_it_copies || !self.is_unique) {
            Removal::AfterAnswer
        } else if self.is_unique {
            Removal::LeftToSweep
        } else {
            Removal::LookFirst
        }
    }
}

/// Returns true if a lock can replace the condition. The sweep takes none, and keys and proofs are no conditions.
fn is_locked_for(condition: Condition) -> bool {
    !matches!(
        condition,
        Condition::DeleteMany | Condition::PartSourceKey | Condition::CopyMd5 | Condition::ListParts
    )
}

#[cfg(test)]
mod tests {
    use draftstore_storage::Support;

    use super::*;

    const GARAGE_LIKE: Capabilities = Capabilities::NONE;

    #[test]
    fn plan_relies_on_every_honoured_condition() {
        for is_unique in [false, true] {
            let plan = Plan::new(Capabilities::ALL, is_unique);
            assert!(!plan.needs_locks() && plan.keeps_existing() && plan.copies_what_it_saw());
            assert_eq!(plan.removal(), Removal::AfterAnswer);
        }
    }

    #[test]
    fn unique_draft_is_left_to_the_sweep_without_conditions_on_deletes_and_copies() {
        for lacking in [Condition::Delete, Condition::CopySource, Condition::PartSource] {
            let capabilities = Capabilities::ALL.with(lacking, Support::Ignored);
            assert_eq!(
                Plan::new(capabilities, true).removal(),
                Removal::LeftToSweep,
                "{lacking}"
            );
        }
        assert_eq!(Plan::new(GARAGE_LIKE, false).removal(), Removal::LookFirst);
    }

    #[test]
    fn every_missing_condition_but_that_of_bulk_deletes_needs_locks() {
        for lacking in Condition::ALL {
            let capabilities = Capabilities::ALL.with(lacking, Support::Refused);
            let needs = Plan::new(capabilities, false).needs_locks();
            assert_eq!(needs, is_locked_for(lacking), "{lacking}");
        }
    }
}
