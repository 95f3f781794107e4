//! `draftctl copy NAME DESTINATION`, `draftctl move NAME DESTINATION`

use draftstore_proto::v1::{CopyObjectRequest, MoveObjectRequest};

use crate::cli::TransferArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;

pub(super) async fn copy(context: &Context, copy: TransferArgs) -> Result<(), CommandError> {
    let request = CopyObjectRequest {
        object_name: copy.object_name.clone(),
        destination_name: copy.destination,
        if_match: copy.if_match,
        overwrite: copy.overwrite,
        overwrite_if_match: copy.overwrite_if_match,
        idempotency_key: copy.idempotency_key,
        storage_options: copy.options.message(),
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.copy_object(request).await;
    let made = server.call(&context.output, request, call).await?;
    let text = text(
        &copy.object_name,
        "copied",
        &made.object_name,
        made.replayed,
        &made.etag,
    );
    context.output.result(&made, &text)
}

pub(super) async fn rename(context: &Context, transfer: TransferArgs) -> Result<(), CommandError> {
    let request = MoveObjectRequest {
        object_name: transfer.object_name.clone(),
        destination_name: transfer.destination,
        if_match: transfer.if_match,
        overwrite: transfer.overwrite,
        overwrite_if_match: transfer.overwrite_if_match,
        idempotency_key: transfer.idempotency_key,
        storage_options: transfer.options.message(),
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.move_object(request).await;
    let made = server.call(&context.output, request, call).await?;
    let text = text(
        &transfer.object_name,
        "moved",
        &made.object_name,
        made.replayed,
        &made.etag,
    );
    context.output.result(&made, &text)
}

fn text(from: &str, what: &str, to: &str, replayed: bool, etag: &str) -> String {
    let already = if replayed { " (by an earlier request)" } else { "" };
    format!("{from}: {what} to {to}{already}, ETag {etag}")
}
