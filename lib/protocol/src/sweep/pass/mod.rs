//! The rules of a sweep as a state machine: its input is an answer, its output the next effects or the end.
//!
//! Drafts come first. Their lists run concurrently. Expired drafts are collected over pages and shards, so that each
//! delete is as large as possible, and deletes run concurrently with the lists. Uploads in progress come next: those that have
//! expired are aborted, and the others completed if their clients are gone. Then come staged copies.
//!
//! Rejected drafts are found by notes, which expire like drafts.

mod listing;
mod rejected;
mod removal;
mod staged;
mod state;

use std::collections::{BTreeMap, VecDeque};

use draftstore_storage::{ListUploads, ListedObject, ListedUpload};

use self::state::State;
use super::effect::{Answer, Effect, Found, Job, Next, Stop};
use super::rules::Rules;
use super::summary::{Brake, Summary};
use super::walk::Walk;
use crate::keys::RESERVED_PREFIX;

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
    /// Uploads that have not expired, and wait for a completion.
    idle: VecDeque<ListedUpload>,
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
    /// Notes about rejected drafts that are to be removed.
    rejected: VecDeque<ListedObject>,
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
            idle: VecDeque::new(),
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
            (Some(State::LookingUpRejected(notes)), Answer::Rejected(seen)) => self.on_rejected(notes, seen),
            (Some(State::DeletingRejected(rejected, spent)), Answer::Deleted(deleted)) => {
                self.on_rejected_deleted(rejected, spent, deleted);
            }
            (Some(State::Aborting(all)), Answer::Aborted { failed }) => self.count_aborted(all, failed),
            (Some(State::Completing), Answer::Completed { completed, failed }) => {
                self.summary.completed += completed as u64;
                self.summary.failed += failed as u64;
            }
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
            .or_else(|| self.begin_rejected())
            .or_else(|| self.begin_completion())
            .or_else(|| self.begin_list())
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
        self.expired.rejected.clear();
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
}

fn is_reserved(draft: &ListedObject) -> bool {
    draft.key.as_str().starts_with(RESERVED_PREFIX)
}

fn count<T>(all: &[T]) -> u64 {
    all.len() as u64
}
