//! The REST call, implemented like the examples of axum.

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::handler::Handler as _;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use draftstore_connections::PortRefusal;
use draftstore_controller::{Gate, Refusal, Service};
use draftstore_proto::v1;

use crate::BOUNDS;

/// Returns a router with only the measured route.
pub(crate) fn router(response: v1::GetUploadUrlResponse) -> Router {
    Router::new()
        .route("/api/v1/upload-url", post(upload_url))
        .with_state(response)
}

/// The handler behind the gate.
pub(crate) struct Guarded {
    pub(crate) gate: Gate,
    pub(crate) response: v1::GetUploadUrlResponse,
}

impl Service for Guarded {
    async fn call(&self, request: Request) -> Response {
        let handler = |_, request: http::Request<Bytes>| {
            let request = request.map(Body::from);
            upload_url.call(request, self.response.clone())
        };
        let refuse = |refusal: Refusal| refusal.to_string().into_response();
        self.gate.call(request, BOUNDS, refuse, handler).await
    }

    fn refused(&self, _: &Request, refusal: PortRefusal) -> Response {
        Refusal::from(refusal).to_string().into_response()
    }
}

/// The handler of the measured route.
async fn upload_url(
    State(response): State<v1::GetUploadUrlResponse>,
    Json(_): Json<v1::GetUploadUrlRequest>,
) -> Json<v1::GetUploadUrlResponse> {
    Json(response)
}
