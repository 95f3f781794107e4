//! The cells of confirm.

use draftstore_service::draft::ConfirmUpload;
use draftstore_service::{Buckets, Error, Missing};
use draftstore_storage::Operation;
use draftstore_testing::proxy::Fault::{self, After, Before, CutOff, Gone, Truncated};
use draftstore_testing::proxy::Reply::{Closed, Error as Answer, ErrorInOk, Nothing, Reset};
use draftstore_testing::proxy::{Requests, Target};

use super::cell::{BYTES, Case, Cell, run_all};
use super::{COLUMNS, CONFLICT, EXPIRED, INTERNAL_ERROR, NOT_FOUND, PRECONDITION, SKEWED, SLOW_DOWN};

const CELLS: usize = 233;

const NAME: &str = "file.jpg";

/// What a confirm answers, and what there is after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outcome {
    answer: Answered,
    draft_is_there: bool,
    main_is_there: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Ok,
    StoreUnavailable,
    StoreCredentials,
    DraftNotFound,
    Internal,
    Other,
}

/// Confirmed, and the draft is gone.
const KEPT: Outcome = Outcome {
    answer: Answered::Ok,
    draft_is_there: false,
    main_is_there: true,
};
/// Confirmed, and the draft is left to the sweep.
const LEFT: Outcome = Outcome {
    draft_is_there: true,
    ..KEPT
};
/// Refused: nothing has changed.
const UNAVAILABLE: Outcome = untouched(Answered::StoreUnavailable);
const CREDENTIALS: Outcome = untouched(Answered::StoreCredentials);
const NO_DRAFT: Outcome = untouched(Answered::DraftNotFound);
const INTERNAL: Outcome = untouched(Answered::Internal);
/// Refused, though main holds the object: nobody could tell.
const COPIED_UNAVAILABLE: Outcome = copied(Answered::StoreUnavailable);
const COPIED_CREDENTIALS: Outcome = copied(Answered::StoreCredentials);
const COPIED_INTERNAL: Outcome = copied(Answered::Internal);

const fn untouched(answer: Answered) -> Outcome {
    Outcome {
        answer,
        draft_is_there: true,
        main_is_there: false,
    }
}

const fn copied(answer: Answered) -> Outcome {
    Outcome {
        main_is_there: true,
        ..untouched(answer)
    }
}

/// A call of the confirm: which requests it makes, and what comes of each fault.
struct Call {
    name: &'static str,
    target: fn(&Buckets) -> Target,
    /// Of the requests for this, those from which one on are this call's.
    requests: Requests,
    gone: Outcome,
    rows: &'static [(Fault, [Outcome; 3])],
}

