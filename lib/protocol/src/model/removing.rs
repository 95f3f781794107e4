//! The deletes of drafts after their confirms were answered.

use draftstore_storage::Condition;

use super::audit::{Broken, broken};
use super::spec::{Fault, REMOVALS};
use super::world::{Late, World};
use crate::confirm::{DraftDeletes, Removals};

impl World {
    /// Returns the servers with drafts that wait to be deleted.
    pub(super) fn with_leftovers(&self) -> Vec<usize> {
        let waits = |server: &usize| !self.removals[*server].is_empty();
        (0..self.removals.len()).filter(waits).collect()
    }

    /// Makes the next deletes of a server, and returns the number of drafts.
    pub(super) fn delete_leftovers(&mut self, server: usize, fault: Fault) -> Result<usize, Broken> {
        let Some(deletes) = self.removals[server].next(self.profile.honours) else {
            return broken(format!("{server} has no draft to delete"));
        };
        self.record(|| format!("{server} deletes {deletes:?} {fault:?}"));
        let drafts = deletes.drafts().len();
        if drafts > REMOVALS.batch {
            return broken(format!("{server} deletes {drafts} drafts in one call"));
        }
        match fault {
            Fault::No | Fault::Lost | Fault::Stale => self.delete_drafts(&deletes)?,
            Fault::Late => self.limbo.push(Late::Deletes(deletes)),
            Fault::Before(_) => {}
        }
        self.removals[server].deleted(drafts);
        Ok(drafts)
    }

    /// Deletes the drafts that are still these versions.
    pub(super) fn delete_drafts(&mut self, deletes: &DraftDeletes) -> Result<(), Broken> {
        let condition = match deletes {
            DraftDeletes::Together(_) => Condition::DeleteMany,
            DraftDeletes::Each(_) => Condition::Delete,
        };
        if !self.profile.honours.honours(condition) {
            return broken(format!(
                "I3: {deletes:?} would remove drafts that were uploaded after the answers"
            ));
        }
        for draft in deletes.drafts() {
            // Another version stays.
            let _ = self.delete(draft, condition)?;
        }
        Ok(())
    }

    /// Deletes every draft that a confirm left, as a server does before it ends.
    pub(super) fn drain(&mut self) -> Result<(), Broken> {
        for server in 0..self.removals.len() {
            let mut drafts = 0;
            while !self.removals[server].is_empty() {
                drafts += self.delete_leftovers(server, Fault::No)?;
            }
            if drafts > REMOVALS.drafts || self.removals[server] != Removals::new(REMOVALS) {
                return broken(format!(
                    "{server} had {drafts} drafts to delete, and {:?} now",
                    self.removals
                ));
            }
        }
        Ok(())
    }
}
