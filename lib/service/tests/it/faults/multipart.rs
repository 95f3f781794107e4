//! The cells of multipart uploads: start and completion.

use std::fmt::{self, Display, Formatter};

use draftstore_service::draft::{
    CompleteMultipart, CreateMultipart, MultipartCompleted, PartToSign, SignParts, UploadName,
};
use draftstore_service::{Buckets, Drafts, Error, Missing};
use draftstore_storage::Operation;
use draftstore_testing::proxy::FaultReply::{Closed, Error as Answer, ErrorInOk, Nothing, Reset};
use draftstore_testing::proxy::InjectedFault::{self, After, Before, CutOff, Gone, Truncated};
use draftstore_testing::proxy::{RequestFilter, RequestRange};

use super::cell::{BYTES, Case, Cell, run_all};
use super::{COLUMNS, CONFLICT, EXPIRED, INTERNAL_ERROR, NOT_FOUND, PRECONDITION, SKEWED, SLOW_DOWN};

const CELLS: usize = 196;

const NAME: &str = "film.mp4";

/// The result of a call, and the drafts and uploads after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    answer: Answered,
    drafts: usize,
    uploads: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Ok,
    StoreUnavailable,
    StoreCredentials,
    BucketOrUploadMissing,
    PinMismatch,
    Internal,
    Other,
}

/// The call that the fault affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Begin,
    Complete,
    /// Completes an upload that was completed before.
    CompleteAgain,
}

/// The upload exists.
const BEGUN: Outcome = Outcome {
    answer: Answered::Ok,
    drafts: 0,
    uploads: 1,
};
/// The draft exists.
const COMPLETED: Outcome = Outcome {
    answer: Answered::Ok,
    drafts: 1,
    uploads: 0,
};

const fn but(outcome: Outcome, answer: Answered) -> Outcome {
    Outcome { answer, ..outcome }
}

// No upload was begun.
const NOT_BEGUN: Outcome = Outcome {
    answer: Answered::StoreUnavailable,
    drafts: 0,
    uploads: 0,
};
const CREDENTIALS: Outcome = but(NOT_BEGUN, Answered::StoreCredentials);
const MISSING: Outcome = but(NOT_BEGUN, Answered::BucketOrUploadMissing);
const INTERNAL: Outcome = but(NOT_BEGUN, Answered::Internal);

// An upload with an unknown ID was begun, which is left to the sweep.
const LOST: Outcome = but(BEGUN, Answered::StoreUnavailable);
const LOST_CREDENTIALS: Outcome = but(BEGUN, Answered::StoreCredentials);

// The parts are kept.
const PARTS_UNAVAILABLE: Outcome = but(BEGUN, Answered::StoreUnavailable);
const PARTS_CREDENTIALS: Outcome = but(BEGUN, Answered::StoreCredentials);
const PARTS_MISSING: Outcome = but(BEGUN, Answered::BucketOrUploadMissing);
const PARTS_PIN: Outcome = but(BEGUN, Answered::PinMismatch);
const PARTS_INTERNAL: Outcome = but(BEGUN, Answered::Internal);

// The draft exists, and a repeat finds it.
const DRAFT_UNAVAILABLE: Outcome = but(COMPLETED, Answered::StoreUnavailable);
const DRAFT_CREDENTIALS: Outcome = but(COMPLETED, Answered::StoreCredentials);
const DRAFT_MISSING: Outcome = but(COMPLETED, Answered::BucketOrUploadMissing);
const DRAFT_INTERNAL: Outcome = but(COMPLETED, Answered::Internal);

/// A call with its requests, and the outcome of each fault.
struct Call {
    kind: Kind,
    name: &'static str,
    target: fn(&Buckets) -> RequestFilter,
    gone: Outcome,
    rows: &'static [(InjectedFault, [Outcome; 3])],
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.name)
    }
}

