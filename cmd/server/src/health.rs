//! The subcommand `health`: a health check for containers without a shell or curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use draftstore_connections::{TlsFiles, pinned};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::config::Listen;

/// The timeout of the check. A server that takes longer is unhealthy.
const DEADLINE: Duration = Duration::from_secs(2);

/// Requests `/health` from the server on this machine. With TLS, the server must prove that it has the certificate of the file.
///
/// # Errors
/// An error if the response is not 200, or does not arrive in time.
pub(crate) async fn ask(listen: Listen, tls: Option<&TlsFiles>) -> anyhow::Result<()> {
    timeout(DEADLINE, get(listen, tls))
        .await
        .context("no response from the server")?
}

async fn get(listen: Listen, tls: Option<&TlsFiles>) -> anyhow::Result<()> {
    let address = match listen.address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => listen.address,
    };
    let stream = TcpStream::connect((address, listen.http_port))
        .await
        .with_context(|| format!("cannot connect to {address}, port {}", listen.http_port))?;
    match tls {
        Some(files) => {
            let name = ServerName::from(address);
            let stream = pinned(&files.certificate)?.connect(name, stream).await;
            is_well(stream.context("the TLS handshake failed")?).await
        }
        None => is_well(stream).await,
    }
}

async fn is_well(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> anyhow::Result<()> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::get("/health")
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())?;
    let status = sender.send_request(request).await?.status();
    ensure!(status == StatusCode::OK, "the response status is {status}");
    Ok(())
}
