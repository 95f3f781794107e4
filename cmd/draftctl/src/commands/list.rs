//! `draftctl list`

use draftstore_proto::v1::{ListDraftsRequest, ListObjectsRequest};
use serde_json::json;

use crate::cli::ListArgs;
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::{HumanSize, HumanTime};

/// Prints pages as they arrive.
pub(super) async fn run(context: &Context, list: ListArgs) -> Result<(), CommandError> {
    if list.confirmed {
        objects(context, list).await
    } else {
        drafts(context, list.prefix, list.newest_first).await
    }
}

async fn drafts(context: &Context, prefix: Option<String>, newest_first: bool) -> Result<(), CommandError> {
    let list = async |mut client: GrpcClient, request| client.list_drafts(request).await;
    let mut page_token = None;
    loop {
        let request = ListDraftsRequest {
            page_size: None,
            page_token,
            prefix: prefix.clone(),
            newest_first,
        };
        let page = context.server().await?.call(&context.output, request, list).await?;
        for draft in page.drafts {
            let expires = draft.expires_at.map(HumanTime).map(|when| when.to_string());
            let text = format!(
                "{:>10}  {:20}  {:26}  {}",
                HumanSize(draft.size),
                expires.unwrap_or_default(),
                draft.draft_id.as_deref().unwrap_or("-"),
                draft.object_name
            );
            context.output.result(&draft, &text)?;
        }
        page_token = page.next_page_token;
        if page_token.is_none() {
            return Ok(());
        }
    }
}

async fn objects(context: &Context, asked: ListArgs) -> Result<(), CommandError> {
    let list = async |mut client: GrpcClient, request| client.list_objects(request).await;
    let mut page_token = None;
    loop {
        let request = ListObjectsRequest {
            page_size: None,
            page_token,
            prefix: asked.prefix.clone(),
            destination: asked.at.clone(),
            delimiter: asked.folders.then(|| "/".to_owned()),
            content_type: asked.content_type.clone(),
            tags: asked.tag.iter().cloned().collect(),
            ..ListObjectsRequest::default()
        };
        let page = context.server().await?.call(&context.output, request, list).await?;
        for folder in page.folders {
            let text = format!("{:>10}  {:20}  {folder}", "-", "");
            context.output.result(&json!({ "folder": folder }), &text)?;
        }
        for object in page.objects {
            let confirmed = object.confirmed_at.map(HumanTime).map(|when| when.to_string());
            let text = format!(
                "{:>10}  {:20}  {}",
                HumanSize(object.size),
                confirmed.unwrap_or_default(),
                object.object_name
            );
            context.output.result(&object, &text)?;
        }
        page_token = page.next_page_token;
        if page_token.is_none() {
            return Ok(());
        }
    }
}
