//! The health check of a container that has neither shell nor curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use draftstore_runtime::config::Listen;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A server that needs longer to say that it is well, is not.
const DEADLINE: Duration = Duration::from_secs(2);

/// Asks the server that listens there.
///
/// # Errors
/// When it does not answer 200 in time.
pub(crate) async fn ask(listen: Listen) -> anyhow::Result<()> {
    timeout(DEADLINE, get(listen))
        .await
        .context("the server does not answer")?
}

async fn get(listen: Listen) -> anyhow::Result<()> {
    let address = match listen.address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => listen.address,
    };
    let stream = TcpStream::connect((address, listen.http_port)).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/health")
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())?;
    let status = sender.send_request(request).await?.status();
    ensure!(status == StatusCode::OK, "the server answered {status}");
    Ok(())
}
