//! The REST call, as the framework's own example would have it.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use draftstore_proto::v1;

/// The measured route alone.
pub(crate) fn router(answer: v1::GetUploadUrlResponse) -> Router {
    Router::new()
        .route("/api/v1/upload-url", post(upload_url))
        .with_state(answer)
}

/// The handler.
pub(crate) async fn upload_url(
    State(answer): State<v1::GetUploadUrlResponse>,
    Json(_): Json<v1::GetUploadUrlRequest>,
) -> Json<v1::GetUploadUrlResponse> {
    Json(answer)
}
