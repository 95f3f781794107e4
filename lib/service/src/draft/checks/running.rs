//! The checks that run on this server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use draftstore_protocol::checks::{
    Check, CheckAnswer, CheckEffect, CheckError, CheckStep, Scan, SilentScanner, Verdict,
};
use draftstore_storage::{Error as StorageError, ErrorKind, ObjectKey};
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{sleep, timeout};
use tracing::Instrument as _;

use super::scan::{ScanProgress, ScanSlots};
use super::subject::Subject;
use super::{CheckLimits, ChecksInProgress};
use crate::draft::Drafts;
use crate::observer::CheckOutcome;

/// The first pause before a request to scanners without a result is repeated. It doubles each time.
const SCAN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The maximum pause before a request to scanners is repeated.
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// The running checks, by the keys of their verdicts.
#[derive(Debug, Clone)]
pub(in crate::draft) struct RunningChecks {
    pub(super) limits: CheckLimits,
    slots: Arc<Semaphore>,
    pub(super) scans: ScanSlots,
    by_key: Arc<Mutex<HashMap<ObjectKey, RunningCheck>>>,
    /// The number of reads and scans that wait for a slot.
    waiting: Arc<AtomicUsize>,
}

/// One running check, which any number of calls may wait for.
#[derive(Debug, Clone)]
pub(super) struct RunningCheck {
    pub(super) since: SystemTime,
    ended: watch::Receiver<Option<Ended>>,
}

/// The end of a check.
#[derive(Debug, Clone)]
pub(super) enum Ended {
    /// The checks have a verdict on the bytes.
    Verdict(Verdict),
    /// The draft was uploaded again, or is gone.
    Changed,
    /// The scanner had no result, until the checks took too long.
    NotScanned(SilentScanner),
    /// The object in the place of the verdict is not a verdict.
    Unreadable,
    /// The store failed, or the checks took too long.
    Failed { kind: ErrorKind, why: String },
}

impl Ended {
    fn outcome(&self) -> CheckOutcome {
        match self {
            Self::Verdict(Verdict::Accepted { .. }) => CheckOutcome::Accepted,
            Self::Verdict(Verdict::Rejected(_)) => CheckOutcome::Rejected,
            Self::Changed => CheckOutcome::Changed,
            Self::NotScanned(_) => CheckOutcome::ScannerUnavailable,
            Self::Unreadable => CheckOutcome::Unreadable,
            Self::Failed { .. } => CheckOutcome::Failed,
        }
    }
}

impl RunningChecks {
    pub(in crate::draft) fn new(limits: CheckLimits) -> Self {
        Self {
            limits,
            slots: Arc::new(Semaphore::new(limits.concurrent)),
            scans: ScanSlots::new(limits.concurrent_scans),
            by_key: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// Waits for a slot.
    pub(super) async fn slot<'a>(&self, slots: &'a Semaphore) -> Option<SemaphorePermit<'a>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        // Nobody closes a semaphore of slots.
        slots.acquire().await.ok()
    }

