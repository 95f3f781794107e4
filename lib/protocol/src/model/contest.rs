//! Contests for one object: a confirm or an atomic batch is about to undo it, while others delete, restore or confirm it;
//! a confirm is repeated after its draft was uploaded again; or several calls replace, delete, move and restore it.
//!
//! Purely random schedules seldom come to such moments. A contest leads there, with the usual faults on the way. The
//! schedule then goes on at random.

use draftstore_storage::ErrorKind;
use rand::RngExt as _;

use super::audit::Broken;
use super::random::Schedule;
use super::spec::{Fault, LIFETIME, Spec};
use super::task::{Member, Task};
use crate::confirm::{Effect, Existing, Pins, Step};

/// The maximum number of acts before the undo.
const ACTS_TO_UNDO: usize = 12;

/// The place of the task that undoes. A contest begins before any other task.
const UNDOING: usize = 0;

impl Schedule {
    pub(super) fn contest(&mut self) -> Result<(), Broken> {
        match self.random.random_range(0..6) {
            0 => self.repeat_with_other_pins(),
            1..=2 => self.race_for_object(),
            _ => self.race_with_undo(),
        }
    }

    /// Lets calls of several servers replace, delete, move, copy, update and restore one object, act by act in any order.
    fn race_for_object(&mut self) -> Result<(), Broken> {
        let mut spec = self.kept_once();
        self.world.put(&spec.draft_key, 1);
        let server = self.server();
        self.begin_confirm(server, spec.clone());
        self.end_all_but(0)?;
        for _ in 0..self.random.random_range(2..=3) {
            let name = spec.main_key.clone();
            match self.random.random_range(0..8) {
                0..=1 => self.begin_delete(name),
                2 => self.begin_restore(name),
                3 => {
                    self.world.put(&spec.draft_key, 1);
                    spec.existing = Existing::Replace(None);
                    let server = self.server();
                    self.begin_confirm(server, spec.clone());
                }
                _ => {
                    let other = if self.coin() { "!a" } else { "other" };
                    self.begin_transfer(name, other.parse().expect("a key"));
                }
            }
        }
        while !self.world.tasks.is_empty() {
            let task = self.random.random_range(0..self.world.tasks.len());
            let fault = self.fault();
            self.world.step(task, 0, fault)?;
            if self.random.random_range(0..40) == 0 {
                let server = self.server();
                self.world.kill(server);
            }
        }
        Ok(())
    }

    /// Confirms a draft, and its next version with the same idempotency key.
    fn repeat_with_other_pins(&mut self) -> Result<(), Broken> {
        let mut spec = self.kept_once();
        spec.idempotency_key = Some(format!("{} 0", spec.main_key));
        for _ in 0..2 {
            self.world.put(&spec.draft_key, 1);
            let draft = self.world.store.draft.get(&spec.draft_key);
            spec.pins.if_match = draft.map(|draft| draft.info.etag.clone());
            let server = self.server();
            self.begin_confirm(server, spec.clone());
            self.end_all_but(0)?;
        }
        Ok(())
    }

    /// Leads to a moment before an undo, and lets others race with it.
    fn race_with_undo(&mut self) -> Result<(), Broken> {
        let server = self.server();
        let mut spec = self.kept_once();
        self.world.put(&spec.draft_key, 1);
        if self.coin() {
            self.earlier_life(&spec)?;
            let doomed = self.doomed();
            self.world.begin_batch(server, vec![spec.clone(), doomed]);
        } else {
            self.world.begin_confirm(server, spec.clone());
            self.world.step(UNDOING, 0, Fault::No)?;
            // A store that does not notice copies this version.
            self.world.put(&spec.draft_key, 1);
            self.earlier_life(&spec)?;
        }
        self.come_to_undo(&spec)?;
        if self.random.random_range(0..8) == 0 {
            self.world.kill(server);
        }
        for _ in 0..self.random.random_range(1..=4) {
            let others = self.world.tasks.len();
            match self.random.random_range(0..6) {
                0..=1 => self.begin_delete(spec.main_key.clone()),
                2 => self.begin_restore(spec.main_key.clone()),
                3 => self.begin_undelete(spec.main_key.clone()),
                4 => self.end_all_but(UNDOING)?,
                _ => {
                    spec.existing = if self.coin() {
                        Existing::Keep
                    } else {
                        Existing::Replace(None)
                    };
                    let server = self.server();
                    self.begin_confirm(server, spec.clone());
                }
            }
            if self.random.random_range(0..4) > 0 {
                self.end_all_but(others)?;
            }
        }
        Ok(())
    }

