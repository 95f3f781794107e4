//! The rules of a sweep as a state machine: an answer goes in, the next effect or the end comes out. No I/O, no clock.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use draftstore_storage as storage;
use draftstore_storage::{
    Capabilities, Condition, DeleteFailure, DraftVersion, ETag, ErrorKind, ListObjects, ListUploads, ListedObject,
    ListedUpload, ObjectKey, ObjectPage, UploadPage,
};

use super::effect::{Answer, Effect, Step, Stop};
use super::summary::Brake;
use super::{Brakes, Expiry, Mode, Summary};
use crate::Policy;
use crate::draft::id::{LAST_SHARD, shard_prefix};
use crate::draft::{DraftId, StagingNote};
use crate::name::RESERVED_PREFIX;

/// Drafts that are looked at together before they are deleted, where the store has no condition: the fewer, the shorter
/// the moment between the two.
const LOOKED_AT_TOGETHER: usize = 16;

/// The upload follows its note in the next call, which is given up long before; both are dated by the store.
const MAX_NOTE_TO_UPLOAD: Duration = Duration::from_secs(300);

/// Stores tell times to the second.
const STORE_TICK: Duration = Duration::from_secs(1);

/// One sweep under way.
#[derive(Debug)]
pub(crate) struct Pass {
    rules: Rules,
    summary: Summary,
    /// Counts of a first reading, where a fraction has to be known.
    counted: Option<(u64, u64)>,
    /// Whether all of the reserved prefix was seen in one page.
    reserved_is_done: bool,
    /// Notes on staged copies that have ended.
    notes: VecDeque<ListedObject>,
    /// What is listed next.
    next: List,
    state: State,
}

/// What a pass goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) mode: Mode,
    pub(crate) policy: Policy,
    pub(crate) brakes: Brakes,
    pub(crate) capabilities: Capabilities,
}

/// A list, or the rest of one.
#[derive(Debug, Clone)]
enum List {
    /// Everything, to count it.
    Count(ListObjects),
    /// Uploads, to count them.
    CountUploads(ListUploads),
    /// The reserved prefix, as far as a page goes.
    Reserved,
    /// A shard of unique drafts.
    Shard(u8, ListObjects),
    /// Everything else.
    Named(ListObjects),
    Uploads(ListUploads),
    /// Staged copies, by their notes.
    Staged,
    End,
}

#[derive(Debug)]
enum State {
    /// Waits for a page of this list.
    Listing(List),
    /// Waits for the uploads to the key of main that this note names.
    ListingStaged(ListedObject),
    Telling,
    /// Looks at the first of these drafts, before they are deleted.
    Looking(VecDeque<ListedObject>),
    /// Deletes these drafts; the rest is to be looked at first.
    Deleting(Vec<ListedObject>, VecDeque<ListedObject>),
    /// Aborts so many.
    Aborting(usize),
    /// Aborts so many staged copies; then the note can go.
    AbortingStaged(usize, ListedObject),
    Over,
}

impl Pass {
    /// Begins a sweep.
    pub(crate) fn start(rules: Rules) -> (Self, Step) {
        let counts = rules.brakes.max_delete_fraction.is_some();
        let mut pass = Self {
            rules,
            summary: Summary::default(),
            counted: counts.then_some((0, 0)),
            reserved_is_done: false,
            notes: VecDeque::new(),
            next: if counts {
                List::Count(ListObjects::default())
            } else {
                List::Reserved
            },
            state: State::Over,
        };
        let step = pass.go_on();
        (pass, step)
    }

