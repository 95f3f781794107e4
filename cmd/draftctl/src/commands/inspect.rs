//! `draftctl inspect NAME`

use std::fmt::Write as _;

use draftstore_proto::v1::{DraftState, InspectDraftRequest, InspectDraftResponse};

use crate::cli::DraftArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::{HumanSize, HumanTime};

pub(super) async fn run(context: &Context, draft: DraftArgs) -> Result<(), CommandError> {
    let request = InspectDraftRequest {
        object_name: draft.object_name.clone(),
        draft_id: draft.draft_id,
    };
    let server = context.server().await?;
    let inspect = async |mut client: crate::client::GrpcClient, request| client.inspect_draft(request).await;
    let inspected = server.call(&context.output, request, inspect).await;
    let draft = inspected.map_err(|failure| failure.about_object(&draft.object_name))?;
    context.output.result(&draft, &text(&draft))
}

fn text(draft: &InspectDraftResponse) -> String {
    let mut text = format!("object name   {}", draft.object_name);
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{name:<13} {value}");
    };
    if let Some(draft_id) = &draft.draft_id {
        row("draft ID", draft_id);
    }
    if draft.state() == DraftState::Waiting {
        row("state", "waiting for its upload");
    } else {
        row("ETag", &draft.etag);
        row("size", &format!("{} ({} bytes)", HumanSize(draft.size), draft.size));
    }
    if let Some(content_type) = &draft.content_type {
        row("content type", content_type);
    }
    for (name, value) in [
        ("cache control", &draft.cache_control),
        ("disposition", &draft.content_disposition),
        ("encoding", &draft.content_encoding),
        ("language", &draft.content_language),
        ("expires", &draft.expires),
    ] {
        if let Some(value) = value {
            row(name, value);
        }
    }
    for (name, value) in &draft.dropped {
        row("not kept", &format!("{name}: {value}"));
    }
    if let Some(checksum) = &draft.checksum_sha256 {
        row("SHA-256", checksum);
    }
    for (name, value) in &draft.metadata {
        row("metadata", &format!("{name}={value}"));
    }
    if let Some(expires_at) = draft.expires_at {
        row("expires at", &HumanTime(expires_at).to_string());
    }
    if let Some(checks) = &draft.checks {
        for line in super::check::lines(checks) {
            row("checks", &line);
        }
    }
    text
}
