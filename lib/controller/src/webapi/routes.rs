//! The contract's calls as routes: one table, by which they are found and answered.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use draftstore_proto::v1;
use draftstore_service::{Caller, Scope};
use futures::future::BoxFuture;

use super::message::{Message, Reply};
use super::problem::Problem;
use crate::{Api, MAX_REQUEST_BYTES};

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
    /// How large its message may be; the gate checks it, on both ports.
    pub size: Size,
}

impl Route {
    /// That of the rpc.
    pub fn of_rpc(rpc: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.rpc == rpc)
    }

    /// Its place in [`ROUTES`].
    pub(crate) fn place_of_rpc(rpc: &str) -> Option<usize> {
        ROUTES.iter().position(|route| route.rpc == rpc)
    }

    /// The place of that of the path.
    pub(crate) fn place_of_path(path: &str) -> Option<usize> {
        ROUTES.iter().position(|route| route.path == path)
    }
}

/// A size of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// About one thing.
    One,
    /// About many. The largest sensible one completes an upload of 10,000 parts, each with its `ETag`.
    Many,
}

impl Size {
    /// At most. An object's name and metadata have some 3 KiB.
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::One => 64 * 1024,
            Self::Many => MAX_REQUEST_BYTES as u64,
        }
    }
}

macro_rules! routes {
    ($($rpc:literal $path:literal $($scope:ident)|+, $size:ident => $handler:expr;)*) => {
        /// Every call of the contract.
        pub const ROUTES: &[Route] = &[$(Route {
            rpc: $rpc,
            path: $path,
            scopes: &[$(Scope::$scope),+],
            size: Size::$size,
        }),*];

        /// What answers each of them, in their order.
        pub(super) fn answers(api: &Api) -> Vec<Answer> {
            vec![$(answer_by($handler, api)),*]
        }
    };
}

/// What answers a call.
pub(super) type Answer = Box<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// A handler as axum's router would have it.
pub(super) fn answer_by<T, S, H>(handler: H, state: &S) -> Answer
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S, Future = BoxFuture<'static, Response>>,
{
    let state = state.clone();
    Box::new(move |request| handler.clone().call(request, state.clone()))
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
    "CreateDraftBucket" "/api/v1/draft-bucket" Admin, One => call!(create_draft_bucket);
    "GetUploadURL" "/api/v1/upload-url" Upload, One => call!(get_upload_url);
    "BatchGetUploadURLs" "/api/v1/upload-urls" Upload, Many => call!(batch_get_upload_urls);
    "GetDownloadURL" "/api/v1/download-url" Download, One => call!(get_download_url);
    "ConfirmUpload" "/api/v1/confirm-upload" Confirm, One => confirm_upload;
    "BatchConfirmUploads" "/api/v1/confirm-uploads" Confirm, Many => call!(batch_confirm_uploads);
    "InspectDraft" "/api/v1/inspect-draft" Inspect, One => call!(inspect_draft);
    "DiscardDraft" "/api/v1/discard-draft" Discard, One => call!(discard_draft);
    "ListDrafts" "/api/v1/list-drafts" Inspect, One => call!(list_drafts);
    "ListObjects" "/api/v1/list-objects" Inspect, One => call!(list_objects);
    "CreateMultipartUpload" "/api/v1/multipart/create" Upload, One => call!(create_multipart_upload);
    "SignParts" "/api/v1/multipart/sign-parts" Upload, Many => call!(sign_parts);
    "ListParts" "/api/v1/multipart/list-parts" Upload, One => call!(list_parts);
    "CompleteMultipartUpload" "/api/v1/multipart/complete" Upload, Many => call!(complete_multipart_upload);
    "AbortMultipartUpload" "/api/v1/multipart/abort" Upload, One => call!(abort_multipart_upload);
    "CreateTicket" "/api/v1/tickets" Confirm | Admin, One => call!(create_ticket);
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
