//! The rules of a sweep as a state machine: its input is an answer, its output the next effects or the end.
//!
//! Drafts come first. Their lists run concurrently. Expired drafts are collected over pages and shards, so that each
//! delete is as large as possible, and deletes run concurrently with the lists. Uploads in progress come next, then
//! staged copies.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use draftstore_storage::{
    Condition, DeleteFailure, DraftVersion, ETag, ErrorKind, ListUploads, ListedObject, ListedUpload, ObjectKey,
    ObjectPage, UploadPage,
};

use super::effect::{Answer, Effect, Found, Job, Next, Stop};
use super::expiry::Expiry;
use super::rules::{Mode, Rules};
use super::summary::{Brake, Summary};
use super::walk::{Read, Walk};
use crate::DraftId;
use crate::confirm::StagingNote;
use crate::keys::RESERVED_PREFIX;

/// The number of drafts that are looked up together before their deletion, if the store has no condition. A small
/// number keeps the time between the two short.
const LOOKED_AT_TOGETHER: usize = 16;

/// The maximum time between a note and its upload, both dated by the store. The call that begins the upload times out
/// long before.
const MAX_NOTE_TO_UPLOAD: Duration = Duration::from_secs(300);

/// The resolution of the store's times.
const STORE_TICK: Duration = Duration::from_secs(1);

/// One sweep in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pass<E> {
    rules: Rules,
    summary: Summary,
    phase: Phase,
    /// The counts of the first reading, if a fraction must be known: of all, and of those that have expired.
    counted: (u64, u64),
    /// The brake that limits the number of removals.
    limit: Brake,
    /// The ranges still to be read.
    walks: VecDeque<Walk>,
    /// The request for the next page of uploads.
    uploads: Option<ListUploads>,
    /// Expired drafts and uploads that wait for removal.
    expired: Expired,
    /// The findings of a dry run.
    found: VecDeque<Found>,
    under_way: BTreeMap<Job, State>,
    /// Effects that replace an answered one, and start at once.
    followed: VecDeque<(State, Effect)>,
    next_job: u64,
    stop: Option<Stop<E>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// Lists all drafts, to count them.
    CountDrafts,
    /// Lists all uploads, to count them.
    CountUploads,
    Drafts,
    Uploads,
    /// Removes staged copies, by their notes.
    Staged,
    Over,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Expired {
    /// Drafts under the reserved prefix. They need no condition, since no URL can write to them any more.
    reserved: VecDeque<ListedObject>,
    named: VecDeque<ListedObject>,
    uploads: VecDeque<ListedUpload>,
    /// Notes about staged copies that have ended.
    notes: VecDeque<ListedObject>,
}

/// The answer that an effect in progress will get.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State {
    /// A page of this walk. The first page comes alone, because it shows how to divide the rest.
    Listing(Walk),
    ListingUploads(ListUploads),
    /// The uploads to the key in main that this note names.
    ListingStaged(ListedObject),
    /// The current versions of the first of these drafts, before they are deleted.
    Looking(VecDeque<ListedObject>),
    /// The deletion of these drafts. The others are to be looked up first.
    Deleting(Vec<ListedObject>, VecDeque<ListedObject>),
    /// The abort of this number of uploads.
    Aborting(usize),
    /// The abort of this number of staged copies, after which the note is removed.
    AbortingStaged(usize, ListedObject),
}

impl State {
    /// Returns the number of drafts and uploads that may still be removed.
    fn removes(&self) -> usize {
        match self {
            Self::Listing(_) | Self::ListingUploads(_) | Self::ListingStaged(_) => 0,
            Self::Looking(drafts) => drafts.len(),
            Self::Deleting(drafts, rest) => drafts.len() + rest.len(),
            Self::Aborting(uploads) => *uploads,
            Self::AbortingStaged(uploads, _note) => uploads + 1,
        }
    }
}

