//! `draftctl restore NAME`

use draftstore_proto::v1::RestoreVersionRequest;

use crate::cli::RestoreArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;

pub(super) async fn run(context: &Context, restore: RestoreArgs) -> Result<(), CommandError> {
    let request = RestoreVersionRequest {
        object_name: restore.object_name.clone(),
        version_id: restore.version,
        if_match: restore.if_match,
        destination: restore.at,
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.restore_version(request).await;
    let response = server.call(&context.output, request, call).await;
    let response = response.map_err(|error| error.about_object(&restore.object_name))?;
    let what = if response.replayed {
        "is the current version"
    } else {
        "restored"
    };
    context.output.result(
        &response,
        &format!("{}: {what}, ETag {}", restore.object_name, response.etag),
    )
}
