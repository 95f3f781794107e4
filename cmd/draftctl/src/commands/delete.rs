//! `draftctl delete NAME…`

use draftstore_proto::v1::delete_outcome::Outcome;
use draftstore_proto::v1::{
    BatchDeleteObjectsRequest, DeleteObjectRequest, DeleteObjectResponse, DeleteVersionRequest, UploadError,
};
use serde::Serialize;
use tonic::Code;

use crate::cli::DeleteArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::{HumanTime, OfObject};

/// The maximum number of objects of one call.
const MAX_TOGETHER: usize = 1_000;

/// Deletes confirmed objects, or a version of one. An object that does not exist is not an error.
pub(super) async fn run(context: &Context, objects: DeleteArgs) -> Result<Exit, CommandError> {
    let at = objects.at;
    match (objects.object_names.as_slice(), objects.version) {
        ([name], Some(version_id)) => one_version(context, name, version_id, at).await,
        ([name], None) => one(context, name, objects.if_match, at).await,
        (names, None) if objects.if_match.is_none() => many(context, names, at).await,
        _ => {
            let message = "--if-match and --version are for a single object";
            Err(CommandError::new("INVALID_ARGUMENTS", Exit::Usage, message))
        }
    }
}

async fn one(
    context: &Context,
    name: &str,
    if_match: Option<String>,
    destination: Option<String>,
) -> Result<Exit, CommandError> {
    let request = DeleteObjectRequest {
        object_name: name.to_owned(),
        if_match,
        destination,
    };
    let server = context.server().await?;
    let delete = async |mut client: GrpcClient, request| client.delete_object(request).await;
    let deleted = server.call(&context.output, request, delete).await;
    let deleted = deleted.map_err(|error| error.about_object(name))?;
    print(context, name, &deleted, &text(name, &deleted))?;
    Ok(Exit::Success)
}

async fn one_version(
    context: &Context,
    name: &str,
    version_id: String,
    destination: Option<String>,
) -> Result<Exit, CommandError> {
    let request = DeleteVersionRequest {
        object_name: name.to_owned(),
        version_id,
        destination,
    };
    let server = context.server().await?;
    let delete = async |mut client: GrpcClient, request| client.delete_version(request).await;
    // The call is idempotent, and does not say if there was such a version.
    let text = format!("{name}: no version {} any more", request.version_id);
    let deleted = server.call(&context.output, request, delete).await;
    let deleted = deleted.map_err(|error| error.about_object(name))?;
    print(context, name, &deleted, &text)?;
    Ok(Exit::Success)
}

/// Prints the outcome of each. One that fails does not keep the others.
async fn many(context: &Context, names: &[String], at: Option<String>) -> Result<Exit, CommandError> {
    let server = context.server().await?;
    let delete = async |mut client: GrpcClient, request| client.batch_delete_objects(request).await;
    let mut exit = Exit::Success;
    for names in names.chunks(MAX_TOGETHER) {
        let object = |name: &String| DeleteObjectRequest {
            object_name: name.clone(),
            if_match: None,
            destination: at.clone(),
        };
        let request = BatchDeleteObjectsRequest {
            objects: names.iter().map(object).collect(),
        };
        let response = server.call(&context.output, request, delete).await?;
        for (name, outcome) in names.iter().zip(response.outcomes) {
            match outcome.outcome {
                Some(Outcome::Deleted(deleted)) => print(context, name, &deleted, &text(name, &deleted))?,
                Some(Outcome::Error(error)) => {
                    exit = Exit::SomeFailed;
                    context.output.failure(&failure(error), Some(name));
                }
                None => return Err(CommandError::unexpected_response("an object has no outcome")),
            }
        }
    }
    Ok(exit)
}

/// Prints the result for an object, which the server's response does not name.
fn print(context: &Context, object_name: &str, result: &impl Serialize, text: &str) -> Result<(), CommandError> {
    context.output.result(&OfObject { object_name, result }, text)
}

fn text(name: &str, deleted: &DeleteObjectResponse) -> String {
    let what = match (deleted.deleted, deleted.can_be_undone, deleted.undo_until) {
        (false, _, _) => "no object to delete".to_owned(),
        (true, false, _) => "deleted".to_owned(),
        (true, true, Some(until)) => format!("deleted; the store keeps the version until {}", HumanTime(until)),
        (true, true, None) if deleted.undo_until_unknown => {
            "deleted; the store keeps the version, and it is not known how long".to_owned()
        }
        (true, true, None) => "deleted; the store keeps the version until it is deleted".to_owned(),
    };
    format!("{name}: {what}")
}

fn failure(error: UploadError) -> CommandError {
    let exit = Exit::of(Code::from_i32(error.grpc_code), Some(&error.reason));
    CommandError::new(&error.reason, exit, error.message)
}