    /// What it did until now.
    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }

    /// Takes the answer to the last effect.
    pub(crate) fn on(&mut self, answer: Answer) -> Step {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (_, Answer::Page(Err(error), _) | Answer::Uploads(Err(error), _)) => Step::Finish(Err(error.into())),
            (State::Listing(list), Answer::Page(Ok(page), now)) => self.on_page(list, page, now),
            (State::Listing(list), Answer::Uploads(Ok(page), now)) => self.on_uploads(&list, page, now),
            (State::ListingStaged(note), Answer::Uploads(Ok(page), _)) => self.on_staged(note, page),
            (State::Telling, Answer::Told) => self.go_on(),
            (State::Looking(drafts), Answer::Seen(seen)) => self.on_seen(drafts, &seen),
            (State::Deleting(drafts, rest), Answer::Deleted(deleted)) => self.on_deleted(&drafts, rest, deleted),
            (State::Aborting(all), Answer::Aborted { failed }) => {
                self.count_aborted(all, failed);
                self.go_on()
            }
            (State::AbortingStaged(all, note), Answer::Aborted { failed }) => {
                self.count_aborted(all, failed);
                if failed > 0 {
                    self.go_on()
                } else {
                    self.delete(vec![note])
                }
            }
            (_, _) => Step::Finish(Err(Stop::OutOfStep)),
        }
    }

    fn on_page(&mut self, list: List, page: ObjectPage, now: SystemTime) -> Step {
        let expiry = Expiry::at(now, &self.rules.policy);
        let more = |request: ListObjects, continuation: Option<String>| {
            continuation.map(|continuation| ListObjects {
                continuation: Some(continuation),
                ..request
            })
        };
        match list {
            List::Count(request) => {
                self.count(page.objects.iter().map(|object| expiry.of_draft(object)));
                let next = more(request, page.next).map(List::Count);
                self.next = next.unwrap_or_else(|| List::CountUploads(ListUploads::default()));
                self.go_on()
            }
            List::Reserved if page.next.is_none() => {
                self.reserved_is_done = true;
                self.next = List::Named(ListObjects::default());
                self.sweep(page.objects, expiry)
            }
            List::Reserved => {
                self.next = List::Shard(0, under(shard_prefix(0)));
                self.go_on()
            }
            List::Shard(shard, request) => {
                let lives = |draft: &ListedObject| DraftId::in_key(&draft.key).is_some() && !expiry.of_draft(draft);
                let unexpired = page.objects.iter().any(lives);
                let rest = more(request, page.next.filter(|_| !unexpired)).map(|request| List::Shard(shard, request));
                self.next = rest.unwrap_or_else(|| match shard.checked_add(1) {
                    Some(shard) => List::Shard(shard, under(shard_prefix(shard))),
                    None => List::Named(ListObjects::default()),
                });
                self.sweep(page.objects, expiry)
            }
            List::Named(request) => self.on_named(request, page, expiry),
            List::CountUploads(_) | List::Uploads(_) | List::Staged | List::End => Step::Finish(Err(Stop::OutOfStep)),
        }
    }

    /// Passes over what the shards have shown: those that come before them in the order of keys, then those after.
    fn on_named(&mut self, request: ListObjects, mut page: ObjectPage, expiry: Expiry) -> Step {
        let past_unique = if self.reserved_is_done {
            format!("{RESERVED_PREFIX}{}", char::MAX)
        } else {
            format!("{}{}", shard_prefix(LAST_SHARD), char::MAX)
        };
        let listed = page.objects.len();
        let is_unique = |key: &str| key.starts_with(RESERVED_PREFIX) && key < past_unique.as_str();
        page.objects.retain(|draft| !is_unique(draft.key.as_str()));
        let met_unique = page.objects.len() < listed;
        self.next = match page.next {
            Some(_) if met_unique => List::Named(ListObjects {
                start_after: Some(past_unique),
                ..ListObjects::default()
            }),
            Some(next) => List::Named(ListObjects {
                continuation: Some(next),
                ..request
            }),
            None => List::Uploads(ListUploads::default()),
        };
        self.sweep(page.objects, expiry)
    }

    fn on_uploads(&mut self, list: &List, page: UploadPage, now: SystemTime) -> Step {
        let expiry = Expiry::at(now, &self.rules.policy);
        match list {
            List::CountUploads(_) => {
                self.count(page.uploads.iter().map(|upload| expiry.of_upload(upload)));
                self.next = page.next.map_or(List::Reserved, |next| {
                    List::CountUploads(ListUploads {
                        after: Some(next),
                        ..ListUploads::default()
                    })
                });
                if matches!(self.next, List::Reserved) && self.is_too_much() {
                    self.summary.brake = Some(Brake::MaxDeleteFraction);
                    self.next = List::End;
                }
                self.go_on()
            }
            List::Uploads(_) => {
                self.next = page.next.map_or(List::Staged, |next| {
                    List::Uploads(ListUploads {
                        after: Some(next),
                        ..ListUploads::default()
                    })
                });
                self.summary.scanned += count(&page.uploads);
                let expired: Vec<_> = page
                    .uploads
                    .into_iter()
                    .filter(|upload| expiry.of_upload(upload))
                    .collect();
                self.abort(expired)
            }
            List::Count(_) | List::Reserved | List::Shard(..) | List::Named(_) | List::Staged | List::End => {
                Step::Finish(Err(Stop::OutOfStep))
            }
        }
    }

    /// Those of the uploads to this key that were begun while the noted copy was under way.
    fn on_staged(&mut self, note: ListedObject, page: UploadPage) -> Step {
        let Some(copy) = StagingNote::in_key(&note.key) else {
            return self.go_on();
        };
        let is_ours = |upload: &ListedUpload| {
            upload.key == copy.main_key
                && upload.initiated + STORE_TICK >= note.last_modified
                && upload.initiated <= note.last_modified + MAX_NOTE_TO_UPLOAD
        };
        let left: Vec<_> = page.uploads.into_iter().filter(is_ours).collect();
        self.summary.expired += count(&left);
        // The note goes with the last of them: without it nobody would find the rest.
        if self.budget(left.len() + 1) <= left.len() {
            return self.go_on();
        }
        if left.is_empty() {
            return self.delete(vec![note]);
        }
        self.state = State::AbortingStaged(left.len(), note);
        Step::Perform(Effect::AbortStaged(left))
    }

    fn sweep(&mut self, drafts: Vec<ListedObject>, expiry: Expiry) -> Step {
        self.summary.scanned += count(&drafts);
        let expired = drafts.into_iter().filter(|draft| expiry.of_draft(draft));
        let (notes, expired): (Vec<_>, Vec<_>) = expired.partition(|draft| StagingNote::in_key(&draft.key).is_some());
        self.summary.expired += count(&expired) + count(&notes);
        self.notes.extend(notes);
        if expired.is_empty() {
            self.go_on()
        } else if self.rules.mode == Mode::DryRun {
            self.state = State::Telling;
            Step::Perform(Effect::Tell(expired))
        } else {
            let expired = self.within_budget(expired);
            self.delete(expired)
        }
    }

    /// Unique drafts that have expired need no condition: no URL can write to them any more.
    fn delete(&mut self, drafts: Vec<ListedObject>) -> Step {
        let has_condition = [Condition::Delete, Condition::DeleteMany].map(|of| self.rules.capabilities.honours(of));
        let needs_none = drafts
            .iter()
            .all(|draft| draft.key.as_str().starts_with(RESERVED_PREFIX));
        if drafts.is_empty() {
            return self.go_on();
        }
        let versions = drafts.iter().map(version).collect();
        match has_condition {
            [_, true] => {
                self.state = State::Deleting(drafts, VecDeque::new());
                Step::Perform(Effect::DeleteMany(versions))
            }
            _ if needs_none => {
                self.state = State::Deleting(drafts, VecDeque::new());
                Step::Perform(Effect::DeleteMany(versions))
            }
            [true, false] => {
                self.state = State::Deleting(drafts, VecDeque::new());
                Step::Perform(Effect::DeleteEach(versions))
            }
            [false, false] => self.look(drafts.into()),
        }
    }

    fn look(&mut self, drafts: VecDeque<ListedObject>) -> Step {
        let first = drafts.iter().take(LOOKED_AT_TOGETHER);
        let keys: Vec<_> = first.map(|draft| draft.key.clone()).collect();
        if keys.is_empty() {
            return self.go_on();
        }
        self.state = State::Looking(drafts);
        Step::Perform(Effect::Look(keys))
    }

    fn on_seen(&mut self, mut drafts: VecDeque<ListedObject>, seen: &[Option<ETag>]) -> Step {
        let looked_at = drafts.drain(..seen.len().min(drafts.len()));
        let unchanged = looked_at
            .zip(seen)
            .filter(|(draft, seen)| Some(&draft.etag) == seen.as_ref());
        let unchanged: Vec<_> = unchanged.map(|(draft, _)| draft).collect();
        if unchanged.is_empty() {
            return self.look(drafts);
        }
        let versions = unchanged.iter().map(version).collect();
        self.state = State::Deleting(unchanged, drafts);
        Step::Perform(Effect::DeleteMany(versions))
    }

    fn on_deleted(
        &mut self,
        drafts: &[ListedObject],
        rest: VecDeque<ListedObject>,
        deleted: Result<Vec<DeleteFailure>, storage::Error>,
    ) -> Step {
        let failures = match deleted {
            Ok(failures) => failures,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "could not delete {} expired drafts",
                    drafts.len()
                );
                self.summary.failed += count(drafts);
                return self.look(rest);
            }
        };
        let remaining: BTreeMap<&ObjectKey, &DeleteFailure> =
            failures.iter().map(|failure| (&failure.key, failure)).collect();
        for draft in drafts {
            match remaining.get(&draft.key) {
                None => {
                    tracing::debug!(object.key = %draft.key, object.size = draft.size, "deleted an expired draft");
                    self.summary.deleted += 1;
                    self.summary.bytes += draft.size;
                }
                // Uploaded again since it was listed: it lives.
                Some(failure) if failure.kind == ErrorKind::PreconditionFailed => {}
                Some(failure) => {
                    tracing::error!(object.key = %draft.key, code = %failure.code, "could not delete an expired draft");
                    self.summary.failed += 1;
                }
            }
        }
        self.look(rest)
    }

    fn abort(&mut self, expired: Vec<ListedUpload>) -> Step {
        self.summary.expired += count(&expired);
        if expired.is_empty() {
            return self.go_on();
        }
        if self.rules.mode == Mode::DryRun {
            self.state = State::Telling;
            return Step::Perform(Effect::TellUploads(expired));
        }
        let expired = self.within_budget(expired);
        if expired.is_empty() {
            return self.go_on();
        }
        self.state = State::Aborting(expired.len());
        Step::Perform(Effect::Abort(expired))
    }

    fn within_budget<T>(&mut self, mut expired: Vec<T>) -> Vec<T> {
        expired.truncate(self.budget(expired.len()));
        expired
    }

    /// How many of these may still be removed; where that is not all, the sweep ends with them.
    fn budget(&mut self, expired: usize) -> usize {
        let max = self.rules.brakes.max_delete.unwrap_or(u64::MAX);
        let left = usize::try_from(max.saturating_sub(self.summary.deleted)).unwrap_or(usize::MAX);
        if expired > left {
            self.summary.brake = Some(Brake::MaxDelete);
            self.next = List::End;
            self.notes.clear();
        }
        expired.min(left)
    }

    fn count(&mut self, expired: impl Iterator<Item = bool>) {
        if let Some((all, too_old)) = &mut self.counted {
            for expired in expired {
                *all += 1;
                *too_old += u64::from(expired);
            }
        }
    }

    fn is_too_much(&self) -> bool {
        let counted = self.counted.zip(self.rules.brakes.max_delete_fraction);
        counted.is_some_and(|((all, expired), fraction)| fraction.is_exceeded_by(expired, all))
    }

    fn count_aborted(&mut self, all: usize, failed: usize) {
        self.summary.deleted += (all - failed.min(all)) as u64;
        self.summary.failed += failed as u64;
    }

    fn go_on(&mut self) -> Step {
        let list = std::mem::replace(&mut self.next, List::End);
        let effect = match &list {
            List::Count(request) | List::Shard(_, request) | List::Named(request) => Effect::List(request.clone()),
            List::Reserved => Effect::List(under(RESERVED_PREFIX.to_owned())),
            List::CountUploads(request) | List::Uploads(request) => Effect::ListUploads(request.clone()),
            List::Staged | List::End => return self.next_note(),
        };
        self.state = State::Listing(list);
        Step::Perform(effect)
    }

    fn next_note(&mut self) -> Step {
        let Some(note) = self.notes.pop_front() else {
            return Step::Finish(Ok(()));
        };
        if self.rules.mode == Mode::DryRun {
            self.state = State::Telling;
            return Step::Perform(Effect::Tell(vec![note]));
        }
        let Some(copy) = StagingNote::in_key(&note.key) else {
            return self.next_note();
        };
        self.state = State::ListingStaged(note);
        Step::Perform(Effect::ListStaged(copy.main_key))
    }
}

fn under(prefix: String) -> ListObjects {
    ListObjects {
        prefix: Some(prefix),
        ..ListObjects::default()
    }
}

fn version(draft: &ListedObject) -> DraftVersion {
    DraftVersion {
        key: draft.key.clone(),
        etag: draft.etag.clone(),
    }
}

fn count<T>(all: &[T]) -> u64 {
    all.len() as u64
}
