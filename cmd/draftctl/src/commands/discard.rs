//! `draftctl discard NAME`

use draftstore_proto::v1::DiscardDraftRequest;

use crate::cli::Draft;
use crate::context::Context;
use crate::failure::Failure;
use crate::server::Stub;

/// A draft that is not there is no failure: it is as it should be.
pub(super) async fn run(context: &Context, draft: Draft) -> Result<(), Failure> {
    let request = DiscardDraftRequest {
        object_name: draft.object_name.clone(),
        draft_id: draft.draft_id,
    };
    let server = context.server().await?;
    let discard = async |mut stub: Stub, request| stub.discard_draft(request).await;
    let answer = server.call(&context.output, request, discard).await?;
    let what = if answer.discarded {
        "discarded"
    } else {
        "there was no draft"
    };
    context
        .output
        .result(&answer, &format!("{}: {what}", draft.object_name))
}
