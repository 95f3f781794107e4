//! The removals of a sweep: which expired drafts and uploads go together, and under which condition.

use std::collections::{BTreeMap, VecDeque};

use draftstore_storage::{Condition, DeleteFailure, DraftVersion, ETag, ErrorKind, ListedObject, ObjectKey};

use super::super::effect::Effect;
use super::state::State;
use super::{Pass, count, is_reserved};

/// The number of drafts that are looked up together before their deletion, if the store has no condition. A small
/// number keeps the time between the two short.
const LOOKED_AT_TOGETHER: usize = 16;

impl<E> Pass<E> {
    /// Removes expired drafts and uploads as soon as they fill a call, and the rest when no more can come.
    pub(super) fn begin_removal(&mut self) -> Option<(State, Effect)> {
        let left = self.left();
        let batch = self.rules.bounds.batch.min(left);
        let nothing_comes = self.walks.is_empty() && self.lists() == 0;
        let is_due = |waiting: usize| waiting > 0 && (waiting >= batch || nothing_comes);
        let reserved = is_due(self.expired.reserved.len());
        let named = is_due(self.expired.named.len()) && (self.has_condition()[1] || !self.deletes_singly());
        let drafts = (reserved || named) && self.deletes() < self.rules.bounds.deletes;
        let uploads = !self.expired.uploads.is_empty() && self.removing() == 0;
        if !drafts && !uploads {
            return None;
        }
        if left == 0 {
            // Removals in progress may still fail.
            if self.removing() == 0 {
                self.brake(self.limit);
            }
            return None;
        }
        if uploads {
            let uploads = &mut self.expired.uploads;
            let uploads: Vec<_> = uploads.drain(..uploads.len().min(batch)).collect();
            return Some((State::Aborting(uploads.len()), Effect::Abort(uploads)));
        }
        let waiting = if reserved {
            &mut self.expired.reserved
        } else {
            &mut self.expired.named
        };
        let drafts = waiting.drain(..waiting.len().min(batch)).collect();
        Some(self.remove(drafts))
    }

    /// Returns the effect that removes these drafts. Either all of them are under the reserved prefix, or none.
    pub(super) fn remove(&mut self, drafts: Vec<ListedObject>) -> (State, Effect) {
        let versions = || drafts.iter().map(version).collect();
        match self.has_condition() {
            [_, true] => {
                let effect = Effect::DeleteMany(versions());
                (State::Deleting(drafts, VecDeque::new()), effect)
            }
            _ if drafts.iter().all(is_reserved) => {
                let effect = Effect::DeleteMany(versions());
                (State::Deleting(drafts, VecDeque::new()), effect)
            }
            [true, false] => {
                let effect = Effect::DeleteEach(versions());
                (State::Deleting(drafts, VecDeque::new()), effect)
            }
            [false, false] => look(drafts.into()),
        }
    }

    pub(super) fn on_seen(&mut self, mut drafts: VecDeque<ListedObject>, seen: &[Option<ETag>]) {
        let looked_at = drafts.drain(..seen.len().min(drafts.len()));
        let unchanged = looked_at
            .zip(seen)
            .filter(|(draft, seen)| Some(&draft.etag) == seen.as_ref());
        let unchanged: Vec<_> = unchanged.map(|(draft, _)| draft).collect();
        if unchanged.is_empty() {
            return self.look_at_rest(drafts);
        }
        let versions = unchanged.iter().map(version).collect();
        let deleting = State::Deleting(unchanged, drafts);
        self.followed.push_back((deleting, Effect::DeleteMany(versions)));
    }

    fn look_at_rest(&mut self, drafts: VecDeque<ListedObject>) {
        if !drafts.is_empty() {
            self.followed.push_back(look(drafts));
        }
    }

    pub(super) fn on_deleted(
        &mut self,
        drafts: &[ListedObject],
        rest: VecDeque<ListedObject>,
        deleted: Result<Vec<DeleteFailure>, E>,
    ) {
        match deleted {
            Ok(failures) => self.count_deleted(drafts, &failures),
            Err(_) => self.summary.failed += count(drafts),
        }
        self.look_at_rest(rest);
    }

    pub(super) fn count_deleted(&mut self, drafts: &[ListedObject], failures: &[DeleteFailure]) {
        let remaining: BTreeMap<&ObjectKey, &DeleteFailure> =
            failures.iter().map(|failure| (&failure.key, failure)).collect();
        for draft in drafts {
            match remaining.get(&draft.key) {
                None => {
                    self.summary.deleted += 1;
                    self.summary.bytes += draft.size;
                }
                // The draft was uploaded again since the list, and stays.
                Some(failure) if failure.kind == ErrorKind::PreconditionFailed => {}
                Some(_) => self.summary.failed += 1,
            }
        }
    }

    pub(super) fn count_aborted(&mut self, all: usize, failed: usize) {
        self.summary.deleted += (all - failed.min(all)) as u64;
        self.summary.failed += failed as u64;
    }

    /// Tells if the store honours the condition on a single delete, and on a bulk delete.
    pub(super) fn has_condition(&self) -> [bool; 2] {
        [Condition::Delete, Condition::DeleteMany].map(|of| self.rules.capabilities.honours(of))
    }
}

fn look(drafts: VecDeque<ListedObject>) -> (State, Effect) {
    let first = drafts.iter().take(LOOKED_AT_TOGETHER);
    let keys = first.map(|draft| draft.key.clone()).collect();
    (State::Looking(drafts), Effect::Look(keys))
}

pub(super) fn version(draft: &ListedObject) -> DraftVersion {
    DraftVersion {
        key: draft.key.clone(),
        etag: draft.etag.clone(),
    }
}
