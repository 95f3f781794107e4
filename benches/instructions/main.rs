//! Handles a number of equal requests for an upload URL in process, each from its head to the end of the response, and does
//! nothing else. `instructions.py` runs this twice under callgrind, and computes the difference.

use anyhow::{bail, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use draftstore_auth::Authenticator;
use draftstore_benches::{drafts, start_logging};
use draftstore_connections::Arrival;
use draftstore_controller::{Api, Cors, Gate, GateConfig, Readiness, grpc, rest};
use draftstore_proto::v1::GetUploadUrlRequest;
use draftstore_service::StoreProfile;
use http::{StatusCode, Version, header};
use http_body_util::BodyExt as _;
use prost::Message as _;
use tokio::runtime::Builder;

/// The object of all URLs.
const KEY: &str = "photos/2026/file.jpg";

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [front, calls] = arguments.as_slice() else {
        bail!("usage: instructions rest|grpc CALLS");
    };
    let calls: u32 = calls.parse()?;
    start_logging()?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let gate = Gate::new(Authenticator::none(), GateConfig::default());
        let api = Api::new(drafts().await?, gate.clone());
        let (readiness, cors) = (Readiness::new(StoreProfile::default()), Cors::default());
        match front.as_str() {
            "rest" => {
                let site = rest::Site::new(Router::new(), rest::BaseUrl::new("http"));
                let service = rest::service(api, gate, readiness, site);
                all(calls, rest::handler(service, &cors), rest_request).await
            }
            "grpc" => {
                let service = grpc::service(api, gate, readiness, false).await?;
                all(calls, grpc::handler(service, &cors), grpc_request).await
            }
            _ => bail!("unknown front {front}: use rest or grpc"),
        }
    })
}

async fn all<F: Future<Output = Response>>(
    calls: u32,
    handler: impl Fn(Arrival) -> F,
    request: fn() -> http::Result<Request>,
) -> anyhow::Result<()> {
    for _ in 0..calls {
        let response = handler(Arrival::Admitted(request()?)).await;
        ensure!(response.status() == StatusCode::OK, "answered {}", response.status());
        let body = response.into_body().collect().await?;
        let status = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
        ensure!(
            status.is_none_or(|status| status == "0"),
            "answered gRPC status {status:?}"
        );
    }
    Ok(())
}

fn rest_request() -> http::Result<Request> {
    let body = format!(r#"{{"object_name":"{KEY}"}}"#);
    Request::post("/api/v1/upload-url")
        .header(header::HOST, "127.0.0.1:8080")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONTENT_LENGTH, body.len())
        .body(Body::from(body))
}

/// The message has a prefix of five bytes: it is not compressed, and how long it is.
fn grpc_request() -> http::Result<Request> {
    let message = GetUploadUrlRequest {
        object_name: KEY.to_owned(),
        ..GetUploadUrlRequest::default()
    };
    let mut body = vec![0, 0, 0, 0, u8::try_from(message.encoded_len()).unwrap_or(u8::MAX)];
    body.extend(message.encode_to_vec());
    Request::post("http://127.0.0.1:50051/draft.v1.DraftService/GetUploadURL")
        .version(Version::HTTP_2)
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .body(Body::from(body))
}
