//! A raw gRPC client that sends any bytes as frames.

use draftstore_proto::v1::draft_service_server::SERVICE_NAME;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tonic::{Code, Status};

/// An HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct RawGrpc {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
}

impl RawGrpc {
    pub(crate) async fn connect(authority: &str) -> Self {
        let stream = TcpStream::connect(authority).await.expect("connects");
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("HTTP/2");
        tokio::spawn(connection);
        Self {
            authority: authority.to_owned(),
            sender,
        }
    }

    /// Sends these frames, and returns the status of the call.
    pub(crate) async fn call(&self, method: &str, frames: &[u8]) -> Result<(), Status> {
        self.send(&format!("/{SERVICE_NAME}/{method}"), frames, None).await
    }

    /// Sends these frames to a path, compressed as this says, and returns the status of the call.
    pub(crate) async fn send(&self, path: &str, frames: &[u8], encoding: Option<&str>) -> Result<(), Status> {
        let request = hyper::Request::post(format!("http://{}{path}", self.authority))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let request = encoding
            .into_iter()
            .fold(request, |request, name| request.header("grpc-encoding", name))
            .body(Full::new(Bytes::copy_from_slice(frames)))
            .expect("a request");
        let answer = self.sender.clone().send_request(request).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let headers = answer.headers().clone();
        let body = answer.into_body().collect().await.expect("a body");
        let status = body
            .trailers()
            .and_then(Status::from_header_map)
            .or(Status::from_header_map(&headers));
        match status.expect("a status") {
            status if status.code() == Code::Ok => Ok(()),
            status => Err(status),
        }
    }
}
