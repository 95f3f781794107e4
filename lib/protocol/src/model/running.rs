//! The acts of servers: confirms, batches and sweeps, one act at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use draftstore_storage::{DraftVersion, ErrorKind, ObjectHeaders, ObjectKey, StorageOptions};
use ulid::Ulid;

use super::audit::{Audit, Broken, broken};
use super::checking::Waiting;
use super::keeping::KeepState;
use super::spec::{Fault, GRACE, IDLE_AFTER, LIFETIME, MAX_COPY_BYTES, REMOVALS, Spec, TIMEOUT, UPLOAD_TTL};
use super::task::{BOUNDS, Member, Staging, Sweep, Task};
use super::world::{Late, World};
use crate::Policy;
use crate::confirm::{BatchId, Confirm, ConfirmError, Effect, Plan, Protocol, Removals, Step, Turn, settlement_key};
use crate::sweep::{Brakes, Mode, Pass, Rules, Slice};

impl World {
    pub(super) fn begin_confirm(&mut self, server: usize, spec: Spec) {
        let member = self.member(server, spec, None);
        let task = self.tasks.len();
        self.record(|| format!("{task} on {server}: confirm {:?}", member.spec));
        self.tasks.push((server, Task::Confirm(Box::new(member))));
    }

    pub(super) fn begin_batch(&mut self, server: usize, specs: Vec<Spec>) {
        let until = self.store.now + TIMEOUT;
        let batch = Ulid::from_parts(until * 1000, self.next_batch);
        self.next_batch += 1;
        let task = self.tasks.len();
        self.record(|| format!("{task} on {server}: batch {specs:?}"));
        let members = specs
            .into_iter()
            .map(|spec| self.member(server, spec, Some(batch)))
            .collect();
        let turn = Turn::Look;
        self.tasks.push((server, Task::Batch { batch, members, turn }));
    }

    pub(super) fn slices(&self) -> Vec<Slice> {
        let slice = |index| Slice::new(index, self.sweepers).expect("a slice");
        (0..self.sweepers).map(slice).collect()
    }

    /// Starts a sweep of a slice of the draft bucket.
    pub(super) fn begin_sweep(&mut self, server: usize, slice: Slice) -> Result<(), Broken> {
        let seconds = Duration::from_secs;
        let policy = Policy::new(
            seconds(UPLOAD_TTL),
            seconds(UPLOAD_TTL),
            seconds(LIFETIME),
            seconds(GRACE),
        );
        let pass = Pass::start(Rules {
            mode: Mode::Delete,
            slice,
            policy: policy
                .and_then(|policy| policy.completing_idle_after(Some(seconds(IDLE_AFTER))))
                .expect("a policy"),
            brakes: Brakes::default(),
            capabilities: self.profile.believed(),
            bounds: BOUNDS,
        });
        let mut sweep = Sweep {
            pass,
            under_way: Vec::new(),
        };
        sweep.go_on()?;
        let task = self.tasks.len();
        self.record(|| format!("{task} on {server}: sweep of {slice:?}"));
        self.tasks.push((server, Task::Sweep(Box::new(sweep))));
        Ok(())
    }

    /// Returns true if a lock of this server makes such a confirm wait.
    pub(super) fn must_wait(&self, server: usize, spec: &Spec) -> bool {
        self.is_locked(server, |draft, main| {
            draft == Some(&spec.draft_key) || *main == spec.main_key
        })
    }

    /// Returns true if a lock of this server makes a delete, a transfer or a restore wait.
    pub(super) fn must_wait_to_change(&self, server: usize, main_key: &ObjectKey) -> bool {
        self.is_locked(server, |_, main| main == main_key)
    }

    /// Returns true if a task of this server has the lock of such a draft, or of such a name in main.
    fn is_locked(&self, server: usize, collides: impl Fn(Option<&ObjectKey>, &ObjectKey) -> bool) -> bool {
        let of_member = |member: &Member| collides(Some(&member.spec.draft_key), &member.spec.main_key);
        Plan::new(self.profile.believed(), false).needs_locks()
            && self.tasks.iter().any(|(other, task)| {
                *other == server
                    && match task {
                        Task::Confirm(member) => of_member(member),
                        Task::Batch { members, .. } => members.iter().any(of_member),
                        Task::Delete(it) => collides(None, &it.main_key),
                        Task::Transfer(it) => collides(None, &it.spec.source) || collides(None, &it.spec.destination),
                        Task::Restore(it) => collides(None, &it.main_key),
                        Task::Check(_) | Task::Sweep(..) => false,
                    }
            })
    }