    /// Returns a confirm of a named draft that replaces nothing.
    fn kept_once(&mut self) -> Spec {
        let draft_key = self.named();
        let main_key = if self.coin() {
            "shared".parse().expect("a key")
        } else {
            draft_key.clone()
        };
        Spec {
            draft_key,
            main_key,
            pins: Pins::default(),
            existing: Existing::Keep,
            idempotency_key: None,
            checks: self.world.checks,
        }
    }

    /// Returns a confirm of another draft, under a name of its own, that is going to fail.
    fn doomed(&mut self) -> Spec {
        let draft_key = self.new_unique(LIFETIME);
        self.world.put(&draft_key, 1);
        Spec {
            draft_key,
            main_key: "doomed".parse().expect("a key"),
            ..self.kept_once()
        }
    }

    /// Sometimes confirms the draft, and deletes the object, which leaves a version of the same bytes.
    fn earlier_life(&mut self, spec: &Spec) -> Result<(), Broken> {
        if self.coin() {
            return Ok(());
        }
        let server = self.server();
        let others = self.world.tasks.len();
        self.begin_confirm(server, spec.clone());
        self.end_all_but(others)?;
        self.begin_delete(spec.main_key.clone());
        self.end_all_but(others)
    }

    /// Runs the task until it is about to undo the object, and fails the other confirm of its batch.
    fn come_to_undo(&mut self, spec: &Spec) -> Result<(), Broken> {
        for _ in 0..ACTS_TO_UNDO {
            let Some((_, task)) = self.world.tasks.first() else {
                return Ok(());
            };
            let (members, in_batch) = match task {
                Task::Confirm(member) => (std::slice::from_ref(&**member), false),
                Task::Batch { members, .. } => (&members[..], true),
                Task::Check(_) | Task::Delete(_) | Task::Transfer(_) | Task::Restore(_) | Task::Sweep(_) => {
                    return Ok(());
                }
            };
            if members.iter().any(is_undoing) {
                return Ok(());
            }
            let which = self.random.random_range(0..members.len());
            let busy = members.iter().filter(|member| matches!(member.step, Step::Perform(_)));
            let acting = busy.cycle().nth(which);
            let is_doomed = in_batch && acting.is_some_and(|acting| acting.spec != *spec && is_copying(acting));
            let fault = if is_doomed {
                Fault::Before(ErrorKind::CredentialsRefused)
            } else {
                Fault::No
            };
            self.world.step(UNDOING, which, fault)?;
        }
        Ok(())
    }

    /// Runs the tasks to their ends that were begun after so many others.
    fn end_all_but(&mut self, others: usize) -> Result<(), Broken> {
        while self.world.tasks.len() > others {
            let fault = self.fault();
            self.world.step(others, 0, fault)?;
        }
        Ok(())
    }
}

fn is_undoing(member: &Member) -> bool {
    matches!(
        member.step,
        Step::Perform(Effect::UndoCopy { .. } | Effect::UndoSwap { .. })
    )
}

fn is_copying(member: &Member) -> bool {
    matches!(
        member.step,
        Step::Perform(Effect::Copy { .. } | Effect::Stage { .. } | Effect::Complete { .. })
    )
}
