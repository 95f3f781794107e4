//! The gRPC front: `draft.v1.DraftService`, health, and reflection, in gRPC and in gRPC-Web.

mod draft_service;
mod status;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, Method, Version, header};
use draftstore_proto::FILE_DESCRIPTOR_SET;
use draftstore_proto::v1::draft_service_server::DraftServiceServer;
use draftstore_service::AllowedOrigins;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _};

use self::status::status;
use crate::around::{Around, answer_of, caught, is_of_a_page};
use crate::cors::cors;
use crate::gate::{Bounds, Front, RATE_LIMIT, RATE_LIMIT_POLICY, Refuse};
use crate::observe::REQUEST_ID;
use crate::webapi::Route;
use crate::{Answers, Api, Gate, MAX_REQUEST_BYTES, Readiness};

/// The headers of a request that gRPC-Web clients send from a page of another origin.
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

/// The headers of an answer that they need to see: an error without a message comes in headers alone.
const WEB_ANSWER_HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("grpc-status"),
    HeaderName::from_static("grpc-message"),
    HeaderName::from_static("grpc-status-details-bin"),
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    REQUEST_ID,
];

/// What the paths of the contract's calls begin with.
pub(crate) const CALLS: &str = "/draft.v1.DraftService/";

/// What its messages are in, and how its calls are refused.
const FRONT: Front = Front {
    // Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
    envelope: 5,
    refuse: REFUSE,
};

fn bounds_of(request: &Request) -> Option<Bounds> {
    let rpc = request.uri().path().rsplit('/').next()?;
    Route::of_rpc(rpc).map(Route::bounds)
}

/// A status alone.
pub(crate) const REFUSE: Refuse = |error| status(&error).into_http();

/// All services of the port: the contract, `grpc.health.v1`, and reflection in `v1` and `v1alpha`, which older clients
/// speak. Health is that of the readiness. Web pages of `origins` may call them by gRPC-Web, over HTTP/1.1 or HTTP/2.
///
/// # Errors
/// When the descriptors that were compiled in cannot be read: a bug.
pub async fn answers(
    api: Api,
    gate: &Gate,
    origins: &AllowedOrigins,
    readiness: Readiness,
) -> Result<Answers, tonic_reflection::server::Error> {
    let drafts = DraftServiceServer::new(draft_service::Front(api)).max_decoding_message_size(MAX_REQUEST_BYTES);
    let (reporter, health) = tonic_health::server::health_reporter();
    tell(&reporter, ServingStatus::NotServing).await;
    tokio::spawn(async move {
        loop {
            readiness.becomes(true).await;
            tell(&reporter, ServingStatus::Serving).await;
            readiness.becomes(false).await;
            tell(&reporter, ServingStatus::NotServing).await;
        }
    });
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };

    let calls = gate.before(Routes::new(drafts).into_axum_router(), FRONT, bounds_of);
    let mut services = RoutesBuilder::from(calls);
    services
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(around(services.routes().into_axum_router(), origins))
}

/// Calls that somebody else answers, as those of the contract are: behind the gate, inside of what is around all services.
pub fn guarded(calls: Router, gate: &Gate, origins: &AllowedOrigins) -> Answers {
    around(gate.before(calls, FRONT, bounds_of), origins)
}

/// What is around all services of the port, around these.
fn around(services: Router, origins: &AllowedOrigins) -> Answers {
    let plain = caught(move |request| answer_of(services.clone(), request), REFUSE);
    let cors = cors(origins, &[Method::POST], &WEB_REQUEST_HEADERS, &WEB_ANSWER_HEADERS);
    let web = plain
        .clone()
        .map_request(|request: http::Request<tonic::body::Body>| request.map(Body::new));
    let around = Around {
        pages: cors.layer(GrpcWebLayer::new().layer(web)),
        plain,
        is_plain: |request| request.version() == Version::HTTP_2 && !is_of_a_page(request) && !is_web(request),
    };
    around.answers(std::convert::identity)
}

/// Some clients speak gRPC-Web outside of pages.
fn is_web(request: &Request) -> bool {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web"))
}

/// Of the whole server, which has no name, and of the service.
async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in ["", DraftServiceServer::<draft_service::Front>::NAME] {
        reporter.set_service_status(service, status).await;
    }
}
