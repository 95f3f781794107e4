//! Everything that happens in a schedule: clients, confirms, batches and sweeps, one act at a time.

use std::time::{Duration, SystemTime};

use draftstore_storage::{Capabilities, DraftVersion, ErrorKind, ObjectKey};
use ulid::Ulid;

use super::audit::{Audit, Broken, Promises, broken};
use super::staging::Staging;
use super::store::{Content, SimStore};
use super::sweeping::{BOUNDS, Sweep};
use crate::cleaner::pass::{Pass, Rules};
use crate::cleaner::{Brakes, Mode, Part};
use crate::draft::confirm::effect::{Confirm, Effect, Existing, Kept, Pins, Step, Turn};
use crate::draft::confirm::marker::BatchId;
use crate::draft::confirm::plan::Plan;
use crate::draft::confirm::protocol::Protocol;
use crate::draft::confirm::settlement::settlement_key;
use crate::draft::multipart::end::{ends_at, has_ended};
use crate::{Error, Missing, Policy};

/// How long drafts live, in seconds.
pub(super) const LIFETIME: u64 = 1_000;
/// How long upload URLs are valid.
pub(super) const UPLOAD_TTL: u64 = 500;
/// For how long a sweep waits beyond the end of anything.
pub(super) const GRACE: u64 = 100;
/// For how long a confirm may stage, and a batch may take back.
pub(super) const TIMEOUT: u64 = 50;
/// Drafts larger than this are copied part by part.
const MAX_COPY_BYTES: u64 = 5;

/// A kind of store, and what DraftStore promises on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) honours: Capabilities,
    pub(super) promises: Promises,
    /// Servers at work at the same time.
    pub(super) servers: usize,
    /// Whether a call that timed out may come to pass later.
    pub(super) late: bool,
}

/// What a caller asked for.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) draft_key: ObjectKey,
    pub(super) main_key: ObjectKey,
    pub(super) pins: Pins,
    pub(super) existing: Existing,
    pub(super) idempotency_key: Option<String>,
}

/// What goes wrong with an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    No,
    /// The store does nothing, and says so, or does not answer.
    Before(ErrorKind),
    /// The store does it, and the answer is lost.
    Lost,
    /// The answer is lost, and the store does it later.
    Late,
    /// A list shows what was there some time ago.
    Stale,
}

/// One confirm under way.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) spec: Spec,
    protocol: Protocol,
    pub(super) step: Step,
    /// How far a staged copy has come.
    pub(super) staging: Staging,
    pub(super) note: Option<DraftVersion>,
    /// Whether main already held what an earlier confirm of the same draft was answered by.
    was_kept: bool,
}

