//! The checks of drafts on the model's store, one act at a time, with faults.

use draftstore_storage::{ErrorKind, MediaType, ObjectInfo, ObjectKey};

use super::audit::{Broken, broken};
use super::spec::{Checks, Fault, KEEP_REJECTED, digest};
use super::store::{Content, MIXED, SimStore, time};
use super::task::{Member, Task};
use super::world::{Late, World};
use crate::checks::{
    Check, CheckAnswer, CheckEffect, CheckError, CheckStep, NoVerdict, REJECTED_METADATA, Reason, Recorded,
    RejectedDraft, RejectionNote, Scan, Scanning, VERDICT_METADATA, Verdict, answer_parts, quorum, verdict_key,
    verdict_parts,
};
use crate::confirm::Answer;

/// Everything that a verdict belongs to.
pub(super) type Parts = [String; 7];

/// A check in progress.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Checking {
    draft_key: ObjectKey,
    draft: ObjectInfo,
    checks: Checks,
    check: Check,
    effect: CheckEffect,
    /// The content of the first range that the inspection or the scan in progress has read.
    first: Option<Content>,
}

/// The progress of a confirm that needs a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Waiting {
    NotBegun,
    ForVerdict,
}

impl Checking {
    pub(super) fn parts(&self) -> Parts {
        parts(&self.draft_key, &self.draft, self.checks)
    }
}

fn parts(draft_key: &ObjectKey, draft: &ObjectInfo, checks: Checks) -> Parts {
    verdict_parts(draft_key, draft, &checks.to_string())
}

/// Returns true if these checks accept the bytes.
pub(super) fn accepts(content: Content, checks: Checks) -> bool {
    checks == 0 || content != MIXED && content % 4 != Content::from(checks)
}

/// Returns the media type that these checks find, if they look for it.
pub(super) fn found_type(content: Content, checks: Checks) -> Option<MediaType> {
    (checks == 1).then(|| format!("image/x-{content}").parse().expect("a media type"))
}

/// Returns the need for a scanner, which the bytes that the server reads itself do not replace.
fn scanning(checks: Checks) -> Scanning {
    if checks == 2 { Scanning::On } else { Scanning::Off }
}

fn inspected(content: Content, checks: Checks) -> Verdict {
    if accepts(content, checks) || scanning(checks) == Scanning::On {
        let media_type = found_type(content, checks);
        return Verdict::Accepted { media_type };
    }
    Verdict::Rejected(vec![bad(content)])
}

/// Returns the verdict that a scanner reports.
fn scanned(content: Content, checks: Checks) -> Verdict {
    if accepts(content, checks) {
        return Verdict::Accepted { media_type: None };
    }
    Verdict::Rejected(vec![bad(content)])
}

fn bad(content: Content) -> Reason {
    Reason {
        check: "type".to_owned(),
        code: "BAD".to_owned(),
        detail: content.to_string(),
    }
}

impl World {
    /// Performs the next act of a confirm that needs a verdict: starts a check or joins one of its server, helps it on,
    /// and may lose patience. Returns `None` if it waits.
    pub(super) fn verdict(
        &mut self,
        member: &mut Member,
        draft: &ObjectInfo,
        fault: Fault,
    ) -> Result<Option<Answer<ErrorKind>>, Broken> {
        let server = member.server;
        let parts = parts(&member.spec.draft_key, draft, member.spec.checks);
        let is_it = |(on, task): &(usize, Task)| match task {
            Task::Check(it) => *on == server && it.parts() == parts,
            Task::Confirm(_)
            | Task::Batch { .. }
            | Task::Delete(_)
            | Task::Transfer(_)
            | Task::Restore(_)
            | Task::Sweep(_) => false,
        };
        let running = self.tasks.iter().position(is_it);
        if member.waiting == Waiting::NotBegun {
            member.waiting = Waiting::ForVerdict;
            self.verdicts.remove(&(server, parts));
            if running.is_none() {
                self.begin_check(server, &member.spec.draft_key, draft, member.spec.checks);
            }
            return Ok(None);
        }
        let verdict = match (self.verdicts.get(&(server, parts)).cloned(), running) {
            (Some(verdict), _) => verdict,
            (None, Some(task)) if matches!(fault, Fault::No | Fault::Stale) => {
                return self.step(task, 0, fault).map(|()| None);
            }
            (None, _) => Err(NoVerdict::Pending),
        };
        member.waiting = Waiting::NotBegun;
        Ok(Some(Answer::Verdict(verdict)))
    }

    fn begin_check(&mut self, server: usize, draft_key: &ObjectKey, draft: &ObjectInfo, checks: Checks) {
        let (check, effect) = Check::start(scanning(checks));
        let checking = Checking {
            draft_key: draft_key.clone(),
            draft: draft.clone(),
            checks,
            check,
            effect,
            first: None,
        };
        self.begin(server, Task::Check(Box::new(checking)));
    }

    /// Performs the next act of a check. Returns false if it has ended.
    pub(super) fn step_check(&mut self, server: usize, it: &mut Checking, fault: Fault) -> Result<bool, Broken> {
        self.record(|| format!("check of {} {}: {:?} {fault:?}", it.draft_key, it.draft.etag, it.effect));
        let Some(answer) = self.perform_check(it, fault) else {
            return Ok(true);
        };
        let verdict = match it.check.on(answer) {
            CheckStep::Perform(effect) => {
                it.effect = effect;
                return Ok(true);
            }
            CheckStep::Finish(Ok(verdict)) => Ok(verdict),
            CheckStep::Finish(Err(CheckError::Changed)) => Err(NoVerdict::Pending),
            CheckStep::Finish(Err(CheckError::Store(kind))) => Err(NoVerdict::Store(kind)),
            CheckStep::Finish(Err(error @ (CheckError::Unreadable | CheckError::OutOfStep))) => {
                return broken(format!("a check failed: {error}"));
            }
        };
        self.verdicts.insert((server, it.parts()), verdict);
        Ok(false)
    }

