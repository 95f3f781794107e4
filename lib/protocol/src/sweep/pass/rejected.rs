//! The rejected drafts that a sweep finds by their notes.
//!
//! Such a draft has not expired, and may be uploaded again at any time: it is deleted only where the store deletes the version
//! that was rejected, and no other. On other stores it expires like any draft.

use std::collections::BTreeMap;

use draftstore_storage::{DeleteFailure, ErrorKind, ListedObject, ObjectInfo, ObjectKey};

use super::super::effect::Effect;
use super::removal::version;
use super::state::State;
use super::{Pass, count};
use crate::checks::RejectedDraft;

/// A rejected draft that is still there, and the note about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rejected {
    draft: ListedObject,
    note: ListedObject,
}

impl<E> Pass<E> {
    /// Looks up rejected drafts as soon as their notes fill a call, and the rest when no more can come.
    pub(super) fn begin_rejected(&mut self) -> Option<(State, Effect)> {
        let waiting = self.expired.rejected.len();
        let nothing_comes = self.walks.is_empty() && self.lists() == 0;
        let is_due = waiting > 0 && (waiting >= self.rules.bounds.batch || nothing_comes);
        if !is_due || self.removes_rejected() || self.deletes() >= self.rules.bounds.deletes {
            return None;
        }
        // Each note goes with its draft.
        let batch = self.rules.bounds.batch.min(self.left() / 2).min(waiting);
        if batch == 0 {
            // Removals in progress may still fail.
            if self.removing() == 0 {
                self.brake(self.limit);
            }
            return None;
        }
        let notes: Vec<_> = self.expired.rejected.drain(..batch).collect();
        let keys = notes.iter().map(|note| note.key.clone()).collect();
        Some((State::LookingUpRejected(notes), Effect::LookUpRejected(keys)))
    }

    /// Deletes the drafts that are still the rejected versions, and the notes about others.
    pub(super) fn on_rejected(
        &mut self,
        notes: Vec<ListedObject>,
        seen: Vec<Result<Option<(RejectedDraft, ObjectInfo)>, E>>,
    ) {
        let is_conditional = self.has_condition() != [false, false];
        let mut rejected: BTreeMap<ObjectKey, Rejected> = BTreeMap::new();
        let mut spent = Vec::new();
        for (note, seen) in notes.into_iter().zip(seen) {
            match seen {
                Err(_) => self.summary.failed += 1,
                Ok(Some((named, draft)))
                    if is_conditional && named.is(&draft) && !rejected.contains_key(&named.key) =>
                {
                    let draft = ListedObject {
                        key: named.key.clone(),
                        etag: draft.etag,
                        size: draft.size,
                        last_modified: draft.last_modified,
                        storage_class: None,
                    };
                    rejected.insert(named.key, Rejected { draft, note });
                }
                Ok(_) => spent.push(note),
            }
        }
        self.summary.expired += rejected.len() as u64;
        if rejected.is_empty() {
            return self.remove_notes(spent);
        }
        let versions = rejected.values().map(|one| version(&one.draft)).collect();
        let effect = match self.has_condition() {
            [_, true] => Effect::DeleteMany(versions),
            [_, false] => Effect::DeleteEach(versions),
        };
        let deleting = State::DeletingRejected(rejected.into_values().collect(), spent);
        self.followed.push_back((deleting, effect));
    }

    /// Removes the notes about drafts that are gone, or were uploaded again, and the spent ones. The next sweep reads the
    /// others.
    pub(super) fn on_rejected_deleted(
        &mut self,
        rejected: Vec<Rejected>,
        mut spent: Vec<ListedObject>,
        deleted: Result<Vec<DeleteFailure>, E>,
    ) {
        let (drafts, notes): (Vec<_>, Vec<_>) = rejected.into_iter().map(|one| (one.draft, one.note)).unzip();
        match deleted {
            Err(_) => self.summary.failed += count(&drafts),
            Ok(failures) => {
                self.count_deleted(&drafts, &failures);
                let is_left = |draft: &ListedObject| {
                    let mut failures = failures.iter();
                    failures.any(|failure| failure.key == draft.key && failure.kind != ErrorKind::PreconditionFailed)
                };
                let notes = drafts.iter().zip(notes).filter(|(draft, _)| !is_left(draft));
                spent.extend(notes.map(|(_, note)| note));
            }
        }
        self.remove_notes(spent);
    }

    fn remove_notes(&mut self, notes: Vec<ListedObject>) {
        if !notes.is_empty() {
            let follows = self.remove(notes);
            self.followed.push_back(follows);
        }
    }
}
