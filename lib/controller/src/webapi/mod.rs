//! The REST front: the contract's messages as JSON, `snake_case`.

mod health;
mod message;
mod problem;
mod uppy;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::routing::{get, post};
use draftstore_proto::v1;
use draftstore_service::AllowedOrigins;
use tower_http::set_header::SetResponseHeaderLayer;

use self::message::{Message, Reply};
use self::problem::Problem;
use crate::cors::cors;
use crate::observe::{REQUEST_ID, observed};
use crate::{Api, Readiness};

/// A confirm's `idempotency_key`, where the message has none. Source: the IETF's draft of the same name.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What pages of other origins may do here, by which methods,
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::DELETE];

/// with which headers,
const CALLER_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::AUTHORIZATION, IDEMPOTENCY_KEY, REQUEST_ID];

/// and which headers of the answer they see.
const ANSWER_HEADERS: [HeaderName; 2] = [header::RETRY_AFTER, REQUEST_ID];

/// The handler of a call whose message is all that it needs.
macro_rules! call {
    ($method:ident) => {
        post(|State(api): State<Api>, Message(request)| async move {
            api.$method(request).await.map(Reply).map_err(Problem::from)
        })
    };
}

/// All routes of the port.
pub fn router(api: Api, origins: &AllowedOrigins, readiness: Readiness) -> Router {
    let no_store = HeaderValue::from_static("no-store");
    let nosniff = HeaderValue::from_static("nosniff");
    let router = Router::new()
        .route("/health", get(health::live))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready).with_state(readiness))
        .route("/api/v1/draft-bucket", call!(create_draft_bucket))
        .route("/api/v1/upload-url", call!(get_upload_url))
        .route("/api/v1/upload-urls", call!(batch_get_upload_urls))
        .route("/api/v1/download-url", call!(get_download_url))
        .route("/api/v1/confirm-upload", post(confirm_upload))
        .route("/api/v1/confirm-uploads", call!(batch_confirm_uploads))
        .route("/api/v1/inspect-draft", call!(inspect_draft))
        .route("/api/v1/discard-draft", call!(discard_draft))
        .route("/api/v1/list-drafts", call!(list_drafts))
        .route("/api/v1/list-objects", call!(list_objects))
        .route("/api/v1/multipart/create", call!(create_multipart_upload))
        .route("/api/v1/multipart/sign-parts", call!(sign_parts))
        .route("/api/v1/multipart/list-parts", call!(list_parts))
        .route("/api/v1/multipart/complete", call!(complete_multipart_upload))
        .route("/api/v1/multipart/abort", call!(abort_multipart_upload))
        .nest("/uppy", uppy::router())
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(api)
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            nosniff,
        ))
        .layer(cors(origins, &METHODS, &CALLER_HEADERS, &ANSWER_HEADERS));
    observed(router)
}

async fn confirm_upload(
    State(api): State<Api>,
    headers: HeaderMap,
    Message(mut request): Message<v1::ConfirmUploadRequest>,
) -> Result<Reply<v1::ConfirmUploadResponse>, Problem> {
    if request.idempotency_key.is_none() {
        let key = headers.get(IDEMPOTENCY_KEY);
        request.idempotency_key = key.map(|key| String::from_utf8_lossy(key.as_bytes()).into_owned());
    }
    Ok(Reply(api.confirm_upload(request).await?))
}

async fn no_route(request: Request) -> Problem {
    Problem::no_route(request.uri().path())
}

async fn wrong_method(request: Request) -> Problem {
    Problem::wrong_method(request.method())
}
