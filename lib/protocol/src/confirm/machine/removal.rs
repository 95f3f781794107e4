//! The steps after main has the object: removes the draft.

use draftstore_storage::{ETag, ObjectInfo};

use super::super::effect::{Effect, Kept, Step};
use super::super::plan::Removal;
use super::{Protocol, State};
use crate::StoreError;

impl<E: StoreError> Protocol<E> {
    pub(super) fn hold(&mut self, draft_etag: ETag, kept: Kept) -> Step<E> {
        if self.confirm.batch.is_some() {
            self.state = State::Held(draft_etag, kept);
            Step::Held
        } else {
            self.remove(draft_etag, kept)
        }
    }

    pub(super) fn remove(&mut self, draft_etag: ETag, kept: Kept) -> Step<E> {
        match self.confirm.plan.removal() {
            Removal::AfterAnswer => Step::Finish(Ok(Kept {
                leftover: Some(draft_etag),
                ..kept
            })),
            Removal::LookFirst => {
                self.state = State::BeforeDelete(draft_etag, kept);
                Step::Perform(Effect::HeadDraft)
            }
            Removal::LeftToSweep => Step::Finish(Ok(kept)),
        }
    }

    /// Deletes the draft if it is unchanged. Main has the object, so no answer fails the confirm.
    pub(super) fn on_before_delete(
        &mut self,
        draft_etag: ETag,
        kept: Kept,
        draft: Result<Option<ObjectInfo>, E>,
    ) -> Step<E> {
        match draft {
            Ok(Some(draft)) if draft.etag == draft_etag => {
                self.state = State::Delete(kept);
                Step::Perform(Effect::DeleteDraft { draft_etag })
            }
            Ok(_) | Err(_) => Step::Finish(Ok(kept)),
        }
    }
}