impl<E> Pass<E> {
    /// Starts a sweep with these rules.
    pub fn start(rules: Rules) -> Self {
        let counts = rules.brakes.max_delete_fraction.is_some();
        let mut pass = Self {
            rules,
            summary: Summary::default(),
            phase: Phase::Over,
            counted: (0, 0),
            limit: Brake::MaxDelete,
            walks: VecDeque::new(),
            uploads: None,
            expired: Expired::default(),
            found: VecDeque::new(),
            under_way: BTreeMap::new(),
            followed: VecDeque::new(),
            next_job: 0,
            stop: None,
        };
        pass.enter(if counts { Phase::CountDrafts } else { Phase::Drafts });
        pass
    }

    /// Returns the figures so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Returns the next action. Call it until it returns [`Next::Wait`], and again after each answer.
    pub fn step(&mut self) -> Next<E> {
        loop {
            if let Some(found) = self.found.pop_front() {
                return Next::Report(found);
            }
            if let Some((state, effect)) = self.begin() {
                let job = Job(self.next_job);
                self.next_job += 1;
                self.under_way.insert(job, state);
                return Next::Perform(job, effect);
            }
            if !self.under_way.is_empty() {
                return Next::Wait;
            }
            if let Some(stop) = self.stop.take() {
                return Next::Finish(Err(stop));
            }
            match self.phase {
                Phase::CountDrafts => self.enter(Phase::CountUploads),
                Phase::CountUploads => {
                    self.limit_by_fraction();
                    self.enter(Phase::Drafts);
                }
                Phase::Drafts => self.enter(Phase::Uploads),
                Phase::Uploads => self.enter(Phase::Staged),
                Phase::Staged => self.enter(Phase::Over),
                Phase::Over => return Next::Finish(Ok(())),
            }
        }
    }

