//! `draftctl check NAME`

use std::time::Duration;

use draftstore_proto::v1::{CheckDraftRequest, CheckState, DraftChecks};

use crate::cli::DraftArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanTime;

/// The pause between two calls. The server itself waits for quick checks.
const PAUSE: Duration = Duration::from_secs(1);

/// Checks a draft, and waits for the verdict.
pub(super) async fn run(context: &Context, draft: DraftArgs) -> Result<Exit, CommandError> {
    let server = context.server().await?;
    loop {
        let request = CheckDraftRequest {
            object_name: draft.object_name.clone(),
            draft_id: draft.draft_id.clone(),
        };
        let check = async |mut client: GrpcClient, request| client.check_draft(request).await;
        let checked = server.call(&context.output, request, check).await;
        let checked = checked.map_err(|failure| failure.about_object(&draft.object_name))?;
        let state = checked.checks.as_ref().map(DraftChecks::state);
        if matches!(state, Some(CheckState::Uploaded | CheckState::Checking)) {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        let lines = checked
            .checks
            .as_ref()
            .map_or_else(|| vec!["no checks".to_owned()], lines);
        let text = format!("{}: {}", draft.object_name, lines.join("\n  "));
        context.output.result(&checked, &text)?;
        return Ok(if state == Some(CheckState::Rejected) {
            Exit::ChecksFailed
        } else {
            Exit::Success
        });
    }
}

/// Returns the state of the checks, and each reason of a rejection on a line of its own.
pub(super) fn lines(checks: &DraftChecks) -> Vec<String> {
    let state = match checks.state() {
        CheckState::Accepted => match &checks.content_type {
            Some(content_type) => format!("accepted as {content_type}"),
            None => "accepted".to_owned(),
        },
        CheckState::Rejected => "rejected".to_owned(),
        CheckState::Checking => {
            let running = checks.running.join(", ");
            match checks.checking_since {
                Some(since) => format!("checking ({running}) since {}", HumanTime(since)),
                None => format!("checking ({running})"),
            }
        }
        CheckState::Uploaded => "not checked yet".to_owned(),
        CheckState::Unspecified => "unknown".to_owned(),
    };
    let reasons = checks.reasons.iter();
    let reasons = reasons.map(|reason| format!("{}: {} ({})", reason.check, reason.detail, reason.code));
    std::iter::once(state).chain(reasons).collect()
}
