//! Which way a confirm takes on a store that honours these conditions and not those.

use draftstore_storage::{Capabilities, Condition};

/// The strongest protocol that a store allows for one draft.
///
/// Where a condition is honoured, it is relied on. Where one is not, the confirm looks before it acts, and the driver
/// holds a lock for each name, so that one process does not race with itself. Where looking is not enough, it goes
/// around: what one copy could confuse is staged, and compared before anybody sees it; a unique draft is left to the
/// sweep, which deletes it when no URL can write to it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    capabilities: Capabilities,
    is_unique: bool,
}

/// How a confirmed draft goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// Deleted, on condition that it still is the version that was copied.
    IfUnchanged,
    /// Looked at, then deleted.
    LookFirst,
    /// Left, so that the URL that it was uploaded by is not armed again.
    LeftToSweep,
}

impl Plan {
    /// Makes the plan for a unique or a named draft on a store with these capabilities.
    pub fn new(capabilities: Capabilities, is_unique: bool) -> Self {
        Self {
            capabilities,
            is_unique,
        }
    }

    /// Returns whether the driver must hold a lock for each name.
    pub fn needs_locks(&self) -> bool {
        Condition::ALL
            .into_iter()
            .any(|condition| condition != Condition::DeleteMany && !self.capabilities.honours(condition))
    }

    /// Whether a copy leaves alone what main holds, by itself.
    pub(super) fn keeps_existing(&self) -> bool {
        self.capabilities.honours(Condition::CopyToAbsent) && self.capabilities.honours(Condition::CopyOver)
    }

    /// The same of a copy that was staged.
    pub(super) fn keeps_existing_staged(&self) -> bool {
        self.capabilities.honours(Condition::CompleteToAbsent) && self.capabilities.honours(Condition::CompleteOver)
    }

    /// Whether a copy is of the version that was looked at, by itself.
    pub(super) fn copies_what_it_saw(&self) -> bool {
        self.capabilities.honours(Condition::CopySource)
    }

    /// The same of a copy that is staged.
    pub(super) fn stages_what_it_saw(&self) -> bool {
        self.capabilities.honours(Condition::PartSource)
    }

    pub(super) fn removal(&self) -> Removal {
        let deletes_what_it_saw = self.capabilities.honours(Condition::Delete);
        let sees_what_it_copies = self.copies_what_it_saw() && self.stages_what_it_saw();
        if deletes_what_it_saw && (sees_what_it_copies || !self.is_unique) {
            Removal::IfUnchanged
        } else if self.is_unique {
            Removal::LeftToSweep
        } else {
            Removal::LookFirst
        }
    }
}

#[cfg(test)]
mod tests {
    use draftstore_storage::Support;

    use super::*;

    const GARAGE_LIKE: Capabilities = Capabilities::NONE;

    #[test]
    fn conditions_are_relied_on_where_they_hold() {
        for is_unique in [false, true] {
            let plan = Plan::new(Capabilities::ALL, is_unique);
            assert!(!plan.needs_locks() && plan.keeps_existing() && plan.copies_what_it_saw());
            assert_eq!(plan.removal(), Removal::IfUnchanged);
        }
    }

    #[test]
    fn unique_drafts_stay_where_deletes_or_copies_have_no_condition() {
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
    fn any_lack_needs_locks_but_that_of_deletes_by_the_thousand() {
        for lacking in Condition::ALL {
            let capabilities = Capabilities::ALL.with(lacking, Support::Refused);
            let needs = Plan::new(capabilities, false).needs_locks();
            assert_eq!(needs, lacking != Condition::DeleteMany, "{lacking}");
        }
    }
}
