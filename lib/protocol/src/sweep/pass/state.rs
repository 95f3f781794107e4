//! The effects of a sweep that are in progress.

use std::collections::VecDeque;

use draftstore_storage::{ListUploads, ListedObject};

use super::super::walk::Walk;
use super::rejected::Rejected;
use super::{Pass, is_reserved};

/// The answer that an effect in progress will get.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// A page of this walk. The first page comes alone, because it shows how to divide the rest.
    Listing(Walk),
    ListingUploads(ListUploads),
    /// The uploads to the key in main that this note names.
    ListingStaged(ListedObject),
    /// The current versions of the first of these drafts, before they are deleted.
    Looking(VecDeque<ListedObject>),
    /// The deletion of these drafts. The others are to be looked up first.
    Deleting(Vec<ListedObject>, VecDeque<ListedObject>),
    /// The drafts that these notes name.
    LookingUpRejected(Vec<ListedObject>),
    /// The deletion of these drafts, after which their notes and the spent ones are removed.
    DeletingRejected(Vec<Rejected>, Vec<ListedObject>),
    /// The abort of this number of uploads.
    Aborting(usize),
    /// The completion of uploads whose clients may be gone.
    Completing,
    /// The abort of this number of staged copies, after which the note is removed.
    AbortingStaged(usize, ListedObject),
}

impl State {
    /// Returns the number of drafts and uploads that may still be removed.
    fn removes(&self) -> usize {
        match self {
            Self::Listing(_) | Self::ListingUploads(_) | Self::ListingStaged(_) | Self::Completing => 0,
            Self::Looking(drafts) => drafts.len(),
            Self::Deleting(drafts, rest) => drafts.len() + rest.len(),
            Self::LookingUpRejected(notes) => notes.len() * 2,
            Self::DeletingRejected(rejected, spent) => rejected.len() * 2 + spent.len(),
            Self::Aborting(uploads) => *uploads,
            Self::AbortingStaged(uploads, _note) => uploads + 1,
        }
    }
}

impl<E> Pass<E> {
    fn states(&self) -> impl Iterator<Item = &State> {
        self.under_way
            .values()
            .chain(self.followed.iter().map(|(state, _)| state))
    }

    pub(super) fn lists(&self) -> usize {
        self.states().filter(|state| matches!(state, State::Listing(_))).count()
    }

    pub(super) fn deletes(&self) -> usize {
        let is_delete = |state: &&State| match state {
            // Each lookup of rejected drafts is followed by deletes, one after another.
            State::Looking(_) | State::Deleting(..) | State::LookingUpRejected(_) | State::DeletingRejected(..) => true,
            State::Listing(_)
            | State::ListingUploads(_)
            | State::ListingStaged(_)
            | State::Aborting(_)
            | State::Completing
            | State::AbortingStaged(..) => false,
        };
        self.states().filter(is_delete).count()
    }

    /// Returns true if drafts that take one call each are being removed. No further ones are started then.
    pub(super) fn deletes_singly(&self) -> bool {
        self.states().any(|state| match state {
            State::Looking(drafts) => drafts.iter().any(|draft| !is_reserved(draft)),
            State::Deleting(drafts, _) => drafts.iter().any(|draft| !is_reserved(draft)),
            State::Listing(_)
            | State::ListingUploads(_)
            | State::ListingStaged(_)
            | State::LookingUpRejected(_)
            | State::DeletingRejected(..)
            | State::Aborting(_)
            | State::Completing
            | State::AbortingStaged(..) => false,
        })
    }

    pub(super) fn removes_rejected(&self) -> bool {
        let is_rejected = |state: &State| matches!(state, State::LookingUpRejected(_) | State::DeletingRejected(..));
        self.states().any(is_rejected)
    }

    pub(super) fn completes(&self) -> bool {
        self.states().any(|state| matches!(state, State::Completing))
    }

    pub(super) fn removing(&self) -> usize {
        self.states().map(State::removes).sum()
    }
}