    fn perform_check(&mut self, it: &mut Checking, fault: Fault) -> Option<CheckAnswer<ErrorKind>> {
        let failing = match fault {
            Fault::No | Fault::Stale => None,
            Fault::Before(kind) => Some(kind),
            Fault::Lost | Fault::Late => Some(ErrorKind::Unavailable),
        };
        let key = verdict_key(&digest(it.parts()));
        Some(match (it.effect.clone(), failing) {
            (CheckEffect::LookUp, Some(kind)) => CheckAnswer::Found(Err(kind)),
            (CheckEffect::LookUp, None) => CheckAnswer::Found(Ok(recorded(&self.store, &key))),
            (CheckEffect::Inspect, Some(kind)) => CheckAnswer::Inspected(Err(kind)),
            (CheckEffect::Inspect, None) => {
                let content = self.read_twice(it)?;
                CheckAnswer::Inspected(content.map(|content| inspected(content, it.checks)))
            }
            // Of two scanners one accepts everything. The other reports later: its report may be lost, or come so late that the
            // draft or the settings have changed. Until there is one, it is asked again.
            (CheckEffect::Scan, Some(ErrorKind::Unavailable)) => {
                it.first = None;
                CheckAnswer::Scanned(Ok(quorum(2, &[Scan::Clean, Scan::Pending])))
            }
            (CheckEffect::Scan, Some(kind)) => CheckAnswer::Scanned(Err(kind)),
            (CheckEffect::Scan, None) => {
                let key = verdict_key(&digest(answer_parts("later", &it.parts())));
                let answer = match recorded(&self.store, &key) {
                    Recorded::Nothing => None,
                    Recorded::Verdict(Verdict::Accepted { .. }) => Some(Scan::Clean),
                    Recorded::Verdict(Verdict::Rejected(reasons)) => Some(Scan::Rejected(reasons)),
                    Recorded::Unreadable => Some(Scan::Pending),
                };
                if let Some(answer) = answer {
                    it.first = None;
                    return Some(CheckAnswer::Scanned(Ok(quorum(2, &[Scan::Clean, answer]))));
                }
                let reported = self.read_twice(it)?.map(|content| {
                    let verdict = scanned(content, it.checks);
                    if fault == Fault::Stale {
                        self.limbo.push(Late::Verdict(key, verdict));
                    } else {
                        // Another report of the same scanner may have been first.
                        let _ = self.put_verdict(&key, &verdict);
                    }
                    quorum(2, &[Scan::Clean, Scan::Pending])
                });
                CheckAnswer::Scanned(reported)
            }
            (CheckEffect::Record(verdict), _) => {
                if matches!(
                    (&verdict, fault),
                    (Verdict::Rejected(_), Fault::No | Fault::Stale | Fault::Lost)
                ) {
                    self.put_rejection(it);
                }
                let recorded = match fault {
                    Fault::Before(_) => Ok(()),
                    Fault::Late => {
                        self.limbo.push(Late::Verdict(key, verdict));
                        Ok(())
                    }
                    Fault::No | Fault::Stale | Fault::Lost => self.put_verdict(&key, &verdict),
                };
                CheckAnswer::Recorded(failing.map_or(recorded, Err))
            }
        })
    }

    /// Reads the two ranges of a draft, one act each, and returns its content after the second.
    fn read_twice(&self, it: &mut Checking) -> Option<Result<Content, ErrorKind>> {
        let read = self.store.read(&it.draft_key, &it.draft.etag);
        let content = match read {
            Ok(content) => content,
            Err(kind) => return Some(Err(kind)),
        };
        let Some(first) = it.first.take() else {
            it.first = Some(content);
            return None;
        };
        Some(Ok(if content == first { content } else { MIXED }))
    }

    /// Leaves the note about a rejected draft, which is written before the verdict.
    fn put_rejection(&mut self, it: &Checking) {
        let remove_at = self.store.now + KEEP_REJECTED;
        let content = self.fresh_content();
        let note = RejectionNote {
            remove_at: time(remove_at),
        };
        let key = note.key(u128::from(content));
        let rejected = RejectedDraft::new(&it.draft_key, &it.draft);
        // Nothing refuses a new key.
        let _ = self.store.put(&key, content, 0, false);
        if let Some(object) = self.store.draft.get_mut(&key) {
            let metadata = &mut object.info.attributes.metadata;
            metadata.insert(REJECTED_METADATA.to_owned(), rejected.to_text());
        }
        self.audit.rejected(&it.draft_key, &it.draft.etag, remove_at);
    }

    pub(super) fn put_verdict(&mut self, key: &ObjectKey, verdict: &Verdict) -> Result<(), ErrorKind> {
        let content = self.fresh_content();
        self.store.put(key, content, 0, true)?;
        if let Some(object) = self.store.draft.get_mut(key) {
            let metadata = &mut object.info.attributes.metadata;
            metadata.insert(VERDICT_METADATA.to_owned(), verdict.to_text());
        }
        Ok(())
    }
}

fn recorded(store: &SimStore, key: &ObjectKey) -> Recorded {
    let Some(object) = store.draft.get(key) else {
        return Recorded::Nothing;
    };
    let sealed = object.info.attributes.metadata.get(VERDICT_METADATA);
    let verdict = sealed.and_then(|sealed| Verdict::of_text(sealed));
    verdict.map_or(Recorded::Unreadable, Recorded::Verdict)
}
