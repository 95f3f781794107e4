//! The cells of sweeps.

use draftstore_service::Buckets;
use draftstore_service::cleaner::{Mode, Stop};
use draftstore_storage::{ErrorKind, Operation};
use draftstore_testing::proxy::FaultReply::{Closed, Error as Answer, ErrorInOk, Nothing, Reset};
use draftstore_testing::proxy::InjectedFault::{self, After, Before, CutOff, Gone, Truncated};
use draftstore_testing::proxy::{RequestFilter, RequestRange};

use super::cell::{Case, Cell, run_all};
use super::{COLUMNS, CONFLICT, EXPIRED, INTERNAL_ERROR, NOT_FOUND, PRECONDITION, SKEWED, SLOW_DOWN};
use crate::system::{LONG_AGO, unique};

const CELLS: usize = 239;

/// A draft and an upload that no sweep may remove.
const FRESH_DRAFT: &str = "fresh.jpg";
const FRESH_UPLOAD: &str = "under way.jpg";

/// The result of a sweep, and the draft and the upload after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    ended: Ended,
    draft_is_there: bool,
    upload_is_there: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// The sweep reached the end of the bucket, with this number of failures.
    Failed(u64),
    /// The sweep stopped early.
    Stopped(ErrorKind),
}

/// Everything expired is gone.
const SWEPT: Outcome = Outcome {
    ended: Ended::Failed(0),
    draft_is_there: false,
    upload_is_there: false,
};
/// The draft could not be deleted, and is counted as failed.
const DRAFT_FAILED: Outcome = Outcome {
    ended: Ended::Failed(1),
    draft_is_there: true,
    ..SWEPT
};
/// The upload could not be aborted, and is counted as failed.
const UPLOAD_FAILED: Outcome = Outcome {
    ended: Ended::Failed(1),
    upload_is_there: true,
    ..SWEPT
};
/// The store wrongly reports that the upload is gone: the next sweep finds it again.
const UPLOAD_DENIED: Outcome = Outcome {
    ended: Ended::Failed(0),
    ..UPLOAD_FAILED
};
/// Everything expired is gone, but one is counted as failed.
const FAILED_BUT_GONE: Outcome = Outcome {
    ended: Ended::Failed(1),
    ..SWEPT
};

/// Returns the outcome of a sweep that stopped before it removed anything.
const fn at_once(kind: ErrorKind) -> Outcome {
    Outcome {
        ended: Ended::Stopped(kind),
        draft_is_there: true,
        upload_is_there: true,
    }
}

/// Returns the outcome of a sweep that stopped after it deleted the draft.
const fn later(kind: ErrorKind) -> Outcome {
    Outcome {
        draft_is_there: false,
        ..at_once(kind)
    }
}

use ErrorKind::{Conflict, CredentialsRefused, NotFound, PreconditionFailed, Unavailable, Unexpected};

/// A call of the sweep with its requests, and the outcome of each fault.
struct Call {
    name: &'static str,
    operation: fn(&Buckets) -> RequestFilter,
    /// The matching requests that belong to this call.
    requests: RequestRange,
    gone: Outcome,
    rows: &'static [(InjectedFault, [Outcome; 3])],
}