const CALLS: [Call; 4] = [
    Call {
        kind: Kind::Begin,
        name: "beginning",
        target: |_| RequestFilter::of(Operation::CreateMultipartUpload),
        gone: NOT_BEGUN,
        rows: &[
            (Before(Closed), [NOT_BEGUN; 3]),
            (Before(Reset), [NOT_BEGUN; 3]),
            (Before(Nothing), [NOT_BEGUN; 3]),
            (Before(Answer(INTERNAL_ERROR)), [NOT_BEGUN; 3]),
            (Before(Answer(SLOW_DOWN)), [NOT_BEGUN; 3]),
            (Before(Answer(EXPIRED)), [CREDENTIALS; 3]),
            (Before(Answer(SKEWED)), [CREDENTIALS; 3]),
            (Before(Answer(NOT_FOUND)), [MISSING; 3]),
            (Before(Answer(CONFLICT)), [NOT_BEGUN; 3]),
            (Before(Answer(PRECONDITION)), [INTERNAL; 3]),
            (Before(ErrorInOk), [NOT_BEGUN; 3]),
            (After(Reset), [LOST; 3]),
            (After(Nothing), [LOST; 3]),
            (After(Answer(INTERNAL_ERROR)), [LOST; 3]),
            (After(Answer(SLOW_DOWN)), [LOST; 3]),
            (After(Answer(EXPIRED)), [LOST_CREDENTIALS; 3]),
            (Truncated, [LOST; 3]),
            (CutOff, [LOST; 3]),
        ],
    },
    Call {
        kind: Kind::Complete,
        name: "list of the parts",
        target: |_| RequestFilter::of(Operation::ListParts),
        gone: PARTS_UNAVAILABLE,
        rows: &[
            (Before(Closed), [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
            (Before(Reset), [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
            (Before(Nothing), [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
            (
                Before(Answer(INTERNAL_ERROR)),
                [COMPLETED, COMPLETED, PARTS_UNAVAILABLE],
            ),
            (Before(Answer(SLOW_DOWN)), [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
            (Before(Answer(EXPIRED)), [PARTS_CREDENTIALS; 3]),
            (Before(Answer(SKEWED)), [PARTS_CREDENTIALS; 3]),
            (Before(Answer(NOT_FOUND)), [PARTS_MISSING; 3]),
            (Before(Answer(CONFLICT)), [PARTS_UNAVAILABLE; 3]),
            (Before(Answer(PRECONDITION)), [PARTS_INTERNAL; 3]),
            (Before(ErrorInOk), [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
            (After(Reset), [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
            (Truncated, [PARTS_UNAVAILABLE; 3]),
            (CutOff, [COMPLETED, COMPLETED, PARTS_UNAVAILABLE]),
        ],
    },
    Call {
        kind: Kind::Complete,
        name: "completion",
        target: |_| RequestFilter::of(Operation::CompleteMultipartUpload),
        gone: PARTS_UNAVAILABLE,
        rows: &[
            (Before(Closed), [PARTS_UNAVAILABLE; 3]),
            (Before(Reset), [PARTS_UNAVAILABLE; 3]),
            (Before(Nothing), [PARTS_UNAVAILABLE; 3]),
            (Before(Answer(INTERNAL_ERROR)), [PARTS_UNAVAILABLE; 3]),
            (Before(Answer(SLOW_DOWN)), [PARTS_UNAVAILABLE; 3]),
            (Before(Answer(EXPIRED)), [PARTS_CREDENTIALS; 3]),
            (Before(Answer(SKEWED)), [PARTS_CREDENTIALS; 3]),
            (Before(Answer(NOT_FOUND)), [PARTS_MISSING; 3]),
            (Before(Answer(CONFLICT)), [PARTS_UNAVAILABLE; 3]),
            (Before(Answer(PRECONDITION)), [PARTS_PIN; 3]),
            (Before(ErrorInOk), [PARTS_UNAVAILABLE; 3]),
            (After(Reset), [COMPLETED; 3]),
            (After(Nothing), [COMPLETED; 3]),
            (After(Answer(INTERNAL_ERROR)), [COMPLETED; 3]),
            (After(Answer(SLOW_DOWN)), [COMPLETED; 3]),
            (After(Answer(NOT_FOUND)), [COMPLETED; 3]),
            (After(Answer(CONFLICT)), [COMPLETED; 3]),
            (After(Answer(PRECONDITION)), [COMPLETED; 3]),
            (After(Answer(EXPIRED)), [DRAFT_CREDENTIALS; 3]),
            (After(ErrorInOk), [COMPLETED; 3]),
            (Truncated, [COMPLETED; 3]),
            (CutOff, [COMPLETED; 3]),
        ],
    },
    Call {
        kind: Kind::CompleteAgain,
        name: "HEAD of the draft",
        target: |_| RequestFilter::of(Operation::HeadObject),
        gone: DRAFT_UNAVAILABLE,
        rows: &[
            (Before(Closed), [COMPLETED, COMPLETED, DRAFT_UNAVAILABLE]),
            (Before(Reset), [COMPLETED, COMPLETED, DRAFT_UNAVAILABLE]),
            (Before(Nothing), [COMPLETED, COMPLETED, DRAFT_UNAVAILABLE]),
            (
                Before(Answer(INTERNAL_ERROR)),
                [COMPLETED, COMPLETED, DRAFT_UNAVAILABLE],
            ),
            (Before(Answer(EXPIRED)), [DRAFT_CREDENTIALS; 3]),
            (Before(Answer(NOT_FOUND)), [DRAFT_MISSING; 3]),
            (Before(Answer(CONFLICT)), [DRAFT_UNAVAILABLE; 3]),
            (Before(Answer(PRECONDITION)), [DRAFT_INTERNAL; 3]),
            (Before(ErrorInOk), [DRAFT_INTERNAL; 3]),
            (After(Reset), [COMPLETED, COMPLETED, DRAFT_UNAVAILABLE]),
        ],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn upload_in_parts_survives_every_fault_or_a_repeat_completes_it() {
    let cases = cases();
    assert_eq!(cases.len(), CELLS);
    let wrong = run_all("parts", cases, |cell, call| run(cell, call.kind)).await;
    assert!(
        wrong.is_empty(),
        "{} of {CELLS} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("uploads in parts: {CELLS} cells");
}

fn cases() -> Vec<Case<&'static Call, Outcome>> {
    let mut cases = Vec::new();
    for call in &CALLS {
        let mut add = |fault, column, requests, expected| {
            cases.push(Case {
                call,
                fault,
                column,
                target: call.target,
                requests,
                expected,
            });
        };
        add(Gone, "the first request", RequestRange::ALL.take(1), call.gone);
        for (fault, outcomes) in call.rows {
            for ((column, of), expected) in COLUMNS.into_iter().zip(outcomes) {
                add(*fault, column, of(RequestRange::ALL), *expected);
            }
        }
    }
    cases
}

/// Makes the call with the fault, and returns the outcome. Then completes the upload without the fault, which must
/// create the draft, and sweeps if an upload is left.
async fn run(cell: Cell, kind: Kind) -> Result<Outcome, String> {
    let drafts = cell.drafts();
    let (answer, upload) = match begin(&drafts).await {
        Err(error) if kind == Kind::Begin => (answered(&error), None),
        Err(error) => return Err(format!("the fault strikes the beginning: {error:?}")),
        Ok(upload) if kind == Kind::Begin => (Answered::Ok, Some(upload)),
        Ok(upload) => {
            send(&cell, &drafts, &upload).await;
            if kind == Kind::CompleteAgain {
                complete(&drafts, &upload).await.map_err(|error| format!("{error:?}"))?;
            }
            let completed = complete(&drafts, &upload).await;
            (
                completed.map_or_else(|error| answered(&error), |_| Answered::Ok),
                Some(upload),
            )
        }
    };
    let outcome = Outcome {
        answer,
        drafts: cell.draft_keys().await.len(),
        uploads: cell.uploads(cell.buckets.draft.name()).await.len(),
    };

    cell.heal()?;
    let upload = match upload {
        Some(upload) => upload,
        None => begin(&drafts)
            .await
            .map_err(|error| format!("{outcome:?}, and then {error:?}"))?,
    };
    if kind == Kind::Begin {
        send(&cell, &drafts, &upload).await;
    }
    let [first, second] = [complete(&drafts, &upload).await, complete(&drafts, &upload).await];
    let same = matches!((&first, &second), (Ok(first), Ok(second)) if first == second);
    if !same || cell.draft_bytes(NAME).await != BYTES {
        return Err(format!(
            "{outcome:?}, and the repeats are answered {first:?}, {second:?}"
        ));
    }

    cell.sweep_much_later().await?;
    let left = (cell.draft_keys().await, cell.uploads(cell.buckets.draft.name()).await);
    if left != Default::default() {
        return Err(format!("{outcome:?}, and the sweep leaves {left:?}"));
    }
    Ok(outcome)
}

async fn begin(drafts: &Drafts) -> Result<UploadName, Error> {
    let create = CreateMultipart {
        object_name: NAME.to_owned(),
        ..CreateMultipart::default()
    };
    let created = drafts.create_multipart(&create).await?;
    Ok(UploadName {
        object_name: create.object_name,
        draft_id: None,
        upload_id: created.upload_id,
    })
}

async fn send(cell: &Cell, drafts: &Drafts, upload: &UploadName) {
    let sign = SignParts {
        upload: upload.clone(),
        parts: vec![PartToSign {
            part_number: 1,
            ..PartToSign::default()
        }],
        expires_in: None,
    };
    let mut signed = drafts.sign_parts(&sign).await.expect("signed");
    cell.send(signed.parts.remove(0).request, BYTES).await;
}

async fn complete(drafts: &Drafts, upload: &UploadName) -> Result<MultipartCompleted, Error> {
    let complete = CompleteMultipart {
        upload: upload.clone(),
        parts: Vec::new(),
    };
    drafts.complete_multipart(&complete).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no store has answered for the others")]
fn answered(error: &Error) -> Answered {
    match error {
        Error::StoreUnavailable(_) => Answered::StoreUnavailable,
        Error::StoreCredentials(_) => Answered::StoreCredentials,
        Error::NotFound(Missing::Upload | Missing::Object) => Answered::BucketOrUploadMissing,
        Error::PinMismatch { .. } => Answered::PinMismatch,
        Error::Internal(_) => Answered::Internal,
        _ => Answered::Other,
    }
}
