//! `draftctl unarchive NAME`

use draftstore_proto::v1::{RestoreObjectRequest, RestoreTier};

use crate::cli::UnarchiveArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::HumanTime;

pub(super) async fn run(context: &Context, unarchive: UnarchiveArgs) -> Result<(), CommandError> {
    let tier = if unarchive.bulk {
        RestoreTier::Bulk
    } else {
        RestoreTier::Unspecified
    };
    let request = RestoreObjectRequest {
        object_name: unarchive.object_name.clone(),
        version_id: unarchive.version,
        days: unarchive.days,
        tier: tier.into(),
        destination: unarchive.at,
    };
    let server = context.server().await?;
    let call = async |mut client: GrpcClient, request| client.restore_object(request).await;
    let response = server.call(&context.output, request, call).await?;
    let state = match &response.archive {
        None => "not archived".to_owned(),
        Some(archive) => match archive.readable_until {
            Some(until) => format!("readable until {}", HumanTime(until)),
            None => "being restored".to_owned(),
        },
    };
    context
        .output
        .result(&response, &format!("{}: {state}", unarchive.object_name))
}
