//! `draftctl confirm NAME`

use draftstore_proto::v1::{ConfirmUploadRequest, ConfirmUploadResponse};

use crate::cli::Confirm;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Size;
use crate::server::Stub;

pub(super) async fn run(context: &Context, confirm: Confirm) -> Result<(), Failure> {
    let request = ConfirmUploadRequest {
        object_name: confirm.draft.object_name,
        if_match: confirm.if_match,
        draft_id: confirm.draft.draft_id,
        destination_name: confirm.destination,
        content_length: confirm.content_length,
        checksum_sha256: confirm.checksum_sha256,
        overwrite: confirm.overwrite,
        overwrite_if_match: confirm.overwrite_if_match,
        idempotency_key: confirm.idempotency_key,
    };
    let server = context.server().await?;
    let confirm = async |mut stub: Stub, request| stub.confirm_upload(request).await;
    let confirmed = server.call(&context.output, request, confirm).await?;
    context.output.result(&confirmed, &text(&confirmed))
}

fn text(confirmed: &ConfirmUploadResponse) -> String {
    let ConfirmUploadResponse {
        final_location,
        size,
        etag,
        replayed,
        ..
    } = confirmed;
    let already = if *replayed { ", earlier" } else { "" };
    format!("{final_location}: confirmed{already}, {}, ETag {etag}", Size(*size))
}