#[derive(Debug)]
pub(super) enum Task {
    Confirm(Box<Member>),
    Batch {
        batch: BatchId,
        members: Vec<Member>,
        turn: Turn,
    },
    Sweep(Box<Sweep>),
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) profile: Profile,
    pub(super) store: SimStore,
    pub(super) audit: Audit,
    /// With the server that each runs in.
    pub(super) tasks: Vec<(usize, Task)>,
    /// Of how many parts of the draft bucket each has a sweep of its own.
    pub(super) sweepers: u16,
    /// Acts whose answers were lost, and that come to pass when they will.
    pub(super) limbo: Vec<(Spec, Effect)>,
    /// An earlier state of the store.
    pub(super) snapshot: Option<SimStore>,
    /// What was asked for, and how it was answered; no answer where the server was killed.
    pub(super) ended: Vec<(Spec, Option<Result<Kept, Error>>)>,
    next_content: Content,
    next_batch: u128,
    /// What happened, where somebody wants to read it.
    pub(super) trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            profile,
            store: SimStore::new(profile.honours),
            audit: Audit::new(profile.promises),
            tasks: Vec::new(),
            sweepers: 1,
            limbo: Vec::new(),
            snapshot: None,
            ended: Vec::new(),
            next_content: 1,
            next_batch: 1,
            trace: None,
        }
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }

    // What clients do.

    pub(super) fn put(&mut self, key: &ObjectKey, size: u64) {
        self.upload(key, size, is_unique(key));
    }

    /// By a form, which does not ask that a unique draft be new.
    pub(super) fn post(&mut self, key: &ObjectKey, size: u64) {
        self.upload(key, size, false);
    }

    fn upload(&mut self, key: &ObjectKey, size: u64, once: bool) {
        let content = self.fresh_content();
        let put = self.store.put(key, content, size, once);
        self.tell(|| format!("put {key}: {content}, {size} bytes: {put:?}"));
        self.saw_upload(key);
    }

    /// Of a named draft, or of a unique one that lives so long.
    pub(super) fn begin_upload(&mut self, key: &ObjectKey, size: u64, lifetime: u64) {
        let ends_at = ends_at(self.now(), Duration::from_secs(lifetime));
        self.tell(|| format!("begin upload {key}, {lifetime} s"));
        self.store.begin_upload(key, size, ends_at);
    }

    /// The service looks whether the upload has ended; if not, its call to the store is under way.
    pub(super) fn pass_completion(&mut self, place: usize) {
        let now = self.now();
        let upload = &mut self.store.uploads[place];
        let passed = !has_ended(now, upload.ends_at);
        if passed {
            upload.completing = Some(self.store.now);
        }
        let key = upload.key.clone();
        self.tell(|| format!("ask to complete upload {key}: {passed}"));
    }

    /// That call reaches the store, unless it was given up before.
    pub(super) fn complete_upload(&mut self, place: usize) {
        let upload = &self.store.uploads[place];
        if upload.completing.is_none_or(|since| since + TIMEOUT < self.store.now) {
            return;
        }
        let content = self.fresh_content();
        let key = self.store.complete_upload(place, content);
        self.tell(|| format!("complete upload {key}: {content}"));
        self.saw_upload(&key);
    }

    pub(super) fn discard(&mut self, key: &ObjectKey) {
        self.tell(|| format!("discard {key}"));
        self.store.draft.remove(key);
    }

    pub(super) fn pass_time(&mut self, seconds: u64) {
        self.tell(|| format!("{seconds} s pass"));
        self.store.now += seconds;
    }

    // What servers do.

    pub(super) fn begin_confirm(&mut self, server: usize, spec: Spec) {
        let member = self.member(spec, None);
        let task = self.tasks.len();
        self.tell(|| format!("{task} on {server}: confirm {:?}", member.spec));
        self.tasks.push((server, Task::Confirm(Box::new(member))));
    }

    pub(super) fn begin_batch(&mut self, server: usize, specs: Vec<Spec>) {
        let until = self.store.now + TIMEOUT;
        let batch = Ulid::from_parts(until * 1000, self.next_batch);
        self.next_batch += 1;
        let task = self.tasks.len();
        self.tell(|| format!("{task} on {server}: batch {specs:?}"));
        let members = specs.into_iter().map(|spec| self.member(spec, Some(batch))).collect();
        let turn = Turn::Look;
        self.tasks.push((server, Task::Batch { batch, members, turn }));
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        let part = |index| Part::new(index, self.sweepers).expect("a part");
        (0..self.sweepers).map(part).collect()
    }

    /// Of a part of the draft bucket.
    pub(super) fn begin_sweep(&mut self, server: usize, part: Part) -> Result<(), Broken> {
        let seconds = Duration::from_secs;
        let policy = Policy::new(
            seconds(UPLOAD_TTL),
            seconds(UPLOAD_TTL),
            seconds(LIFETIME),
            seconds(GRACE),
        );
        let pass = Pass::start(Rules {
            mode: Mode::Delete,
            part,
            policy: policy.expect("a policy"),
            brakes: Brakes::default(),
            capabilities: self.profile.honours,
            bounds: BOUNDS,
        });
        let mut sweep = Sweep {
            pass,
            under_way: Vec::new(),
        };
        sweep.go_on()?;
        let task = self.tasks.len();
        self.tell(|| format!("{task} on {server}: sweep of {part:?}"));
        self.tasks.push((server, Task::Sweep(Box::new(sweep))));
        Ok(())
    }

    /// Whether this server's locks keep such a confirm waiting.
    pub(super) fn must_wait(&self, server: usize, spec: &Spec) -> bool {
        let collides = |member: &Member| {
            let other = &member.spec;
            other.draft_key == spec.draft_key || other.main_key == spec.main_key
        };
        self.plan(spec).needs_locks()
            && self.tasks.iter().any(|(other, task)| {
                *other == server
                    && match task {
                        Task::Confirm(member) => collides(member),
                        Task::Batch { members, .. } => members.iter().any(collides),
                        Task::Sweep(..) => false,
                    }
            })
    }

    /// Kills a server: what it was doing ends here.
    pub(super) fn kill(&mut self, server: usize) {
        self.tell(|| format!("kill {server}"));
        let (killed, rest) = std::mem::take(&mut self.tasks)
            .into_iter()
            .partition(|(on, _)| *on == server);
        self.tasks = rest;
        for (_, task) in killed {
            match task {
                Task::Confirm(member) => self.ended.push((member.spec, None)),
                Task::Batch { members, .. } => self.ended.extend(members.into_iter().map(|member| (member.spec, None))),
                Task::Sweep(..) => {}
            }
        }
    }

    /// The next act of a task. `which` chooses among a batch's members, and among what a sweep has under way.
    pub(super) fn step(&mut self, task: usize, which: usize, fault: Fault) -> Result<(), Broken> {
        let (server, mut it) = self.tasks.remove(task);
        let goes_on = match &mut it {
            Task::Confirm(member) => {
                self.step_member(task, member, fault)?;
                !matches!(member.step, Step::Finish(_))
            }
            Task::Batch { batch, members, turn } => self.step_batch(task, *batch, members, turn, which, fault)?,
            Task::Sweep(sweep) => self.step_sweep(task, sweep, which, fault)?,
        };
        if goes_on {
            self.tasks.insert(task, (server, it));
            return Ok(());
        }
        match it {
            Task::Confirm(member) => self.end(*member),
            Task::Batch { members, .. } => {
                let answers = members.iter().filter_map(|member| match &member.step {
                    Step::Finish(answer) => Some(answer),
                    Step::Perform(_) | Step::Ready(_) | Step::Held => None,
                });
                Audit::settled(&answers.collect::<Vec<_>>())?;
                members.into_iter().try_for_each(|member| self.end(member))
            }
            Task::Sweep(..) => Ok(()),
        }
    }

    /// An act of long ago comes to pass.
    pub(super) fn land(&mut self, place: usize) -> Result<(), Broken> {
        let (spec, effect) = self.limbo.remove(place);
        self.tell(|| format!("late: {effect:?}"));
        self.change(&spec, &effect).map(|_| ())
    }

    pub(super) fn in_limbo(&self) -> usize {
        self.limbo.len()
    }

    /// Runs everything that is under way to its end, without faults.
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
                    // The point of no return is an act of its own.
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
        self.tell(|| format!("{task}: {} {fault:?}", name(&effect)));
        if let Some(answer) = self.perform(member, &effect, fault)? {
            member.step = member.protocol.on(answer);
        }
        Ok(())
    }

    /// An answer goes to its caller. I1, I5.
    fn end(&mut self, member: Member) -> Result<(), Broken> {
        let Member {
            spec, step, was_kept, ..
        } = member;
        let Step::Finish(answer) = step else {
            return broken(format!("a confirm ended in {step:?}"));
        };
        self.tell(|| format!("answer to {} -> {}: {answer:?}", spec.draft_key, spec.main_key));
        match &answer {
            Ok(kept) => self.audit.confirmed(&spec, kept)?,
            Err(Error::NotFound(Missing::Draft))
                if was_kept && spec.pins.if_match.is_none() && self.audit.is_kept(&spec) =>
            {
                return broken(format!("I5: {} was confirmed, and now is not found", spec.draft_key));
            }
            Err(Error::Internal(source)) => return broken(format!("internal error: {source}")),
            Err(_) => {}
        }
        self.ended.push((spec, Some(answer)));
        Ok(())
    }

    fn member(&self, spec: Spec, batch: Option<BatchId>) -> Member {
        let (protocol, effect) = Protocol::start(Confirm {
            draft_key: spec.draft_key.clone(),
            pins: spec.pins.clone(),
            existing: spec.existing.clone(),
            idempotency_key: spec.idempotency_key.clone(),
            max_copy_bytes: MAX_COPY_BYTES,
            plan: self.plan(&spec),
            batch,
            now: self.now(),
        });
        Member {
            was_kept: self.audit.is_kept(&spec),
            spec,
            protocol,
            step: Step::Perform(effect),
            staging: Staging::NotBegun,
            note: None,
        }
    }

    pub(super) fn plan(&self, spec: &Spec) -> Plan {
        Plan::new(self.profile.honours, is_unique(&spec.draft_key))
    }

    fn now(&self) -> SystemTime {
        self.store.time()
    }

    pub(super) fn fresh_content(&mut self) -> Content {
        self.next_content += 1;
        self.next_content
    }

    fn saw_upload(&mut self, key: &ObjectKey) {
        if let Some(draft) = self.store.draft.get(key) {
            self.audit.uploaded(key, draft);
        }
    }
}

pub(super) fn is_unique(key: &ObjectKey) -> bool {
    crate::draft::DraftId::in_key(key).is_some()
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
        | Effect::Complete { .. }
        | Effect::Unstage { .. }
        | Effect::DeleteDraft { .. }
        | Effect::UndoCopy { .. }) => format!("{other:?}"),
    }
}