    /// Kills a server, which ends all of its tasks, and forgets the drafts that its confirms left.
    pub(super) fn kill(&mut self, server: usize) {
        self.record(|| format!("kill {server}"));
        self.removals[server] = Removals::new(REMOVALS);
        self.verdicts.retain(|(on, _), _| *on != server);
        let (killed, rest) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|(on, _)| *on == server);
        self.tasks = rest;
        for (_, task) in killed {
            match task {
                Task::Confirm(member) => self.ended.push((member.spec, None)),
                Task::Batch { members, .. } => self.ended.extend(members.into_iter().map(|member| (member.spec, None))),
                Task::Check(_) | Task::Delete(_) | Task::Transfer(_) | Task::Restore(_) | Task::Sweep(..) => {}
            }
        }
    }

    /// Performs the next act of a task. `which` selects a batch's member, or an effect that a sweep has in progress.
    pub(super) fn step(&mut self, task: usize, which: usize, fault: Fault) -> Result<(), Broken> {
        let (server, mut it) = self.tasks.remove(task);
        let goes_on = match &mut it {
            Task::Confirm(member) => {
                self.step_member(task, member, fault)?;
                !matches!(member.step, Step::Finish(_))
            }
            Task::Batch { batch, members, turn } => self.step_batch(task, *batch, members, turn, which, fault)?,
            Task::Check(it) => self.step_check(server, it, fault)?,
            Task::Delete(it) => self.step_delete(task, it, fault)?,
            Task::Transfer(it) => self.step_transfer(task, it, fault)?,
            Task::Restore(it) => self.step_restore(task, it, fault)?,
            Task::Sweep(sweep) => self.step_sweep(task, sweep, which, fault)?,
        };
        if goes_on {
            // A check that the task waited for may have ended.
            self.tasks.insert(task.min(self.tasks.len()), (server, it));
            return Ok(());
        }
        match it {
            Task::Confirm(member) => self.end(server, *member),
            Task::Batch { members, .. } => {
                let answers = members.iter().filter_map(|member| match &member.step {
                    Step::Finish(answer) => Some(answer),
                    Step::Perform(_) | Step::Ready(_) | Step::Held => None,
                });
                Audit::settled(&answers.collect::<Vec<_>>())?;
                members.into_iter().try_for_each(|member| self.end(server, member))
            }
            Task::Check(_) | Task::Delete(_) | Task::Transfer(_) | Task::Restore(_) | Task::Sweep(..) => Ok(()),
        }
    }

    /// Performs an act whose call timed out earlier.
    pub(super) fn land(&mut self, place: usize) -> Result<(), Broken> {
        let late = self.limbo.remove(place);
        self.record(|| format!("late: {late:?}"));
        match late {
            Late::Effect(_, Effect::UndoSwap { until, .. }) if self.now() >= until => Ok(()),
            Late::Effect(_, Effect::UndoCopy { batch, .. }) if self.now() >= batch.datetime() => Ok(()),
            Late::Effect(spec, effect) => self.change(&spec, &effect).map(|_| ()),
            Late::Deletes(deletes) => self.delete_drafts(&deletes),
            Late::Delete(key, etag) => self.delete_main(&key, &etag, None).map(|_| ()),
            Late::Verdict(key, verdict) => {
                // Nobody waits for the answer.
                let _ = self.put_verdict(&key, &verdict);
                Ok(())
            }
            Late::Restore(copy) => self.copy_version(&copy).map(|_| ()),
            Late::Transfer(copy) => self.copy_inside(&copy).map(|_| ()),
        }
    }

    pub(super) fn in_limbo(&self) -> usize {
        self.limbo.len()
    }

    /// Runs all tasks to their ends, without faults.
    pub(super) fn run_all(&mut self) -> Result<(), Broken> {
        while !self.tasks.is_empty() {
            self.step(0, 0, Fault::No)?;
        }
        Ok(())
    }

    pub(super) fn settle(&mut self, batch: BatchId, fault: Fault) -> bool {
        if !matches!(fault, Fault::Before(_) | Fault::Late) {
            let content = self.fresh_content();
            let put = self.store.put(&settlement_key(batch), content, 0, false);
            put.expect("nothing stands in the way");
        }
        matches!(fault, Fault::No | Fault::Stale)
    }

    fn step_batch(
        &mut self,
        task: usize,
        batch: BatchId,
        members: &mut [Member],
        turn: &mut Turn,
        which: usize,
        fault: Fault,
    ) -> Result<bool, Broken> {
        let busy = |member: &&mut Member| matches!(member.step, Step::Perform(_));
        let all = members
            .iter()
            .filter(|member| matches!(member.step, Step::Perform(_)))
            .count();
        if all > 0 {
            let member = members
                .iter_mut()
                .filter(busy)
                .nth(which % all)
                .expect("there are as many");
            self.step_member(task, member, fault)?;
        }
        while !members.iter().any(|member| matches!(member.step, Step::Perform(_))) {
            let any_failed = members.iter().any(|member| matches!(member.step, Step::Finish(Err(_))));
            let Some(mut next) = turn.next(any_failed, self.can_undo(batch)) else {
                return Ok(false);
            };
            if next == Turn::Settle {
                if all > 0 {
                    // The settlement is an act of its own.
                    return Ok(true);
                }
                if !self.settle(batch, fault) {
                    next = Turn::Leave;
                }
            }
            *turn = next;
            for member in members.iter_mut() {
                member.protocol.turn(next, &mut member.step);
            }
        }
        Ok(true)
    }

    fn step_member(&mut self, task: usize, member: &mut Member, fault: Fault) -> Result<(), Broken> {
        let Step::Perform(effect) = &member.step else {
            return broken(format!("task {task} has nothing to do: {:?}", member.step));
        };
        let effect = effect.clone();
        self.record(|| format!("{task}: {} {fault:?}", name(&effect)));
        if let Some(answer) = self.perform(member, &effect, fault)? {
            member.step = member.protocol.on(answer);
        }
        Ok(())
    }

    /// Delivers an answer to its caller. Checks I1 and I5.
    fn end(&mut self, server: usize, member: Member) -> Result<(), Broken> {
        let Member {
            spec, step, was_kept, ..
        } = member;
        let Step::Finish(answer) = step else {
            return broken(format!("a confirm ended in {step:?}"));
        };
        self.record(|| format!("answer to {} -> {}: {answer:?}", spec.draft_key, spec.main_key));
        match &answer {
            Ok(kept) => {
                self.audit.confirmed(&spec, kept)?;
                if let Some(etag) = kept.leftover.clone() {
                    let key = spec.draft_key.clone();
                    // A draft that finds no place is left to the sweep.
                    let _ = self.removals[server].add(DraftVersion { key, etag });
                }
            }
            Err(ConfirmError::DraftNotFound)
                if was_kept.is_some() && spec.pins.if_match.is_none() && self.audit.kept(&spec) == was_kept =>
            {
                return broken(format!("I5: {} was confirmed, and now is not found", spec.draft_key));
            }
            Err(ConfirmError::KeyReused) if !self.audit.has_reused_key(&spec) => {
                return broken(format!("I5: the key of {spec:?} was not used for another request"));
            }
            Err(ConfirmError::Contradiction(contradiction)) => return broken(contradiction.to_string()),
            Err(ConfirmError::Store(kind)) if !is_met(*kind) => return broken(format!("ended in an error: {kind}")),
            Err(_) => {}
        }
        self.ended.push((spec, Some(answer)));
        Ok(())
    }

    fn member(&self, server: usize, mut spec: Spec, batch: Option<BatchId>) -> Member {
        spec.checks = self.checks;
        let (protocol, effect) = Protocol::start(Confirm {
            digests: spec.digests(),
            former_digests: Vec::new(),
            origin: String::new(),
            pins: spec.pins.clone(),
            existing: spec.existing.clone(),
            headers: ObjectHeaders::NONE,
            tags: BTreeMap::new(),
            options: StorageOptions::NONE,
            max_copy_bytes: MAX_COPY_BYTES,
            plan: self.plan(&spec),
            is_checked: spec.checks != 0,
            batch,
            now: self.now(),
        });
        Member {
            was_kept: self.audit.kept(&spec),
            spec,
            server,
            protocol,
            step: Step::Perform(effect),
            staging: Staging::NotBegun,
            note: None,
            waiting: Waiting::NotBegun,
            keeping: KeepState::NotBegun,
        }
    }
}
/// Returns true if any call to the store may end in this error. Other errors have a meaning for the protocol, and never
/// end a confirm.
fn is_met(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable | ErrorKind::Conflict | ErrorKind::CredentialsRefused | ErrorKind::NotFound => true,
        ErrorKind::BucketNotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::TooLarge
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => false,
    }
}

fn name(effect: &Effect) -> String {
    match effect {
        Effect::Copy {
            draft_etag, main_etag, ..
        } => format!("copy {draft_etag} over {main_etag:?}"),
        Effect::Stage { .. } => "stage".to_owned(),
        other @ (Effect::HeadDraft
        | Effect::HeadMain
        | Effect::HeadSettlement { .. }
        | Effect::Verdict { .. }
        | Effect::Complete { .. }
        | Effect::Unstage { .. }
        | Effect::DeleteDraft { .. }
        | Effect::UndoCopy { .. }
        | Effect::UndoSwap { .. }) => format!("{other:?}"),
    }
}
