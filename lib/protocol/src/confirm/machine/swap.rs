//! The steps after a swap: a copy in main of another version of the draft than its marker names.
//!
//! Such a copy is known by its `ETag`, and no confirm succeeds with it. The confirm that made it deletes it. The delete
//! is conditional on the `ETag`, which an object of the same bytes shares. So for a while nobody else touches the copy.
//! If it is still there then, its confirm has crashed, and others may replace it, but do not delete it.
//!
//! Until then, main has bytes that checks may not have accepted. This is the only exception to the rule that nothing else is
//! published. It is only possible on a store whose condition on the source the probe takes for honoured by mistake.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ErrorKind, ObjectInfo, StagedCopy};

use super::super::effect::{Effect, Step};
use super::super::error::{ConfirmError, Unresolved};
use super::super::marker;
use super::{Copying, Protocol, State};
use crate::StoreError;

/// The time after a swapped copy was made in which its confirm may delete it.
const UNDONE_WITHIN: Duration = Duration::from_secs(300);

/// The time after a swapped copy was made in which others leave it alone. The clocks of store and servers may differ by as
/// much as it is longer.
pub(crate) const HELD_FOR: Duration = Duration::from_secs(600);

/// Returns true if the object is a swapped copy, on a store that shows it, which its confirm may still delete.
pub(crate) fn may_undo_swap(main: &ObjectInfo, now: SystemTime) -> bool {
    let is_swapped = main.etag_is_md5 && marker::names_other_bytes(&main.attributes.metadata, &main.etag);
    is_swapped && now < main.last_modified + HELD_FOR
}

impl<E: StoreError> Protocol<E> {
    /// Returns true if the object has other bytes than its marker says.
    pub(super) fn is_swapped(&self, main: &ObjectInfo) -> bool {
        let is_proof = self.confirm.plan.proves_copies() && main.etag_is_md5;
        is_proof && marker::names_other_bytes(&main.attributes.metadata, &main.etag)
    }

    /// Returns true if parts were copied from another version of the draft. One part has the `ETag` of the whole.
    pub(super) fn is_staged_of_another(&self, draft: &ObjectInfo, staged: &StagedCopy) -> bool {
        let [part] = &staged.parts[..] else { return false };
        let is_proof = self.confirm.plan.proves_copies() && draft.etag_is_md5 && part.etag_is_md5;
        is_proof && part.etag != draft.etag
    }

    /// Returns true if the confirm that made the swapped copy may still delete it.
    pub(super) fn is_held(&self, swapped: &ObjectInfo) -> bool {
        let confirm = &self.confirm;
        let of_batch = marker::held_by(&swapped.attributes.metadata, None, confirm.now);
        of_batch.is_some() || confirm.now < swapped.last_modified + HELD_FOR
    }

    /// Replaces a swapped copy that another confirm has left behind.
    ///
    /// The new copy is staged, because the swapped one may have the very bytes of the draft. A plain copy of yet another
    /// version, whose answer was lost, could then replace this confirm's object later.
    pub(super) fn replace_swapped(&mut self, draft: ObjectInfo, swapped: ObjectInfo) -> Step<E> {
        if self.is_held(&swapped) {
            return Step::Finish(Err(ConfirmError::Unresolved(Unresolved::Swapped)));
        }
        self.has_seen_swap = true;
        self.copy(Copying {
            draft,
            main_etag: Some(swapped.etag),
            replaced: swapped.version_id,
        })
    }

    /// Deletes a swapped copy that this confirm has just made where nothing was. A batch deletes it with its other objects. A copy
    /// that replaced an object stays, because that may have had the same bytes, and have been answered for.
    pub(super) fn undo_swap(&mut self, swapped: ObjectInfo, is_own: bool) -> Step<E> {
        if !is_own || self.replaces || self.confirm.batch.is_some() || !self.confirm.plan.deletes_what_it_saw() {
            return Step::Finish(Err(ConfirmError::Unresolved(Unresolved::Swapped)));
        }
        self.state = State::UndoSwap;
        Step::Perform(Effect::UndoSwap {
            main_etag: swapped.etag,
            until: swapped.last_modified + UNDONE_WITHIN,
        })
    }

    pub(super) fn on_swap_undone(&mut self, undone: Result<(), E>) -> Step<E> {
        match undone {
            Err(error) if error.kind() != ErrorKind::PreconditionFailed => {
                Step::Finish(Err(ConfirmError::Unresolved(Unresolved::Swapped)))
            }
            Ok(()) | Err(_) if self.copies_left == 0 => {
                Step::Finish(Err(ConfirmError::Unresolved(Unresolved::NeverStill)))
            }
            Ok(()) | Err(_) => self.look_at_draft(),
        }
    }
}
