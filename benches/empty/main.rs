//! Servers whose handlers read the same message as the real server, and always return the same response.
//!
//! `empty bare` has no middleware. `empty guarded` has all the middleware of the real server: connection limits, metrics,
//! request IDs, spans, headers, and the gate with rate limits. Each logs its addresses like the real server, and runs until
//! it is killed. Used by `requests.py`.

mod grpc;
mod rest;

use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::bail;
use axum::Router;
use axum::serve::ListenerExt as _;
use draftstore_auth::Authenticator;
use draftstore_benches::start_logging;
use draftstore_connections::{ConnectionLimits, Connections, Ending, Handler, Labels, Port, Quota, Traffic};
use draftstore_controller::{
    Bounds, Cors, Gate, GateConfig, Limit, RateLimits, Rpc, grpc as grpc_front, labels, rest as rest_front,
};
use draftstore_proto::v1::GetUploadUrlResponse;
use draftstore_telemetry::metrics::Metrics;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A presigned URL with the length of a real one.
const UPLOAD_URL: &str = "http://127.0.0.1:9000/main-draft/photos/2026/file.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
    X-Amz-Credential=AKIABENCHMARKSONLY00%2F20261121%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261121T210000Z&\
    X-Amz-Expires=3600&X-Amz-SignedHeaders=host&\
    X-Amz-Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The labels of the real server.
static LABELS: Labels = Labels {
    ports: &["rest", "grpc"],
    calls: labels::all,
    limits: Limit::NAMES,
    code_of: labels::code_of,
    limit_of: |response| labels::limit_of(response).map(Limit::as_str),
};

/// The bounds of the measured call.
const BOUNDS: Bounds = Rpc::GetUploadURL.row().bounds();

/// One thread, because the process is pinned to one core, like the real server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    start_logging()?;
    let (http, grpc) = (listener().await?, listener().await?);
    let (http_address, grpc_address) = (http.local_addr()?, grpc.local_addr()?);
    let mut servers = JoinSet::new();
    match std::env::args().nth(1).as_deref() {
        Some("bare") => {
            servers.spawn(serve(http, rest::router(response())));
            servers.spawn(serve(grpc, grpc::router(response())));
        }
        Some("guarded") => {
            let gate = Gate::new(Authenticator::none(), gate_config());
            let origins = Cors::default();
            let traffic = Arc::new(Traffic::new(&Metrics::new(env!("CARGO_PKG_VERSION")), &LABELS));
            let connections = |name, call_of| {
                let port = Port {
                    name,
                    labels: &LABELS,
                    call_of,
                };
                Connections::new(connection_limits(), None).counted(port, Arc::clone(&traffic))
            };
            let rest = rest::Guarded {
                gate: gate.clone(),
                response: response(),
            };
            let rest = Handler::new(rest_front::handler(rest, &origins));
            let calls = Handler::new(grpc_front::handler(grpc::Guarded::new(gate, response()), &origins));
            let connections_of_rest = connections("rest", labels::of_rest_path);
            servers.spawn(connections_of_rest.serve(http, rest, Ending::default()));
            servers.spawn(connections("grpc", labels::of_grpc_path).serve(grpc, calls, Ending::default()));
        }
        Some(_) | None => bail!("usage: empty bare|guarded"),
    }
    tracing::info!(http = %http_address, grpc = %grpc_address, "ready");
    servers.join_all().await;
    Ok(())
}

/// A rate limit that is counted and never reached, equal to those in `requests.py`.
fn quota() -> Option<Quota> {
    NonZeroU32::new(100_000_000).map(|requests| Quota::new(requests, Duration::from_secs(10)))
}

fn gate_config() -> GateConfig {
    let rates = RateLimits {
        caller: quota(),
        ..RateLimits::default()
    };
    GateConfig {
        rates,
        ..GateConfig::default()
    }
}

fn connection_limits() -> ConnectionLimits {
    ConnectionLimits {
        address_rate: quota(),
        ..ConnectionLimits::default()
    }
}

fn response() -> GetUploadUrlResponse {
    GetUploadUrlResponse {
        upload_url: UPLOAD_URL.to_owned(),
        object_name: "photos/2026/file.jpg".to_owned(),
        expires_at: Some((SystemTime::now() + Duration::from_secs(3600)).into()),
        method: "PUT".to_owned(),
        ..GetUploadUrlResponse::default()
    }
}

async fn listener() -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

/// Serves like the framework, but without Nagle's algorithm. A gRPC response consists of several writes, the later of which
/// would wait some 40 ms for the client's delayed acknowledgement and dominate the measurement.
async fn serve(listener: TcpListener, router: Router) {
    let listener = listener.tap_io(|stream| {
        stream
            .set_nodelay(true)
            .expect("an accepted connection allows the option");
    });
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "server stopped");
    }
}
