//! The cells of confirms.

mod outcome;
mod overwrite;
mod plain;
mod staged;

use std::fmt::{self, Display, Formatter};

use draftstore_service::draft::{ConfirmLimits, ConfirmUpload};
use draftstore_service::{Buckets, Error, Missing};
use draftstore_testing::proxy::InjectedFault::{self, Gone};
use draftstore_testing::proxy::{RequestFilter, RequestRange};

use self::outcome::{Answered, Outcome, Remains};
use super::COLUMNS;
use super::cell::{BYTES, Case, Cell, run_all};

const CELLS: usize = 737;

const NAME: &str = "file.jpg";

/// The bytes that a confirm replaces.
const OLD: &[u8] = b"the bytes that were kept before";

/// The prefix of notes on staged copies.
const NOTES: &str = ".drafts/staging/";

/// The kind of a confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Copies to a free key in one call.
    Plain,
    /// Replaces another object in one call.
    Overwrite,
    /// Copies to a free key in parts.
    Staged,
}

/// A fault, with its outcome in each column.
type Row = (InjectedFault, [Outcome; 3]);

/// A call of the confirm with its requests, and the outcome of each fault.
struct Call {
    kind: Kind,
    name: &'static str,
    target: fn(&Buckets) -> RequestFilter,
    /// The matching requests that belong to this call.
    requests: RequestRange,
    gone: Outcome,
    rows: &'static [Row],
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.name)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confirm_survives_every_fault_or_a_repeat_completes_it() {
    let cases = cases();
    assert_eq!(cases.len(), CELLS);
    let wrong = run_all("confirm", cases, |cell, call| run(cell, call.kind)).await;
    assert!(
        wrong.is_empty(),
        "{} of {CELLS} cells:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    println!("confirm: {CELLS} cells");
}

fn cases() -> Vec<Case<&'static Call, Outcome>> {
    let mut cases = Vec::new();
    for call in plain::CALLS.iter().chain(&overwrite::CALLS).chain(&staged::CALLS) {
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
        add(Gone, "the first request", call.requests.take(1), call.gone);
        for (fault, outcomes) in call.rows {
            for ((column, of), expected) in COLUMNS.into_iter().zip(outcomes) {
                add(*fault, column, of(call.requests), *expected);
            }
        }
    }
    cases
}

/// Confirms with the fault, and returns the outcome. Then confirms without it, which must succeed, and sweeps if a note
/// or an upload is left.
async fn run(cell: Cell, kind: Kind) -> Result<Outcome, String> {
    if kind == Kind::Overwrite {
        cell.put_main(NAME, OLD).await;
    }
    cell.put_draft(NAME).await;
    let limits = match kind {
        Kind::Plain | Kind::Overwrite => ConfirmLimits::default(),
        Kind::Staged => ConfirmLimits {
            max_copy_bytes: 0,
            ..ConfirmLimits::default()
        },
    };
    let drafts = cell.drafts().with_confirm_limits(limits);
    let request = ConfirmUpload {
        object_name: NAME.to_owned(),
        overwrite: kind == Kind::Overwrite,
        ..ConfirmUpload::default()
    };
    let answer = match drafts.confirm(&request).await {
        Ok(_) => Answered::Ok,
        Err(Error::StoreUnavailable(_)) => Answered::StoreUnavailable,
        Err(Error::StoreCredentials(_)) => Answered::StoreCredentials,
        Err(Error::NotFound(Missing::Draft)) => Answered::DraftNotFound,
        Err(Error::Internal(_)) => Answered::Internal,
        Err(Error::Changed) => Answered::Changed,
        Err(_) => Answered::Other,
    };
    drafts.drain().await;
    let outcome = Outcome {
        answer,
        draft_is_there: cell.draft_keys().await.contains(&NAME.to_owned()),
        is_in_main: is_in_main(&cell, kind).await?,
        remains: remains(&cell).await?,
    };

    cell.heal()?;
    if let Err(error) = drafts.confirm(&request).await {
        return Err(format!("{outcome:?}, and the repeat is refused: {error:?}"));
    }
    drafts.drain().await;
    if !is_in_main(&cell, kind).await? {
        return Err(format!("{outcome:?}, and the repeat leaves main as it was"));
    }
    if remains(&cell).await? != outcome.remains {
        return Err(format!("{outcome:?}, and the repeat makes it more or less"));
    }
    let is_note = |key: &String| key.starts_with(NOTES);
    if !cell.draft_keys().await.iter().all(is_note) {
        return Err(format!("{outcome:?}, and the repeat leaves the draft"));
    }

    if outcome.remains != Remains::Nothing {
        cell.sweep_much_later().await?;
        let left = (cell.draft_keys().await, cell.main_uploads().await);
        if left != Default::default() || !is_in_main(&cell, kind).await? {
            return Err(format!("{outcome:?}, and the sweep leaves {left:?}"));
        }
    }
    Ok(outcome)
}

/// Returns `true` if main holds the draft's bytes, and `false` if it is unchanged.
async fn is_in_main(cell: &Cell, kind: Kind) -> Result<bool, String> {
    let keys = cell.main_keys().await;
    if keys.is_empty() && kind != Kind::Overwrite {
        return Ok(false);
    }
    if keys != [NAME] {
        return Err(format!("main holds {keys:?}"));
    }
    match cell.main_bytes(NAME).await {
        bytes if bytes == BYTES => Ok(true),
        bytes if bytes == OLD && kind == Kind::Overwrite => Ok(false),
        _ => Err("main holds other bytes".to_owned()),
    }
}

async fn remains(cell: &Cell) -> Result<Remains, String> {
    let has_note = cell.draft_keys().await.iter().any(|key| key.starts_with(NOTES));
    let uploads = cell.main_uploads().await;
    match (has_note, uploads.is_empty()) {
        (false, true) => Ok(Remains::Nothing),
        (true, true) => Ok(Remains::Note),
        (true, false) => Ok(Remains::NoteAndUpload),
        (false, false) => Err(format!("no note tells of the uploads in main: {uploads:?}")),
    }
}
