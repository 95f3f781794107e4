//! How many upload URLs a second the REST and the gRPC front hand out, beside empty handlers of the same shape.
//!
//! `cargo bench -p draftstore-benches --bench requests`, about a minute and a half. All over loopback in one process:
//! what makes the load takes its share of the cores from the servers. It takes the same for both of a pair.

mod empty;
mod grpc;
mod load;
mod rest;

use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::available_parallelism;

use axum::Router;
use axum::serve::ListenerExt as _;
use draftstore_auth::Authenticator;
use draftstore_benches::{Figures, Measure, Report, asked_for, drafts, start_logging};
use draftstore_controller::{Api, Gate, Readiness, grpc as grpc_front, webapi};
use draftstore_proto::v1::{GetUploadUrlRequest, GetUploadUrlResponse};
use draftstore_service::{AllowedOrigins, StoreProfile};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use self::load::{CONNECTIONS, Caller, Load, ROUND};

/// Pairs that make a ratio.
const ROUNDS: usize = 8;

fn main() -> anyhow::Result<()> {
    if !asked_for() {
        eprintln!("this measures for over a minute: start it by `cargo bench`");
        return Ok(());
    }
    start_logging()?;
    let (servers, clients) = (Runtime::new()?, Runtime::new()?);
    let gate = Gate::new(Authenticator::none());
    let api = Api::new(servers.block_on(drafts())?);
    let readiness = Readiness::new(StoreProfile::default());
    let rest = webapi::router(api.clone(), &gate, &AllowedOrigins::default(), readiness.clone());
    let rest = servers.block_on(listen(rest))?;
    let grpc = servers.block_on(async {
        listen(grpc_front::router(api, &gate, &AllowedOrigins::default(), readiness).await?).await
    })?;
    let answer = clients.block_on(real_answer(grpc))?;
    let empty_rest = servers.block_on(listen(empty::rest(answer.clone())))?;
    let empty_grpc = servers.block_on(listen(empty::grpc(answer)))?;

    println!(
        "Upload URLs a second over loopback, {CONNECTIONS} connections with one request at a time each, median of \
         {ROUNDS} rounds of {} s in turn; servers and load share {} cores:",
        ROUND.as_secs(),
        available_parallelism()?,
    );
    let mut report = Report::new("requests")?;
    let figures = compare::<rest::Connection>(&clients, empty_rest, rest)?;
    report.compare("Upload URLs by REST", &figures, "handler", "/s", &[("empty", 0.75)]);
    let figures = compare::<grpc::Connection>(&clients, empty_grpc, grpc)?;
    report.compare("Upload URLs by gRPC", &figures, "handler", "/s", &[("empty", 0.75)]);
    report.write()
}

/// What every caller asks for.
fn request() -> GetUploadUrlRequest {
    GetUploadUrlRequest {
        object_name: "photos/2026/file.jpg".to_owned(),
        ..GetUploadUrlRequest::default()
    }
}

/// What the empty handlers answer.
async fn real_answer(grpc: SocketAddr) -> anyhow::Result<GetUploadUrlResponse> {
    let mut connection = grpc::Connection::open(grpc).await?;
    connection.answer().await
}

/// Serves on a free port, on the server's own stack.
///
/// Without Nagle's algorithm: an answer of gRPC is several writes, of which the later ones would wait some 40 ms for the
/// client's delayed acknowledgement, and that wait is all that would be measured.
async fn listen(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        stream
            .set_nodelay(true)
            .expect("a connection just accepted takes the option");
    });
    let serving = axum::serve(listener, router).with_graceful_shutdown(pending());
    tokio::spawn(serving.into_future());
    Ok(address)
}

fn compare<C: Caller>(clients: &Runtime, empty: SocketAddr, handler: SocketAddr) -> anyhow::Result<Figures> {
    let mut empty = clients.block_on(Load::<C>::connect(empty))?;
    let mut handler = clients.block_on(Load::<C>::connect(handler))?;
    let measures: Vec<Measure<'_>> = vec![
        ("empty", Box::new(|| clients.block_on(empty.round()))),
        ("handler", Box::new(|| clients.block_on(handler.round()))),
    ];
    Figures::alternate(ROUNDS, false, measures)
}
