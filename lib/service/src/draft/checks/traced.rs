//! The spans and the durations of the parts of a check.

use std::sync::Arc;
use std::time::Instant;

use draftstore_protocol::checks::{Scan, Verdict};
use draftstore_storage::{Error as StorageError, TRACE_TARGET, closed_set};
use tracing::Span;
use tracing::field::Empty;

use crate::Observer;
use crate::draft::Drafts;
use crate::observer::CheckPart;

closed_set! {
    /// The outcome of a part of a check, as a field of its span.
    pub(super) enum PartOutcome {
        Accepted = "accepted",
        Rejected = "rejected",
        /// The scanner has no result yet.
        Pending = "pending",
        /// The store failed, or the draft has changed.
        Failed = "failed",
        /// The check took too long.
        CutOff = "cut_off",
    }
}

/// A part of a check in progress. It ends when it is dropped, also if the check is cut off. Its span names no object.
pub(super) struct TracedPart {
    pub(super) span: Span,
    part: CheckPart,
    begun: Instant,
    outcome: PartOutcome,
    observer: Option<Arc<dyn Observer>>,
}

impl Drafts {
    pub(super) fn begin_part(&self, part: CheckPart) -> TracedPart {
        let span = tracing::debug_span!(
            target: TRACE_TARGET,
            "check",
            otel.name = part.as_str(),
            check = part.as_str(),
            outcome = Empty,
            bytes = Empty,
        );
        TracedPart {
            span,
            part,
            begun: Instant::now(),
            outcome: PartOutcome::CutOff,
            observer: self.shared.observer.clone(),
        }
    }

    /// Returns the numbers of the checks of drafts in progress on this server, and of their reads and scans that wait for a
    /// slot.
    pub fn checks_in_progress(&self) -> ChecksInProgress {
        self.shared.checks.in_progress()
    }
}

/// The numbers of checks in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksInProgress {
    /// The number of drafts that are checked.
    pub drafts: usize,
    /// The number of reads and scans that wait for a slot of the server or of a scanner.
    pub waiting: usize,
}

impl TracedPart {
    /// Ends the part of a check that has read this number of bytes.
    pub(super) fn end(mut self, outcome: PartOutcome, bytes: u64) {
        self.outcome = outcome;
        // An unsigned number would be sent as a text.
        self.span.record("bytes", i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Drop for TracedPart {
    fn drop(&mut self) {
        self.span.record("outcome", self.outcome.as_str());
        if let Some(observer) = &self.observer {
            observer.check_part_ended(self.part, self.begun.elapsed());
        }
    }
}

impl From<&Result<Verdict, StorageError>> for PartOutcome {
    fn from(inspected: &Result<Verdict, StorageError>) -> Self {
        match inspected {
            Ok(Verdict::Accepted { .. }) => Self::Accepted,
            Ok(Verdict::Rejected(_)) => Self::Rejected,
            Err(_) => Self::Failed,
        }
    }
}

impl From<&Result<Scan, StorageError>> for PartOutcome {
    fn from(scanned: &Result<Scan, StorageError>) -> Self {
        match scanned {
            Ok(Scan::Clean) => Self::Accepted,
            Ok(Scan::Rejected(_)) => Self::Rejected,
            Ok(Scan::Pending) => Self::Pending,
            Err(_) => Self::Failed,
        }
    }
}
