//! The running tasks of a server: a confirm, a batch of confirms, a check, a delete, a transfer, a restore, or a sweep.

use draftstore_storage::{DraftVersion, ErrorKind};

use super::audit::{Broken, broken};
use super::checking::{Checking, Waiting};
use super::deleting::Deleting;
use super::keeping::KeepState;
use super::restoring::RestoringTask;
use super::spec::Spec;
use super::store::PAGE;
use super::transferring::TransferTask;
use crate::confirm::{BatchId, Protocol, Step, Turn};
use crate::sweep;
use crate::sweep::{Bounds, Pass, Stop};

/// One confirm in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Member {
    pub(super) spec: Spec,
    pub(super) server: usize,
    pub(super) protocol: Protocol<ErrorKind>,
    pub(super) step: Step<ErrorKind>,
    /// The progress of a staged copy.
    pub(super) staging: Staging,
    pub(super) note: Option<DraftVersion>,
    pub(super) waiting: Waiting,
    pub(super) keeping: KeepState,
    /// The object in main, as the audit counts them, with which an earlier confirm of the same draft reported success.
    pub(super) was_kept: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Task {
    Confirm(Box<Member>),
    Batch {
        batch: BatchId,
        members: Vec<Member>,
        turn: Turn,
    },
    Check(Box<Checking>),
    Delete(Box<Deleting>),
    Transfer(Box<TransferTask>),
    Restore(Box<RestoringTask>),
    Sweep(Box<Sweep>),
}

/// The progress of a staged copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Staging {
    NotBegun,
    Noted,
    /// The upload with this ID has its first part.
    HalfDone(u64),
}

/// The bounds of a sweep, which are as small as the model's pages, so that each bound is reached.
pub(super) const BOUNDS: Bounds = Bounds {
    lists: 3,
    deletes: 2,
    batch: PAGE,
    in_hand: 4 * PAGE,
};

/// A sweep in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sweep {
    pub(super) pass: Pass<ErrorKind>,
    /// The effects in progress, which have no answer yet.
    pub(super) under_way: Vec<(sweep::Job, sweep::Effect)>,
}

impl Sweep {
    /// Starts every effect that can be started. Returns false if the sweep has ended.
    pub(super) fn go_on(&mut self) -> Result<bool, Broken> {
        loop {
            match self.pass.step() {
                sweep::Next::Perform(job, effect) => self.under_way.push((job, effect)),
                sweep::Next::Wait => break,
                sweep::Next::Report(found) => return broken(format!("a sweep only reported {found:?}")),
                sweep::Next::Finish(Err(Stop::OutOfStep)) => return broken("a sweep is out of step".to_owned()),
                sweep::Next::Finish(_) if !self.under_way.is_empty() => {
                    return broken(format!("a sweep has ended before {:?}", self.under_way));
                }
                sweep::Next::Finish(_) => return Ok(false),
            }
        }
        if self.under_way.is_empty() {
            return broken("a sweep waits for nothing".to_owned());
        }
        self.is_bounded()?;
        Ok(true)
    }

    fn is_bounded(&self) -> Result<(), Broken> {
        let count = |is: fn(&sweep::Effect) -> bool| self.under_way.iter().filter(|(_, effect)| is(effect)).count();
        let lists = count(|effect| matches!(effect, sweep::Effect::List(_)));
        let deletes = count(|effect| {
            use sweep::Effect::{DeleteEach, DeleteMany, Look};
            matches!(effect, Look(_) | DeleteMany(_) | DeleteEach(_))
        });
        if lists > BOUNDS.lists || deletes > BOUNDS.deletes {
            return broken(format!("a sweep has too much under way: {:?}", self.under_way));
        }
        Ok(())
    }
}
