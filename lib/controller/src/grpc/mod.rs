//! The gRPC front: `draft.v1.DraftService`, health, and reflection, in gRPC and in gRPC-Web.

mod codec;
mod reflection;
mod service;
mod status;

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, Method, Version, header};
use axum::response::Response;
use draftstore_connections::Arrival;
use draftstore_proto::v1::draft_service_server::SERVICE_NAME;
use futures::future::BoxFuture;
use tonic::codec::CompressionEncoding;
use tonic::service::RoutesBuilder;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::util::BoxCloneSyncService;
use tower::{Layer as _, ServiceExt as _};

use self::reflection::reflection;
use self::service::GrpcService;
pub(crate) use self::status::error_response;
use crate::audit::REQUEST_ID;
use crate::gate::{Gate, RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::middleware::{self, Cors, Service, cors, is_of_a_page};
use crate::{Api, Readiness};

/// The request headers that gRPC-Web clients send from a page of another origin.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>
const WEB_REQUEST_HEADERS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::AUTHORIZATION,
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
    HeaderName::from_static("grpc-timeout"),
    REQUEST_ID,
];

/// The response headers that gRPC-Web clients read. An error without a body is in headers only.
const WEB_RESPONSE_HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    REQUEST_ID,
];

/// The maximum size of a message of health and reflection, in bytes: a name and a few numbers.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;
/// The compression of requests and, for clients that accept it, of responses.
const GZIP: CompressionEncoding = CompressionEncoding::Gzip;

/// Returns the service of the port: the contract's calls behind the gate, `grpc.health.v1` from the readiness, and reflection in
/// `v1` and, for older clients, `v1alpha`.
///
/// # Errors
/// An error if the built-in descriptors cannot be decoded, which is a bug.
pub async fn service(
    api: Api,
    gate: Gate,
    readiness: Readiness,
    reflects: bool,
) -> Result<impl Service, tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    report(&reporter, ServingStatus::NotServing).await;
    tokio::spawn(async move {
        loop {
            readiness.wait_until_ready_is(true).await;
            report(&reporter, ServingStatus::Serving).await;
            readiness.wait_until_ready_is(false).await;
            report(&reporter, ServingStatus::NotServing).await;
        }
    });
    let mut others = RoutesBuilder::default();
    let health = health.max_decoding_message_size(MAX_MESSAGE_BYTES);
    others.add_service(health.accept_compressed(GZIP).send_compressed(GZIP));
    if reflects {
        let v1 = reflection()?.build_v1()?.max_decoding_message_size(MAX_MESSAGE_BYTES);
        let v1alpha = reflection()?
            .build_v1alpha()?
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        others
            .add_service(v1.accept_compressed(GZIP).send_compressed(GZIP))
            .add_service(v1alpha.accept_compressed(GZIP).send_compressed(GZIP));
    }
    Ok(GrpcService {
        api,
        gate,
        others: others.routes().into_axum_router(),
    })
}

/// Returns the handler of the port: the service wrapped in the middleware. Web pages of `origins` may call it with gRPC-Web,
/// over HTTP/1.1 or HTTP/2.
pub fn handler(
    service: impl Service,
    allowed: &Cors,
) -> impl Fn(Arrival) -> BoxFuture<'static, Response> + Send + Sync + 'static {
    let cors = cors(allowed, &[Method::POST], &WEB_REQUEST_HEADERS, &WEB_RESPONSE_HEADERS);
    let web = move |service: BoxCloneSyncService<Request, Response, Infallible>| {
        let service = service.map_request(|request: http::Request<tonic::body::Body>| request.map(Body::new));
        cors.layer(GrpcWebLayer::new().layer(service))
    };
    middleware::handler(service, error_response, web, |request| {
        request.version() != Version::HTTP_2 || is_of_a_page(request) || is_grpc_web(request)
    })
}

/// Returns whether the request uses gRPC-Web, which some clients also speak outside of browsers.
fn is_grpc_web(request: &Request) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web"))
}

/// Reports the status of the whole server (the empty name) and of the service.
async fn report(reporter: &HealthReporter, status: ServingStatus) {
    for service in ["", SERVICE_NAME] {
        reporter.set_service_status(service, status).await;
    }
}
