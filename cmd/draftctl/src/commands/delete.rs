//! `draftctl delete NAME`

use draftstore_proto::v1::DeleteObjectRequest;

use crate::cli::DeleteArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;

/// Deletes a confirmed object. An object that does not exist is not an error.
pub(super) async fn run(context: &Context, object: DeleteArgs) -> Result<(), CommandError> {
    let request = DeleteObjectRequest {
        object_name: object.object_name.clone(),
        if_match: object.if_match,
    };
    let server = context.server().await?;
    let delete = async |mut client: GrpcClient, request| client.delete_object(request).await;
    let response = server.call(&context.output, request, delete).await?;
    let what = match (response.deleted, response.can_be_undone) {
        (false, _) => "no object to delete",
        (true, false) => "deleted",
        (true, true) => "deleted; the store keeps its versions",
    };
    context
        .output
        .result(&response, &format!("{}: {what}", object.object_name))
}
