//! Calls by HTTP/1.1, kept alive.

use std::net::SocketAddr;

use anyhow::ensure;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::load::Caller;

/// The measured route.
pub(crate) const PATH: &str = "/api/v1/upload-url";

/// One connection, and the body of each of its requests.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    body: Bytes,
}

impl Caller for Connection {
    async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: address.to_string(),
            body: serde_json::to_vec(&super::request())?.into(),
        })
    }

    async fn call(&mut self) -> anyhow::Result<()> {
        let request = Request::post(PATH)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(self.body.clone()))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        answer.into_body().collect().await?;
        ensure!(status == StatusCode::OK, "the server answered {status}");
        Ok(())
    }
}
