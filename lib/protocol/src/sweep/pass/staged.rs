//! The staged copies that a sweep finds by their notes.

use std::time::Duration;

use draftstore_storage::{ListedObject, ListedUpload, UploadPage};

use super::super::effect::Effect;
use super::state::State;
use super::{Pass, count};
use crate::confirm::StagingNote;

/// The maximum time between a note and its upload, both dated by the store. The call that begins the upload times out
/// long before.
const MAX_NOTE_TO_UPLOAD: Duration = Duration::from_secs(300);

/// The resolution of the store's times.
const STORE_TICK: Duration = Duration::from_secs(1);

impl<E> Pass<E> {
    pub(super) fn begin_note(&mut self) -> Option<(State, Effect)> {
        let note = self.expired.notes.pop_front()?;
        let Some(copy) = StagingNote::in_key(&note.key) else {
            return self.begin_note();
        };
        Some((
            State::ListingStaged(note),
            Effect::ListStaged(copy.bucket, copy.main_key),
        ))
    }

    /// Aborts the uploads to the note's key that began while the noted copy was in progress.
    pub(super) fn on_staged(&mut self, note: ListedObject, page: UploadPage) {
        let Some(copy) = StagingNote::in_key(&note.key) else {
            return;
        };
        let is_ours = |upload: &ListedUpload| {
            upload.key == copy.main_key
                && upload.initiated + STORE_TICK >= note.last_modified
                && upload.initiated <= note.last_modified + MAX_NOTE_TO_UPLOAD
        };
        let left: Vec<_> = page.uploads.into_iter().filter(is_ours).collect();
        self.summary.expired += count(&left);
        // The note must go with the last upload, or the others would never be found.
        if self.left() <= left.len() {
            self.brake(self.limit);
            return;
        }
        let follows = if left.is_empty() {
            self.remove(vec![note])
        } else {
            (
                State::AbortingStaged(left.len(), note),
                Effect::AbortStaged(copy.bucket, left),
            )
        };
        self.followed.push_back(follows);
    }
}
