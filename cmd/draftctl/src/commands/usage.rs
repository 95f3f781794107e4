//! `draftctl usage`

use draftstore_proto::v1::{GetUsageRequest, Stage};

use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::{HumanSize, HumanTime};

/// Prints pages as they arrive.
pub(super) async fn run(context: &Context) -> Result<(), CommandError> {
    let get = async |mut client: GrpcClient, request| client.get_usage(request).await;
    let mut page_token = None;
    loop {
        let request = GetUsageRequest {
            page_size: None,
            page_token: page_token.clone(),
        };
        let page = context.server().await?.call(&context.output, request, get).await?;
        if page_token.is_none() {
            let counted = page.counted_from.map(HumanTime).map(|when| when.to_string());
            let more = if page.is_complete { "" } else { ", without some tenants" };
            let counted = counted.unwrap_or_default();
            context.output.notice(&format!("counted since {counted}{more}"));
        }
        for usage in page.usage {
            let stage = match usage.stage() {
                Stage::Draft => "draft",
                Stage::Main | Stage::Unspecified => "main",
            };
            let bucket = usage.bucket.as_ref().map(|bucket| format!("  in {bucket}"));
            let text = format!(
                "{:>10}  {:>12}  {stage:5}  {:20}  {}{}",
                HumanSize(usage.bytes),
                usage.objects,
                usage.storage_class.as_deref().unwrap_or_default(),
                usage.tenant,
                bucket.unwrap_or_default()
            );
            context.output.result(&usage, &text)?;
        }
        page_token = page.next_page_token;
        if page_token.is_none() {
            return Ok(());
        }
    }
}
