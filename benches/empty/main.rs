//! Servers whose handlers read the same message as the real one, and always give the same answer of the same shape.
//!
//! `empty bare` has nothing around them. `empty guarded` has all that the real server has around its own: connections that are
//! watched, metrics, IDs of requests, spans, headers, and the gate with rates. Each says where it listens as the real server
//! does, and runs until it is killed. For `requests.py`.

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
use draftstore_connections::{Connections, Ending, Traffic};
use draftstore_controller::measured::Port;
use draftstore_controller::{Gate, GateLimits, Quota, RateLimits, grpc as grpc_front, webapi};
use draftstore_proto::v1::GetUploadUrlResponse;
use draftstore_runtime::config::ConnectionLimits;
use draftstore_runtime::metrics::Metrics;
use draftstore_service::AllowedOrigins;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A URL as the real server signs it, of the same length.
const UPLOAD_URL: &str = "http://127.0.0.1:9000/main-draft/photos/2026/file.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
    X-Amz-Credential=AKIABENCHMARKSONLY00%2F20261121%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261121T210000Z&\
    X-Amz-Expires=3600&X-Amz-SignedHeaders=host&\
    X-Amz-Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// On the one core that it is pinned to there is one thread, as in the real server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    start_logging()?;
    let (http, grpc) = (listener().await?, listener().await?);
    let (http_address, grpc_address) = (http.local_addr()?, grpc.local_addr()?);
    let mut serving = JoinSet::new();
    match std::env::args().nth(1).as_deref() {
        Some("bare") => {
            serving.spawn(serve(http, rest::router(answer())));
            serving.spawn(serve(grpc, grpc::router(answer())));
        }
        Some("guarded") => {
            let gate = Gate::with_limits(Authenticator::none(), limits());
            let origins = AllowedOrigins::default();
            let traffic = Arc::new(Traffic::new(&Metrics::new(env!("CARGO_PKG_VERSION"))));
            let connections = Connections::new(ConnectionLimits::default(), None).measured(traffic);
            let rest = webapi::guarded(&rest::upload_url, &answer(), &gate, &origins);
            let calls = grpc_front::guarded(grpc::router(answer()), &gate, &origins);
            serving.spawn(connections.clone().serve(Port::Rest, http, rest, Ending::default()));
            serving.spawn(connections.serve(Port::Grpc, grpc, calls, Ending::default()));
        }
        Some(_) | None => bail!("which one: bare or guarded?"),
    }
    tracing::info!(http = %http_address, grpc = %grpc_address, "ready");
    serving.join_all().await;
    Ok(())
}

/// Rates that are counted, and that nobody reaches: those of `requests.py`.
fn limits() -> GateLimits {
    let quota = NonZeroU32::new(100_000_000).map(|requests| Quota::new(requests, Duration::from_secs(10)));
    let rates = RateLimits {
        caller: quota,
        address: quota,
        ..RateLimits::default()
    };
    GateLimits {
        rates,
        ..GateLimits::default()
    }
}

fn answer() -> GetUploadUrlResponse {
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

/// As the framework does it, but without Nagle's algorithm: an answer of gRPC is several writes, of which the later ones would
/// wait some 40 ms for the client's delayed acknowledgement, and that wait is all that would be measured.
async fn serve(listener: TcpListener, router: Router) {
    let listener = listener.tap_io(|stream| {
        stream
            .set_nodelay(true)
            .expect("a connection just accepted takes the option");
    });
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "serving has ended");
    }
}
