//! `draftctl versions NAME`

use draftstore_proto::v1::ListVersionsRequest;

use crate::cli::VersionsArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::{HumanSize, HumanTime};

/// Prints pages as they arrive.
pub(super) async fn run(context: &Context, object: VersionsArgs) -> Result<(), CommandError> {
    let list = async |mut client: GrpcClient, request| client.list_versions(request).await;
    let mut page_token = None;
    loop {
        let request = ListVersionsRequest {
            object_name: object.object_name.clone(),
            page_size: None,
            page_token,
            destination: object.at.clone(),
        };
        let page = context.server().await?.call(&context.output, request, list).await;
        let page = page.map_err(|error| error.about_object(&object.object_name))?;
        for version in page.versions {
            let size = version
                .size
                .map_or_else(|| "deleted".to_owned(), |size| HumanSize(size).to_string());
            let created = version.created_at.map(HumanTime).map(|when| when.to_string());
            let current = if version.is_current { "  current" } else { "" };
            let text = format!(
                "{size:>10}  {:20}  {}{current}",
                created.unwrap_or_default(),
                version.version_id
            );
            context.output.result(&version, &text)?;
        }
        page_token = page.next_page_token;
        if page_token.is_none() {
            return Ok(());
        }
    }
}