    pub(super) fn in_progress(&self) -> ChecksInProgress {
        ChecksInProgress {
            drafts: self.by_key().len(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    fn by_key(&self) -> MutexGuard<'_, HashMap<ObjectKey, RunningCheck>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunningCheck {
    /// Waits until the check has ended.
    pub(super) async fn ended(&mut self) -> Ended {
        let ended = self.ended.wait_for(Option::is_some).await;
        let ended = ended.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| Ended::Failed {
            kind: ErrorKind::Unexpected,
            why: "a check did not finish".to_owned(),
        })
    }
}

/// Counts a wait for a slot until it ends, also if it is cut off.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Forgets a check when it has ended, also by a panic.
struct Forget {
    checks: RunningChecks,
    key: ObjectKey,
}

impl Drop for Forget {
    fn drop(&mut self) {
        self.checks.by_key().remove(&self.key);
    }
}

impl Drafts {
    /// Starts a check, or joins the running one. The check continues if its last caller disconnects.
    pub(super) fn start_check(&self, subject: Subject) -> RunningCheck {
        let checks = &self.shared.checks;
        let mut by_key = checks.by_key();
        if let Some(running) = by_key.get(subject.key()) {
            return running.clone();
        }
        let (send, ended) = watch::channel(None);
        let running = RunningCheck {
            since: self.shared.clock.now(),
            ended,
        };
        let key = subject.key().clone();
        by_key.insert(key.clone(), running.clone());
        self.shared.watched.changed(&subject.draft_key);
        let forget = Forget {
            checks: checks.clone(),
            key,
        };
        // A check is nobody's call: it holds no place of its caller's.
        let drafts = self.for_caller(Arc::clone(&self.caller));
        let check = async move {
            let limit = drafts.shared.checks.limits.timeout;
            let mut scans = ScanProgress::default();
            let ended = timeout(limit, drafts.run_check(&subject, &mut scans)).await;
            let ended = ended.unwrap_or_else(|_| match &scans.unanswered {
                Some(unanswered) => {
                    let why = unanswered
                        .why
                        .as_deref()
                        .unwrap_or("no answer, or no place for the scan");
                    let scanner = subject.silent_scanner(unanswered.check, &scans);
                    tracing::error!(object.key = %subject.draft_key, %scanner, error = why, "scanner unavailable");
                    Ended::NotScanned(scanner)
                }
                None => Ended::Failed {
                    kind: ErrorKind::Unavailable,
                    why: "the checks took longer than CHECK_TIMEOUT".to_owned(),
                },
            });
            if let Ended::Failed { why, .. } = &ended {
                tracing::error!(object.key = %subject.draft_key, error = why, "check failed");
            }
            if let Some(observer) = &drafts.shared.observer {
                observer.checked(ended.outcome());
            }
            drop(forget);
            send.send_replace(Some(ended));
            drafts.shared.watched.changed(&subject.draft_key);
        };
        self.shared.tasks.spawn(check.in_current_span());
        running
    }

    /// Returns the check of the same version and settings that runs on this server.
    pub(super) fn running_check(&self, subject: &Subject) -> Option<RunningCheck> {
        self.shared.checks.by_key().get(subject.key()).cloned()
    }

    /// Runs a check to its end. Asks scanners again until it is dropped, with the one that has no result in `scans`.
    async fn run_check(&self, subject: &Subject, scans: &mut ScanProgress) -> Ended {
        let mut pause = SCAN_AGAIN_AFTER;
        let (mut check, mut effect) = Check::start(subject.scanning());
        loop {
            let answer = match effect {
                CheckEffect::LookUp => CheckAnswer::Found(subject.recorded(self).await),
                CheckEffect::Inspect => {
                    let checks = &self.shared.checks;
                    let _slot = checks.slot(&checks.slots).await;
                    CheckAnswer::Inspected(subject.inspect(self).await)
                }
                CheckEffect::Scan => {
                    let scanned = subject.scan(self, scans).await;
                    if matches!(scanned, Ok(Scan::Pending)) {
                        sleep(pause).await;
                        pause = MAX_PAUSE.min(pause * 2);
                    } else {
                        scans.unanswered = None;
                    }
                    CheckAnswer::Scanned(scanned)
                }
                CheckEffect::Record(verdict) => {
                    // Before the verdict, so that whatever is known to be rejected has its note.
                    if matches!(verdict, Verdict::Rejected(_)) {
                        subject.note_rejection(self).await;
                    }
                    CheckAnswer::Recorded(subject.record(self, &verdict).await)
                }
            };
            match check.on(answer) {
                CheckStep::Perform(next) => effect = next,
                CheckStep::Finish(Ok(verdict)) => return Ended::Verdict(verdict),
                CheckStep::Finish(Err(CheckError::Changed)) => return Ended::Changed,
                CheckStep::Finish(Err(CheckError::Unreadable)) => return Ended::Unreadable,
                CheckStep::Finish(Err(CheckError::Store(error))) => return failed(&error),
                CheckStep::Finish(Err(error @ CheckError::OutOfStep)) => {
                    return Ended::Failed {
                        kind: ErrorKind::Unexpected,
                        why: error.to_string(),
                    };
                }
            }
        }
    }
}

fn failed(error: &StorageError) -> Ended {
    Ended::Failed {
        kind: error.kind,
        why: format!("{error}: {}", error.source),
    }
}
