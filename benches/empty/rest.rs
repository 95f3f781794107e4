//! The REST call, implemented like the examples of axum.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use draftstore_proto::v1;

/// Returns a router with only the measured route.
pub(crate) fn router(response: v1::GetUploadUrlResponse) -> Router {
    Router::new()
        .route("/api/v1/upload-url", post(upload_url))
        .with_state(response)
}

/// The handler of the measured route.
pub(crate) async fn upload_url(
    State(response): State<v1::GetUploadUrlResponse>,
    Json(_): Json<v1::GetUploadUrlRequest>,
) -> Json<v1::GetUploadUrlResponse> {
    Json(response)
}