const CALLS: [Call; 5] = [
    Call {
        name: "list of unique drafts",
        operation: |_| RequestFilter::of(Operation::ListObjectsV2),
        requests: RequestRange::from(1),
        gone: at_once(Unavailable),
        rows: &LISTED_FIRST,
    },
    Call {
        name: "delete of drafts",
        operation: |_| RequestFilter::of(Operation::DeleteObjects),
        requests: RequestRange::from(1),
        // The sweep then cannot list.
        gone: Outcome {
            ended: Ended::Stopped(Unavailable),
            draft_is_there: true,
            upload_is_there: true,
        },
        rows: &[
            (Before(Closed), [SWEPT, SWEPT, DRAFT_FAILED]),
            (Before(Reset), [SWEPT, SWEPT, DRAFT_FAILED]),
            (Before(Nothing), [SWEPT, SWEPT, DRAFT_FAILED]),
            (Before(Answer(INTERNAL_ERROR)), [SWEPT, SWEPT, DRAFT_FAILED]),
            (Before(Answer(SLOW_DOWN)), [SWEPT, SWEPT, DRAFT_FAILED]),
            (Before(Answer(EXPIRED)), [DRAFT_FAILED, DRAFT_FAILED, DRAFT_FAILED]),
            (Before(Answer(SKEWED)), [DRAFT_FAILED, DRAFT_FAILED, DRAFT_FAILED]),
            (Before(Answer(NOT_FOUND)), [DRAFT_FAILED, DRAFT_FAILED, DRAFT_FAILED]),
            (Before(Answer(CONFLICT)), [DRAFT_FAILED, DRAFT_FAILED, DRAFT_FAILED]),
            (Before(Answer(PRECONDITION)), [DRAFT_FAILED, DRAFT_FAILED, DRAFT_FAILED]),
            (Before(ErrorInOk), [SWEPT, SWEPT, DRAFT_FAILED]),
            (After(Reset), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (After(Nothing), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (After(Answer(INTERNAL_ERROR)), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (After(Answer(SLOW_DOWN)), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (
                After(Answer(EXPIRED)),
                [FAILED_BUT_GONE, FAILED_BUT_GONE, FAILED_BUT_GONE],
            ),
            (After(ErrorInOk), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (Truncated, [FAILED_BUT_GONE; 3]),
            (CutOff, [SWEPT, SWEPT, FAILED_BUT_GONE]),
        ],
    },
    Call {
        name: "list of named drafts",
        operation: |_| RequestFilter::of(Operation::ListObjectsV2),
        requests: RequestRange::from(2),
        // The expired drafts found so far wait for a full batch to delete.
        gone: at_once(Unavailable),
        rows: &LISTED_LATER,
    },
    Call {
        name: "list of uploads",
        operation: |_| RequestFilter::of(Operation::ListMultipartUploads),
        requests: RequestRange::from(1),
        gone: later(Unavailable),
        rows: &LISTED_LATER,
    },
    Call {
        name: "abort of an upload",
        operation: |_| RequestFilter::of(Operation::AbortMultipartUpload),
        requests: RequestRange::from(1),
        gone: UPLOAD_FAILED,
        rows: &[
            (Before(Closed), [SWEPT, SWEPT, UPLOAD_FAILED]),
            (Before(Reset), [SWEPT, SWEPT, UPLOAD_FAILED]),
            (Before(Nothing), [SWEPT, SWEPT, UPLOAD_FAILED]),
            (Before(Answer(INTERNAL_ERROR)), [SWEPT, SWEPT, UPLOAD_FAILED]),
            (Before(Answer(SLOW_DOWN)), [SWEPT, SWEPT, UPLOAD_FAILED]),
            (Before(Answer(EXPIRED)), [UPLOAD_FAILED, UPLOAD_FAILED, UPLOAD_FAILED]),
            (Before(Answer(SKEWED)), [UPLOAD_FAILED, UPLOAD_FAILED, UPLOAD_FAILED]),
            (Before(Answer(NOT_FOUND)), [UPLOAD_DENIED, UPLOAD_DENIED, UPLOAD_DENIED]),
            (Before(Answer(CONFLICT)), [UPLOAD_FAILED, UPLOAD_FAILED, UPLOAD_FAILED]),
            (
                Before(Answer(PRECONDITION)),
                [UPLOAD_FAILED, UPLOAD_FAILED, UPLOAD_FAILED],
            ),
            (Before(ErrorInOk), [SWEPT, SWEPT, UPLOAD_FAILED]),
            (After(Reset), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (After(Nothing), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (After(Answer(INTERNAL_ERROR)), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (After(Answer(SLOW_DOWN)), [SWEPT, SWEPT, FAILED_BUT_GONE]),
            (
                After(Answer(EXPIRED)),
                [FAILED_BUT_GONE, FAILED_BUT_GONE, FAILED_BUT_GONE],
            ),
            (After(Answer(NOT_FOUND)), [SWEPT, SWEPT, SWEPT]),
        ],
    },
];

const LISTED_FIRST: [(InjectedFault, [Outcome; 3]); 14] = [
    (Before(Closed), [SWEPT, SWEPT, at_once(Unavailable)]),
    (Before(Reset), [SWEPT, SWEPT, at_once(Unavailable)]),
    (Before(Nothing), [SWEPT, SWEPT, at_once(Unavailable)]),
    (Before(Answer(INTERNAL_ERROR)), [SWEPT, SWEPT, at_once(Unavailable)]),
    (Before(Answer(SLOW_DOWN)), [SWEPT, SWEPT, at_once(Unavailable)]),
    (Before(Answer(EXPIRED)), [at_once(CredentialsRefused); 3]),
    (Before(Answer(SKEWED)), [at_once(CredentialsRefused); 3]),
    (Before(Answer(NOT_FOUND)), [at_once(NotFound); 3]),
    (Before(Answer(CONFLICT)), [at_once(Conflict); 3]),
    (Before(Answer(PRECONDITION)), [at_once(PreconditionFailed); 3]),
    (Before(ErrorInOk), [SWEPT, SWEPT, at_once(Unavailable)]),
    (After(Reset), [SWEPT, SWEPT, at_once(Unavailable)]),
    (Truncated, [at_once(Unexpected); 3]),
    (CutOff, [SWEPT, SWEPT, at_once(Unavailable)]),
];

const LISTED_LATER: [(InjectedFault, [Outcome; 3]); 14] = [
    (Before(Closed), [SWEPT, SWEPT, later(Unavailable)]),
    (Before(Reset), [SWEPT, SWEPT, later(Unavailable)]),
    (Before(Nothing), [SWEPT, SWEPT, later(Unavailable)]),
    (Before(Answer(INTERNAL_ERROR)), [SWEPT, SWEPT, later(Unavailable)]),
    (Before(Answer(SLOW_DOWN)), [SWEPT, SWEPT, later(Unavailable)]),
    (Before(Answer(EXPIRED)), [later(CredentialsRefused); 3]),
    (Before(Answer(SKEWED)), [later(CredentialsRefused); 3]),
    (Before(Answer(NOT_FOUND)), [later(NotFound); 3]),
    (Before(Answer(CONFLICT)), [later(Conflict); 3]),
    (Before(Answer(PRECONDITION)), [later(PreconditionFailed); 3]),
    (Before(ErrorInOk), [SWEPT, SWEPT, later(Unavailable)]),
    (After(Reset), [SWEPT, SWEPT, later(Unavailable)]),
    (Truncated, [later(Unexpected); 3]),
    (CutOff, [SWEPT, SWEPT, later(Unavailable)]),
];

#[tokio::test(flavor = "multi_thread")]
async fn sweep_survives_every_fault_or_the_next_one_completes_it() {
    let cases = cases();
    assert_eq!(cases.len(), CELLS);
    let wrong = run_all("sweep", cases, |cell, _| run(cell)).await;
    assert!(
        wrong.is_empty(),
        "{} of {CELLS} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("sweep: {CELLS} cells");
}

fn cases() -> Vec<Case<&'static str, Outcome>> {
    let mut cases = Vec::new();
    for call in &CALLS {
        let mut add = |fault, column, requests, expected| {
            cases.push(Case {
                call: call.name,
                fault,
                column,
                target: call.operation,
                requests,
                expected,
            });
        };
        add(Gone, "the first request", call.requests.take(1), call.gone);
        for (fault, outcomes) in call.rows {
            for ((column, of), expected) in COLUMNS.into_iter().zip(outcomes) {
                add(*fault, column, of(call.requests), *expected);
            }
        }
    }
    cases
}

/// Sweeps with the fault, and returns the outcome. Then sweeps without it, which must remove the rest.
async fn run(cell: Cell) -> Result<Outcome, String> {
    let [(_, expired_draft), (_, expired_upload)] = [1, 2].map(|n| unique(LONG_AGO, n));
    for draft in [FRESH_DRAFT, &expired_draft] {
        cell.put_draft(draft).await;
    }
    for upload in [FRESH_UPLOAD, &expired_upload] {
        cell.begin_upload(upload).await;
    }
    let cleaner = cell.cleaner();
    let ended = match cleaner.sweep(Mode::Delete, &mut |_| {}).await {
        Ok(summary) => Ended::Failed(summary.failed),
        Err(stopped) => match stopped.source {
            Stop::Store(error) => Ended::Stopped(error.kind),
            Stop::OutOfStep => return Err(stopped.to_string()),
        },
    };
    let (drafts, uploads) = left(&cell).await;
    let outcome = Outcome {
        ended,
        draft_is_there: drafts.contains(&expired_draft),
        upload_is_there: uploads.contains(&expired_upload),
    };
    let fresh = [FRESH_DRAFT.to_owned(), FRESH_UPLOAD.to_owned()];
    if !drafts.contains(&fresh[0]) || !uploads.contains(&fresh[1]) {
        return Err(format!(
            "{outcome:?}, and what is fresh is gone: {drafts:?} {uploads:?}"
        ));
    }

    cell.heal()?;
    match cleaner.sweep(Mode::Delete, &mut |_| {}).await {
        Ok(summary) if summary.failed == 0 => {}
        other => return Err(format!("{outcome:?}, and the next sweep fails: {other:?}")),
    }
    let (drafts, uploads) = left(&cell).await;
    if [drafts.concat(), uploads.concat()] != fresh {
        return Err(format!(
            "{outcome:?}, and the next sweep leaves {drafts:?} and uploads {uploads:?}"
        ));
    }
    Ok(outcome)
}

async fn left(cell: &Cell) -> (Vec<String>, Vec<String>) {
    (cell.draft_keys().await, cell.uploads(cell.buckets.draft.name()).await)
}
