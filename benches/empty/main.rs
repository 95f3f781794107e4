//! Servers whose handlers read the same message as the real one, and always give the same answer of the same shape.
//!
//! `empty bare` has nothing around them, `empty guarded` has what the real server has around its own: its gate with rates, IDs of
//! requests, spans, headers. Each says where it listens as the real server does, and runs until it is killed. For `requests.py`.

mod grpc;
mod rest;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use anyhow::bail;
use axum::Router;
use axum::extract::Request;
use axum::serve::ListenerExt as _;
use draftstore_auth::Authenticator;
use draftstore_benches::start_logging;
use draftstore_controller::{Gate, GateLimits, PeerAddress, Quota, RateLimits, grpc as grpc_front, webapi};
use draftstore_proto::v1::GetUploadUrlResponse;
use draftstore_service::AllowedOrigins;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::util::MapRequest;

/// A URL as the real server signs it, of the same length.
const UPLOAD_URL: &str = "http://127.0.0.1:9000/main-draft/photos/2026/file.jpg?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
    X-Amz-Credential=AKIABENCHMARKSONLY00%2F20261121%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261121T210000Z&\
    X-Amz-Expires=3600&X-Amz-SignedHeaders=host&\
    X-Amz-Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// On the one core that it is pinned to there is one thread, as in the real server.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    start_logging()?;
    let grpc = grpc::router(answer());
    let (rest, grpc) = match std::env::args().nth(1).as_deref() {
        Some("bare") => (rest::router(answer()), grpc),
        Some("guarded") => {
            let gate = Gate::with_limits(Authenticator::none(), limits());
            let origins = AllowedOrigins::default();
            (
                from_one_peer(webapi::guarded(&rest::upload_url, &answer(), &gate, &origins)),
                from_one_peer(grpc_front::guarded(grpc, &gate, &origins)),
            )
        }
        Some(_) | None => bail!("which one: bare or guarded?"),
    };
    let mut serving = JoinSet::new();
    let http = listen(&mut serving, rest).await?;
    let grpc = listen(&mut serving, grpc).await?;
    tracing::info!(%http, %grpc, "ready");
    while let Some(ended) = serving.join_next().await {
        ended??;
    }
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

/// What the gate counts by, which the real server knows from the connection.
fn from_one_peer(router: Router) -> Router {
    let peer = PeerAddress((Ipv4Addr::LOCALHOST, 1).into());
    let tell = move |mut request: Request| {
        request.extensions_mut().insert(peer);
        request
    };
    Router::new().fallback_service(MapRequest::new(router, tell))
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

/// Without Nagle's algorithm: an answer of gRPC is several writes, of which the later ones would wait some 40 ms for the
/// client's delayed acknowledgement, and that wait is all that would be measured.
async fn listen(serving: &mut JoinSet<std::io::Result<()>>, router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        stream
            .set_nodelay(true)
            .expect("a connection just accepted takes the option");
    });
    serving.spawn(axum::serve(listener, router).into_future());
    Ok(address)
}
