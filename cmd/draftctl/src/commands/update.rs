//! `draftctl update NAME`

use draftstore_proto::v1::UpdateObjectRequest;

use crate::cli::UpdateArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;

pub(super) async fn run(context: &Context, update: UpdateArgs) -> Result<(), CommandError> {
    let request = UpdateObjectRequest {
        object_name: update.object_name.clone(),
        if_match: update.if_match,
        content_type: update.content_type,
        cache_control: update.headers.cache_control,
        content_disposition: update.headers.content_disposition,
        content_encoding: update.headers.content_encoding,
        content_language: update.headers.content_language,
        expires: update.headers.expires,
        metadata: update.metadata.into_iter().collect(),
        storage_options: update.options.message(),
        remove: update.remove,
        version_id: update.version,
        destination: update.at,
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.update_object(request).await;
    let made = server.call(&context.output, request, call).await;
    let made = made.map_err(|error| error.about_object(&update.object_name))?;
    let what = if made.replayed { "is up to date" } else { "updated" };
    context
        .output
        .result(&made, &format!("{}: {what}, ETag {}", update.object_name, made.etag))
}
