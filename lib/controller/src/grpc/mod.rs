//! The gRPC front: `draft.v1.DraftService`, health, and reflection.

mod draft_service;
mod status;

use axum::Router;
use draftstore_proto::FILE_DESCRIPTOR_SET;
use draftstore_proto::v1::draft_service_server::DraftServiceServer;
use tonic::service::RoutesBuilder;

use crate::observe::observed;
use crate::{Api, MAX_REQUEST_BYTES};

/// All services of the port: the contract, `grpc.health.v1`, and reflection in `v1` and `v1alpha`, which older clients
/// speak.
///
/// # Errors
/// When the descriptors that were compiled in cannot be read: a bug.
pub async fn router(api: Api) -> Result<Router, tonic_reflection::server::Error> {
    let drafts = DraftServiceServer::new(draft_service::Front(api)).max_decoding_message_size(MAX_REQUEST_BYTES);
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter
        .set_serving::<DraftServiceServer<draft_service::Front>>()
        .await;
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