    /// Handles the answer to an effect.
    pub fn on(&mut self, job: Job, answer: Answer<E>) {
        match (self.under_way.remove(&job), answer) {
            (Some(_), Answer::Page(Err(error), _) | Answer::Uploads(Err(error), _)) => self.fail(Stop::Store(error)),
            (Some(State::Listing(walk)), Answer::Page(Ok(page), now)) => self.on_page(walk, page, now),
            (Some(State::ListingUploads(request)), Answer::Uploads(Ok(page), now)) => {
                self.on_uploads(request, page, now);
            }
            (Some(State::ListingStaged(note)), Answer::Uploads(Ok(page), _)) => self.on_staged(note, page),
            (Some(State::Looking(drafts)), Answer::Seen(seen)) => self.on_seen(drafts, &seen),
            (Some(State::Deleting(drafts, rest)), Answer::Deleted(deleted)) => self.on_deleted(&drafts, rest, deleted),
            (Some(State::Aborting(all)), Answer::Aborted { failed }) => self.count_aborted(all, failed),
            (Some(State::AbortingStaged(all, note)), Answer::Aborted { failed }) => {
                self.count_aborted(all, failed);
                if failed == 0 {
                    let follows = self.remove(vec![note]);
                    self.followed.push_back(follows);
                }
            }
            (_, _) => self.fail(Stop::OutOfStep),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        match phase {
            Phase::CountDrafts | Phase::Drafts => self.walks.push_back(Walk::unique(self.rules.slice)),
            Phase::CountUploads | Phase::Uploads => self.uploads = Some(ListUploads::default()),
            Phase::Staged | Phase::Over => {}
        }
    }

    /// Returns an effect that can start now, if there is one.
    fn begin(&mut self) -> Option<(State, Effect)> {
        self.followed
            .pop_front()
            .or_else(|| self.begin_removal())
            .or_else(|| self.begin_list())
    }

    fn begin_list(&mut self) -> Option<(State, Effect)> {
        let lists = self.lists();
        match self.phase {
            Phase::CountDrafts | Phase::Drafts if lists < self.rules.bounds.lists && self.has_room(lists + 1) => {
                let walk = self.walks.pop_front()?;
                let effect = Effect::List(walk.request.clone());
                Some((State::Listing(walk), effect))
            }
            Phase::CountUploads | Phase::Uploads if self.expired.uploads.len() < self.rules.bounds.batch => {
                let request = self.uploads.take()?;
                let effect = Effect::ListUploads(request.clone());
                Some((State::ListingUploads(request), effect))
            }
            Phase::Staged if self.under_way.is_empty() => self.begin_note(),
            Phase::CountDrafts | Phase::CountUploads | Phase::Drafts | Phase::Uploads | Phase::Staged | Phase::Over => {
                None
            }
        }
    }

    fn begin_note(&mut self) -> Option<(State, Effect)> {
        let note = self.expired.notes.pop_front()?;
        let Some(copy) = StagingNote::in_key(&note.key) else {
            return self.begin_note();
        };
        Some((State::ListingStaged(note), Effect::ListStaged(copy.main_key)))
    }

    /// Removes expired drafts and uploads as soon as they fill a call, and the rest when no more can come.
    fn begin_removal(&mut self) -> Option<(State, Effect)> {
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

    fn on_page(&mut self, walk: Walk, page: ObjectPage, now: SystemTime) {
        if self.has_ended() {
            return;
        }
        let expiry = Expiry::at(now, &self.rules.policy);
        let counts = self.phase == Phase::CountDrafts;
        let lives = |draft: &ListedObject| DraftId::in_key(&draft.key).is_some() && !expiry.of_draft(draft);
        let others = self.lists() + self.walks.len();
        let lanes = self.rules.bounds.lists.saturating_sub(others);
        let is_first = walk.is_first();
        let Read { objects, rest } = walk.read(page, |draft| !counts && lives(draft), lanes);
        self.walks.extend(rest);
        if is_first {
            self.walks.push_back(Walk::named(self.rules.slice));
        }
        if counts {
            self.count(objects.iter().map(|draft| expiry.of_draft(draft)));
        } else {
            self.gather(objects, expiry);
        }
    }

    fn on_uploads(&mut self, request: ListUploads, page: UploadPage, now: SystemTime) {
        if self.has_ended() {
            return;
        }
        let expiry = Expiry::at(now, &self.rules.policy);
        self.uploads = page.next.map(|next| ListUploads {
            after: Some(next),
            ..request
        });
        let mut uploads = page.uploads;
        uploads.retain(|upload| self.rules.slice.holds(&upload.key));
        if self.phase == Phase::CountUploads {
            self.count(uploads.iter().map(|upload| expiry.of_upload(upload)));
            return;
        }
        self.summary.scanned += count(&uploads);
        uploads.retain(|upload| expiry.of_upload(upload));
        self.summary.expired += count(&uploads);
        match self.rules.mode {
            Mode::Delete => self.expired.uploads.extend(uploads),
            Mode::DryRun => self.found.extend(uploads.into_iter().map(Found::Upload)),
        }
    }

    /// Aborts the uploads to the note's key that began while the noted copy was in progress.
    fn on_staged(&mut self, note: ListedObject, page: UploadPage) {
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
            (State::AbortingStaged(left.len(), note), Effect::AbortStaged(left))
        };
        self.followed.push_back(follows);
    }

    fn gather(&mut self, drafts: Vec<ListedObject>, expiry: Expiry) {
        self.summary.scanned += count(&drafts);
        for draft in drafts.into_iter().filter(|draft| expiry.of_draft(draft)) {
            self.summary.expired += 1;
            if self.rules.mode == Mode::DryRun {
                self.found.push_back(Found::Draft(draft));
            } else if StagingNote::in_key(&draft.key).is_some() {
                self.expired.notes.push_back(draft);
            } else if is_reserved(&draft) {
                self.expired.reserved.push_back(draft);
            } else {
                self.expired.named.push_back(draft);
            }
        }
    }

    /// Returns the effect that removes these drafts. Either all of them are under the reserved prefix, or none.
    fn remove(&mut self, drafts: Vec<ListedObject>) -> (State, Effect) {
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

    fn on_seen(&mut self, mut drafts: VecDeque<ListedObject>, seen: &[Option<ETag>]) {
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

    fn on_deleted(
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

    fn count_deleted(&mut self, drafts: &[ListedObject], failures: &[DeleteFailure]) {
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

    fn count_aborted(&mut self, all: usize, failed: usize) {
        self.summary.deleted += (all - failed.min(all)) as u64;
        self.summary.failed += failed as u64;
    }

    fn count(&mut self, expired: impl Iterator<Item = bool>) {
        for expired in expired {
            self.counted.0 += 1;
            self.counted.1 += u64::from(expired);
        }
    }

    /// If more than the fraction has expired, lets the sweep remove only that much of everything. The next sweeps remove the
    /// rest: whoever may upload could otherwise stop them all, with drafts that expire together.
    fn limit_by_fraction(&mut self) {
        let (all, expired) = self.counted;
        let brakes = &mut self.rules.brakes;
        let exceeded = brakes.max_delete_fraction;
        let Some(fraction) = exceeded.filter(|fraction| fraction.is_exceeded_by(expired, all)) else {
            return;
        };
        let most = fraction.of(all);
        if brakes.max_delete.is_none_or(|max| most < max) {
            brakes.max_delete = Some(most);
            self.limit = Brake::MaxDeleteFraction;
        }
    }

    /// Returns the number of removals that `max_delete` still allows, if all in progress succeed.
    fn left(&self) -> usize {
        let max = self.rules.brakes.max_delete.unwrap_or(u64::MAX);
        let left = max.saturating_sub(self.summary.deleted);
        usize::try_from(left)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.removing())
    }

    fn brake(&mut self, brake: Brake) {
        self.summary.brake = Some(brake);
        self.expired = Expired::default();
        self.read_no_more();
    }

    /// Stops reading. Expired drafts that were already found are still removed.
    fn fail(&mut self, stop: Stop<E>) {
        self.stop.get_or_insert(stop);
        self.expired.notes.clear();
        self.read_no_more();
    }

    fn read_no_more(&mut self) {
        self.walks.clear();
        self.uploads = None;
        self.phase = Phase::Over;
    }

    fn has_ended(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Tells if the store honours the condition on a single delete, and on a bulk delete.
    fn has_condition(&self) -> [bool; 2] {
        [Condition::Delete, Condition::DeleteMany].map(|of| self.rules.capabilities.honours(of))
    }

    fn states(&self) -> impl Iterator<Item = &State> {
        self.under_way
            .values()
            .chain(self.followed.iter().map(|(state, _)| state))
    }

    fn lists(&self) -> usize {
        self.states().filter(|state| matches!(state, State::Listing(_))).count()
    }

    fn deletes(&self) -> usize {
        let is_delete = |state: &&State| matches!(state, State::Looking(_) | State::Deleting(..));
        self.states().filter(is_delete).count()
    }

    /// Returns true if drafts that take one call each are being removed. No further ones are started then.
    fn deletes_singly(&self) -> bool {
        self.states().any(|state| match state {
            State::Looking(drafts) => drafts.iter().any(|draft| !is_reserved(draft)),
            State::Deleting(drafts, _) => drafts.iter().any(|draft| !is_reserved(draft)),
            State::Listing(_)
            | State::ListingUploads(_)
            | State::ListingStaged(_)
            | State::Aborting(_)
            | State::AbortingStaged(..) => false,
        })
    }

    fn removing(&self) -> usize {
        self.states().map(State::removes).sum()
    }

    /// Returns true if there is room for the results of this number of lists.
    fn has_room(&self, lists: usize) -> bool {
        let waiting = self.expired.reserved.len() + self.expired.named.len();
        waiting + self.removing() + lists * self.rules.bounds.batch <= self.rules.bounds.in_hand
    }
}

fn look(drafts: VecDeque<ListedObject>) -> (State, Effect) {
    let first = drafts.iter().take(LOOKED_AT_TOGETHER);
    let keys = first.map(|draft| draft.key.clone()).collect();
    (State::Looking(drafts), Effect::Look(keys))
}

fn is_reserved(draft: &ListedObject) -> bool {
    draft.key.as_str().starts_with(RESERVED_PREFIX)
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
