//! The admin port: how the server is, for those who run it. Nothing of a caller can be done or seen there.
//!
//! Its connections are its own: where clients hold as many as there may be, probes are still answered.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use draftstore_connections::{ConnectionLimits, Connections, Ending};
use draftstore_controller::{Readiness, rest};
use draftstore_runtime::metrics::CONTENT_TYPE;
use draftstore_s3::S3Storage;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use crate::config::Admin;
use crate::measures::Measures;

/// Probes and scrapers, with room for people.
const MAX_CONNECTIONS: usize = 64;

/// Where it listens; nowhere where it is off, or where nobody asked for the port and another program has it.
///
/// # Errors
/// When it cannot listen where it was told to.
pub(crate) async fn bind(admin: Admin) -> anyhow::Result<Option<TcpListener>> {
    let Some(port) = admin.port else { return Ok(None) };
    let address = SocketAddr::from((admin.address, port));
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if !admin.is_required => {
            tracing::warn!(%address, %error, "the admin port is taken: serving without it; set ADMIN_PORT to a free one, or to off");
            Ok(None)
        }
        Err(error) => Err(anyhow::Error::new(error).context(format!(
            "{address} cannot be listened on: set ADMIN_PORT to a free port, or to off"
        ))),
    }
}

/// Serves there until what is given back is dropped: how the process drains is of interest. Says where, for the log.
///
/// # Errors
/// When the system does not know the listener's address.
pub(crate) fn serve(
    listener: Option<TcpListener>,
    limits: ConnectionLimits,
    router: Router,
) -> anyhow::Result<(Option<AbortOnDropHandle<()>>, String)> {
    let Some(listener) = listener else {
        return Ok((None, "off".to_owned()));
    };
    let address = listener.local_addr()?.to_string();
    let limits = ConnectionLimits {
        max_connections: MAX_CONNECTIONS,
        ..limits
    };
    let serving = Connections::new(limits, None).serve(listener, router.into(), Ending::default());
    Ok((Some(AbortOnDropHandle::new(tokio::spawn(serving))), address))
}

/// Its routes.
pub(crate) fn router(measures: Arc<Measures>, readiness: Readiness, storage: Arc<S3Storage>) -> Router {
    let seen = readiness.clone();
    let metrics = move || async move { ([(header::CONTENT_TYPE, CONTENT_TYPE)], measures.text(&seen, &storage)) };
    rest::health_router(readiness).route("/metrics", get(metrics))
}
