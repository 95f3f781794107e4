//! The contract's calls as routes: one table, from which the router is made.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::routing::post;
use axum::{Extension, Router};
use draftstore_proto::v1;
use draftstore_service::{Caller, Scope};

use super::message::{Message, Reply};
use super::problem::Problem;
use crate::Api;

/// A confirm's `idempotency_key`, where the message has none. Source: the IETF's draft of the same name.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A call of the contract, by POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its name in the contract's service.
    pub rpc: &'static str,
    /// Its path.
    pub path: &'static str,
    /// What its caller must be allowed to do: one of these is enough. Checked behind the gate, by what the call does.
    pub scopes: &'static [Scope],
}

macro_rules! routes {
    ($($rpc:literal $path:literal $($scope:ident)|+ => $handler:expr;)*) => {
        /// Every call of the contract.
        pub const ROUTES: &[Route] = &[$(Route { rpc: $rpc, path: $path, scopes: &[$(Scope::$scope),+] }),*];

        /// Their router.
        pub(super) fn router() -> Router<Api> {
            Router::new()$(.route($path, post($handler)))*
        }
    };
}

/// The handler of a call whose message is all that it needs.
macro_rules! call {
    ($method:ident) => {
        |State(api): State<Api>, Extension(caller): Extension<Arc<Caller>>, Message(request)| async move {
            api.$method(&caller, request).await.map(Reply).map_err(Problem::from)
        }
    };
}

routes! {
    "CreateDraftBucket" "/api/v1/draft-bucket" Admin => call!(create_draft_bucket);
    "GetUploadURL" "/api/v1/upload-url" Upload => call!(get_upload_url);
    "BatchGetUploadURLs" "/api/v1/upload-urls" Upload => call!(batch_get_upload_urls);
    "GetDownloadURL" "/api/v1/download-url" Download => call!(get_download_url);
    "ConfirmUpload" "/api/v1/confirm-upload" Confirm => confirm_upload;
    "BatchConfirmUploads" "/api/v1/confirm-uploads" Confirm => call!(batch_confirm_uploads);
    "InspectDraft" "/api/v1/inspect-draft" Inspect => call!(inspect_draft);
    "DiscardDraft" "/api/v1/discard-draft" Discard => call!(discard_draft);
    "ListDrafts" "/api/v1/list-drafts" Inspect => call!(list_drafts);
    "ListObjects" "/api/v1/list-objects" Inspect => call!(list_objects);
    "CreateMultipartUpload" "/api/v1/multipart/create" Upload => call!(create_multipart_upload);
    "SignParts" "/api/v1/multipart/sign-parts" Upload => call!(sign_parts);
    "ListParts" "/api/v1/multipart/list-parts" Upload => call!(list_parts);
    "CompleteMultipartUpload" "/api/v1/multipart/complete" Upload => call!(complete_multipart_upload);
    "AbortMultipartUpload" "/api/v1/multipart/abort" Upload => call!(abort_multipart_upload);
    "CreateTicket" "/api/v1/tickets" Confirm | Admin => call!(create_ticket);
}

async fn confirm_upload(
    State(api): State<Api>,
    Extension(caller): Extension<Arc<Caller>>,
    headers: HeaderMap,
    Message(mut request): Message<v1::ConfirmUploadRequest>,
) -> Result<Reply<v1::ConfirmUploadResponse>, Problem> {
    if request.idempotency_key.is_none() {
        let key = headers.get(IDEMPOTENCY_KEY);
        request.idempotency_key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    }
    Ok(Reply(api.confirm_upload(&caller, request).await?))
}