const CALLS: [Call; 5] = [
    Call {
        name: "HEAD of the draft",
        target: |buckets| Target::of(Operation::HeadObject).on(buckets.draft.name()),
        requests: Requests::from(1),
        gone: UNAVAILABLE,
        rows: &[
            (Before(Closed), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Reset), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Nothing), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(EXPIRED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
            (Before(Answer(SKEWED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
            (Before(Answer(NOT_FOUND)), [NO_DRAFT, NO_DRAFT, NO_DRAFT]),
            (Before(Answer(CONFLICT)), [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]),
            (Before(Answer(PRECONDITION)), [INTERNAL, INTERNAL, INTERNAL]),
            (Before(ErrorInOk), [INTERNAL, INTERNAL, INTERNAL]),
            (After(Reset), [KEPT, KEPT, UNAVAILABLE]),
        ],
    },
    Call {
        name: "HEAD of main before the copy",
        target: |buckets| Target::of(Operation::HeadObject).on(buckets.main.name()),
        requests: Requests::from(1),
        gone: UNAVAILABLE,
        rows: &[
            (Before(Closed), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Reset), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Nothing), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(EXPIRED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
            (Before(Answer(SKEWED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
            // The second of them hides from the confirm what it has just copied.
            (Before(Answer(NOT_FOUND)), [KEPT, COPIED_INTERNAL, COPIED_INTERNAL]),
            (Before(Answer(CONFLICT)), [UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]),
            (Before(Answer(PRECONDITION)), [INTERNAL, INTERNAL, INTERNAL]),
            (Before(ErrorInOk), [INTERNAL, INTERNAL, INTERNAL]),
            (After(Reset), [KEPT, KEPT, UNAVAILABLE]),
        ],
    },
    Call {
        name: "copy",
        target: |buckets| Target::of(Operation::CopyObject).on(buckets.main.name()),
        requests: Requests::from(1),
        gone: UNAVAILABLE,
        rows: &[
            (Before(Closed), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Reset), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Nothing), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(EXPIRED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
            (Before(Answer(SKEWED)), [CREDENTIALS, CREDENTIALS, CREDENTIALS]),
            (Before(Answer(NOT_FOUND)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(CONFLICT)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(Answer(PRECONDITION)), [KEPT, KEPT, UNAVAILABLE]),
            (Before(ErrorInOk), [KEPT, KEPT, UNAVAILABLE]),
            // The marker tells that it was done, so that there is no second request.
            (After(Closed), [KEPT, KEPT, KEPT]),
            (After(Reset), [KEPT, KEPT, KEPT]),
            (After(Nothing), [KEPT, KEPT, KEPT]),
            (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, KEPT]),
            (After(Answer(SLOW_DOWN)), [KEPT, KEPT, KEPT]),
            (
                After(Answer(EXPIRED)),
                [COPIED_CREDENTIALS, COPIED_CREDENTIALS, COPIED_CREDENTIALS],
            ),
            (After(Answer(CONFLICT)), [KEPT, KEPT, KEPT]),
            (After(Answer(PRECONDITION)), [KEPT, KEPT, KEPT]),
            (After(ErrorInOk), [KEPT, KEPT, KEPT]),
            (Truncated, [KEPT, KEPT, KEPT]),
            (CutOff, [KEPT, KEPT, KEPT]),
        ],
    },
    Call {
        name: "HEAD of main after the copy",
        target: |buckets| Target::of(Operation::HeadObject).on(buckets.main.name()),
        requests: Requests::from(2),
        gone: COPIED_UNAVAILABLE,
        rows: &[
            (Before(Closed), [KEPT, KEPT, COPIED_UNAVAILABLE]),
            (Before(Reset), [KEPT, KEPT, COPIED_UNAVAILABLE]),
            (Before(Nothing), [KEPT, KEPT, COPIED_UNAVAILABLE]),
            (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, COPIED_UNAVAILABLE]),
            (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, COPIED_UNAVAILABLE]),
            (
                Before(Answer(EXPIRED)),
                [COPIED_CREDENTIALS, COPIED_CREDENTIALS, COPIED_CREDENTIALS],
            ),
            (
                Before(Answer(SKEWED)),
                [COPIED_CREDENTIALS, COPIED_CREDENTIALS, COPIED_CREDENTIALS],
            ),
            (
                Before(Answer(NOT_FOUND)),
                [COPIED_INTERNAL, COPIED_INTERNAL, COPIED_INTERNAL],
            ),
            (
                Before(Answer(CONFLICT)),
                [COPIED_UNAVAILABLE, COPIED_UNAVAILABLE, COPIED_UNAVAILABLE],
            ),
            (
                Before(Answer(PRECONDITION)),
                [COPIED_INTERNAL, COPIED_INTERNAL, COPIED_INTERNAL],
            ),
            (Before(ErrorInOk), [COPIED_INTERNAL, COPIED_INTERNAL, COPIED_INTERNAL]),
            (After(Reset), [KEPT, KEPT, COPIED_UNAVAILABLE]),
        ],
    },
    Call {
        name: "delete of the draft",
        target: |buckets| Target::of(Operation::DeleteObject).on(buckets.draft.name()),
        requests: Requests::from(1),
        gone: LEFT,
        rows: &[
            (Before(Closed), [KEPT, KEPT, LEFT]),
            (Before(Reset), [KEPT, KEPT, LEFT]),
            (Before(Nothing), [KEPT, KEPT, LEFT]),
            (Before(Answer(INTERNAL_ERROR)), [KEPT, KEPT, LEFT]),
            (Before(Answer(SLOW_DOWN)), [KEPT, KEPT, LEFT]),
            (Before(Answer(EXPIRED)), [LEFT, LEFT, LEFT]),
            (Before(Answer(SKEWED)), [LEFT, LEFT, LEFT]),
            (Before(Answer(NOT_FOUND)), [LEFT, LEFT, LEFT]),
            (Before(Answer(CONFLICT)), [LEFT, LEFT, LEFT]),
            (Before(Answer(PRECONDITION)), [LEFT, LEFT, LEFT]),
            (Before(ErrorInOk), [KEPT, KEPT, LEFT]),
            (After(Reset), [KEPT, KEPT, KEPT]),
            (After(Nothing), [KEPT, KEPT, KEPT]),
            (After(Answer(INTERNAL_ERROR)), [KEPT, KEPT, KEPT]),
            (After(Answer(SLOW_DOWN)), [KEPT, KEPT, KEPT]),
            (After(Answer(EXPIRED)), [KEPT, KEPT, KEPT]),
            (After(Answer(NOT_FOUND)), [KEPT, KEPT, KEPT]),
            (After(Answer(PRECONDITION)), [KEPT, KEPT, KEPT]),
        ],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn confirm_survives_every_fault_or_a_repeat_completes_it() {
    let cases = cases();
    assert_eq!(cases.len(), CELLS);
    let wrong = run_all("confirm", cases, run).await;
    assert!(
        wrong.is_empty(),
        "{} of {CELLS} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("confirm: {CELLS} cells");
}

fn cases() -> Vec<Case<Outcome>> {
    let mut cases = Vec::new();
    for call in &CALLS {
        let mut add = |fault, column, requests, expected| {
            cases.push(Case {
                call: call.name,
                fault,
                column,
                target: call.target,
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

/// Confirms with the fault, and gives what came of it; then without, which must complete it.
async fn run(cell: Cell) -> Result<Outcome, String> {
    cell.put_draft(NAME).await;
    let drafts = cell.drafts();
    let request = ConfirmUpload {
        object_name: NAME.to_owned(),
        ..ConfirmUpload::default()
    };
    let answer = match drafts.confirm(&request).await {
        Ok(_) => Answered::Ok,
        Err(Error::StoreUnavailable(_)) => Answered::StoreUnavailable,
        Err(Error::StoreCredentials(_)) => Answered::StoreCredentials,
        Err(Error::NotFound(Missing::Draft)) => Answered::DraftNotFound,
        Err(Error::Internal(_)) => Answered::Internal,
        Err(
            Error::Invalid(_)
            | Error::NotFound(_)
            | Error::AlreadyExists
            | Error::RolledBack
            | Error::PinMismatch { .. }
            | Error::TooLarge { .. },
        ) => Answered::Other,
    };
    let outcome = Outcome {
        answer,
        draft_is_there: cell.draft_keys().await == [NAME],
        main_is_there: cell.main_keys().await == [NAME],
    };
    if outcome.main_is_there && cell.main_bytes(NAME).await != BYTES {
        return Err("main holds other bytes".to_owned());
    }

    cell.heal()?;
    if let Err(error) = drafts.confirm(&request).await {
        return Err(format!("{outcome:?}, and the repeat is refused: {error:?}"));
    }
    let left = (cell.draft_keys().await, cell.main_keys().await);
    let uploads = [cell.buckets.draft.name(), cell.buckets.main.name()].map(|bucket| cell.uploads(bucket));
    let uploads = futures::future::join_all(uploads).await.concat();
    if left != (Vec::new(), vec![NAME.to_owned()]) || !uploads.is_empty() {
        return Err(format!(
            "{outcome:?}, and the repeat leaves {left:?} and uploads {uploads:?}"
        ));
    }
    if cell.main_bytes(NAME).await != BYTES {
        return Err("the repeat leaves other bytes in main".to_owned());
    }
    Ok(outcome)
}
