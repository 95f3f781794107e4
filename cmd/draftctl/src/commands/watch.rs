//! `draftctl watch NAME`

use draftstore_proto::v1::{CheckState, DraftChecks, DraftState, WatchDraftRequest, WatchDraftResponse};

use crate::cli::DraftArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanSize;

/// Prints the states of a draft. Begins the next stream where one ends early, as after a restart of the server.
pub(super) async fn run(context: &Context, draft: DraftArgs) -> Result<Exit, CommandError> {
    let server = context.server().await?;
    let mut last: Option<WatchDraftResponse> = None;
    loop {
        let request = WatchDraftRequest {
            object_name: draft.object_name.clone(),
            draft_id: draft.draft_id.clone(),
            last_state_id: last.as_ref().map(|last| last.state_id.clone()),
        };
        let watch = async |mut client: GrpcClient, request| client.watch_draft(request).await;
        let stream = server.call(&context.output, request, watch).await;
        let mut stream = stream.map_err(|failure| failure.about_object(&draft.object_name))?;
        loop {
            match stream.message().await {
                Ok(Some(state)) => {
                    context.output.result(&state, &text(&draft.object_name, &state))?;
                    last = Some(state);
                }
                Ok(None) => return Ok(exit(last.as_ref())),
                // The next call reports what it is, unless it succeeds.
                Err(status) if status.code() == tonic::Code::Unavailable => break,
                Err(status) => return Err(CommandError::from(status).about_object(&draft.object_name)),
            }
        }
    }
}

/// Returns the status for the final state: only a confirmed draft is a success.
fn exit(last: Option<&WatchDraftResponse>) -> Exit {
    match last.map(WatchDraftResponse::state) {
        Some(DraftState::Confirmed) => Exit::Success,
        Some(DraftState::Uploaded) => Exit::ChecksFailed,
        Some(DraftState::Gone | DraftState::Waiting | DraftState::Unspecified) | None => Exit::NotFound,
    }
}

fn text(name: &str, draft: &WatchDraftResponse) -> String {
    let state = match draft.state() {
        DraftState::Waiting => "waiting for its upload".to_owned(),
        DraftState::Uploaded => format!("uploaded, {}", HumanSize(draft.size())),
        DraftState::Confirmed => "confirmed".to_owned(),
        DraftState::Gone => "gone".to_owned(),
        DraftState::Unspecified => "unknown".to_owned(),
    };
    let checks = draft
        .checks
        .iter()
        .filter(|checks| checks.state() != CheckState::Unspecified);
    let checks = checks.flat_map(|checks: &DraftChecks| super::check::lines(checks));
    let lines: Vec<_> = std::iter::once(state).chain(checks).collect();
    format!("{name}: {}", lines.join("\n  "))
}
