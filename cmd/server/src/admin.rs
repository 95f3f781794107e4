//! The admin port: health and metrics for operators. It has no calls and no data of callers.
//!
//! The port has its own connection limit, so that probes get a response even if clients use all connections of the other ports.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use draftstore_connections::{ConnectionLimits, Connections, Ending, Handler, HostRules};
use draftstore_controller::{Cors, Gate, Readiness, rest};
use draftstore_s3::S3Storage;
use draftstore_service::Drafts;
use draftstore_telemetry::metrics::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::config::Admin;
use crate::metrics::ServerMetrics;

/// The maximum number of connections, enough for probes, scrapers and a few people.
const MAX_CONNECTIONS: usize = 64;

/// Binds the admin port. Returns `None` if it is off, or if the default port is in use.
///
/// # Errors
/// An error if the server cannot listen on a configured port.
pub(crate) async fn bind(admin: Admin) -> anyhow::Result<Option<TcpListener>> {
    let Some(port) = admin.port else { return Ok(None) };
    let address = SocketAddr::from((admin.address, port));
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if !admin.is_required => {
            tracing::warn!(%address, %error, remedy = "set ADMIN_PORT to a free port, or to off", "admin port in use");
            Ok(None)
        }
        Err(error) => Err(anyhow::Error::new(error).context(format!(
            "cannot listen on {address}: set ADMIN_PORT to a free port, or to off"
        ))),
    }
}

/// Serves the admin port until the returned handle is dropped, so that metrics are available while the process drains. Also
/// returns the address, for the log.
///
/// # Errors
/// An error if the listener has no address.
pub(crate) fn serve(
    listener: Option<TcpListener>,
    limits: ConnectionLimits,
    hosts: Option<HostRules>,
    handler: Handler,
) -> anyhow::Result<(Option<AbortOnDropHandle<()>>, String)> {
    let Some(listener) = listener else {
        return Ok((None, "off".to_owned()));
    };
    let address = listener.local_addr()?.to_string();
    let limits = ConnectionLimits {
        max_connections: MAX_CONNECTIONS,
        ..limits
    };
    let connections = Connections::new(limits, None).with_host_rules(hosts);
    let serving = connections.serve(listener, handler, Ending::default());
    Ok((Some(AbortOnDropHandle::new(tokio::spawn(serving))), address))
}

/// Returns the handler of the admin port.
pub(crate) fn handler(
    gate: Gate,
    metrics: Arc<ServerMetrics>,
    readiness: Readiness,
    storage: Arc<S3Storage>,
    drafts: Drafts,
) -> Handler {
    let service = rest::public_service(gate, router(metrics, readiness, storage, drafts));
    Handler::new(rest::handler(service, &Cors::default()))
}

fn router(metrics: Arc<ServerMetrics>, readiness: Readiness, storage: Arc<S3Storage>, drafts: Drafts) -> Router {
    let ready = readiness.clone();
    let metrics = move || async move {
        let text = metrics.text(&ready, &storage, drafts.checks_in_progress());
        ([(header::CONTENT_TYPE, CONTENT_TYPE)], text)
    };
    rest::health_router(readiness).route("/metrics", get(metrics))
}
