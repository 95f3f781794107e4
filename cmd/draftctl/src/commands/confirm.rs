//! `draftctl confirm NAME`

use draftstore_proto::v1::{ConfirmUploadRequest, ConfirmUploadResponse};

use crate::cli::ConfirmArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::HumanSize;

pub(super) async fn run(context: &Context, confirm: ConfirmArgs) -> Result<(), CommandError> {
    let object_name = confirm.draft.object_name.clone();
    let request = ConfirmUploadRequest {
        object_name: confirm.draft.object_name,
        if_match: confirm.if_match,
        draft_id: confirm.draft.draft_id,
        destination_name: confirm.destination,
        destination: confirm.at,
        content_length: confirm.content_length,
        checksum_sha256: confirm.checksum_sha256,
        overwrite: confirm.overwrite,
        overwrite_if_match: confirm.overwrite_if_match,
        idempotency_key: confirm.idempotency_key,
        storage_options: confirm.options.message(),
    };
    let server = context.server().await?;
    let confirm = async |mut client: GrpcClient, request| client.confirm_upload(request).await;
    let confirmed = server.call(&context.output, request, confirm).await;
    let confirmed = confirmed.map_err(|failure| failure.about_object(&object_name))?;
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
    let already = if *replayed { " (by an earlier request)" } else { "" };
    format!(
        "{final_location}: confirmed{already}, {}, ETag {etag}",
        HumanSize(*size)
    )
}
