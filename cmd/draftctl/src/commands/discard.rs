//! `draftctl discard NAME`

use draftstore_proto::v1::DiscardDraftRequest;

use crate::cli::DraftArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;

/// Deletes a draft. A draft that does not exist is not an error.
pub(super) async fn run(context: &Context, draft: DraftArgs) -> Result<(), CommandError> {
    let request = DiscardDraftRequest {
        object_name: draft.object_name.clone(),
        draft_id: draft.draft_id,
    };
    let server = context.server().await?;
    let discard = async |mut client: GrpcClient, request| client.discard_draft(request).await;
    let response = server.call(&context.output, request, discard).await;
    let response = response.map_err(|failure| failure.about_object(&draft.object_name))?;
    let what = if response.discarded {
        "discarded"
    } else {
        "no draft to discard"
    };
    context
        .output
        .result(&response, &format!("{}: {what}", draft.object_name))
}
