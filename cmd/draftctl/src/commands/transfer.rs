//! `draftctl copy NAME DESTINATION`, `draftctl move NAME DESTINATION`

use draftstore_proto::v1::{CopyObjectRequest, MoveObjectRequest};

use crate::cli::TransferArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;

pub(super) async fn copy(context: &Context, copy: TransferArgs) -> Result<(), CommandError> {
    require_two_names(&copy)?;
    let request = CopyObjectRequest {
        object_name: copy.object_name.clone(),
        destination_name: copy.destination.clone(),
        destination: copy.at,
        if_match: copy.if_match,
        overwrite: copy.overwrite,
        overwrite_if_match: copy.overwrite_if_match,
        idempotency_key: copy.idempotency_key,
        storage_options: copy.options.message(),
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.copy_object(request).await;
    let made = server.call(&context.output, request, call).await;
    let made = made.map_err(|error| about(&copy.object_name, &copy.destination, error))?;
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
    require_two_names(&transfer)?;
    let request = MoveObjectRequest {
        object_name: transfer.object_name.clone(),
        destination_name: transfer.destination.clone(),
        destination: transfer.at,
        if_match: transfer.if_match,
        overwrite: transfer.overwrite,
        overwrite_if_match: transfer.overwrite_if_match,
        idempotency_key: transfer.idempotency_key,
        storage_options: transfer.options.message(),
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.move_object(request).await;
    let made = server.call(&context.output, request, call).await;
    let made = made.map_err(|error| about(&transfer.object_name, &transfer.destination, error))?;
    let text = text(
        &transfer.object_name,
        "moved",
        &made.object_name,
        made.replayed,
        &made.etag,
    );
    context.output.result(&made, &text)
}

fn require_two_names(transfer: &TransferArgs) -> Result<(), CommandError> {
    if transfer.object_name != transfer.destination {
        return Ok(());
    }
    let message = format!(
        "{}: the destination is the object itself. `draftctl update` changes an object in place",
        transfer.object_name
    );
    Err(CommandError::new("USAGE", Exit::Usage, message))
}

/// Names the object that the error is about.
fn about(name: &str, destination: &str, error: CommandError) -> CommandError {
    let is_of_destination = error.exit == Exit::AlreadyExists || error.is_about("overwrite_if_match");
    error.about_object(if is_of_destination { destination } else { name })
}

fn text(from: &str, what: &str, to: &str, replayed: bool, etag: &str) -> String {
    let already = if replayed { " (by an earlier request)" } else { "" };
    format!("{from}: {what} to {to}{already}, ETag {etag}")
}
