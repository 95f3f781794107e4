//! The gRPC front: `draft.v1.DraftService`, health, and reflection.

mod draft_service;
mod status;

use axum::Router;
use draftstore_proto::FILE_DESCRIPTOR_SET;
use draftstore_proto::v1::draft_service_server::DraftServiceServer;
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::observe::observed;
use crate::{Api, MAX_REQUEST_BYTES, Readiness};

/// All services of the port: the contract, `grpc.health.v1`, and reflection in `v1` and `v1alpha`, which older clients
/// speak. Health is that of the readiness.
///
/// # Errors
/// When the descriptors that were compiled in cannot be read: a bug.
pub async fn router(api: Api, readiness: Readiness) -> Result<Router, tonic_reflection::server::Error> {
    let drafts = DraftServiceServer::new(draft_service::Front(api)).max_decoding_message_size(MAX_REQUEST_BYTES);
    let (reporter, health) = tonic_health::server::health_reporter();
    tell(&reporter, ServingStatus::NotServing).await;
    tokio::spawn(async move {
        readiness.ready().await;
        tell(&reporter, ServingStatus::Serving).await;
    });
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };

    let mut routes = RoutesBuilder::default();
    routes
        .add_service(drafts)
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(observed(routes.routes().into_axum_router()))
}

/// Of the whole server, which has no name, and of the service.
async fn tell(reporter: &HealthReporter, status: ServingStatus) {
    for service in ["", DraftServiceServer::<draft_service::Front>::NAME] {
        reporter.set_service_status(service, status).await;
    }
}
