//! The connection to the server. It accepts only responses in gRPC, so that another port is recognised as such.

use std::fmt;
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use tonic::body::Body;
use tonic::transport::Channel;
use tower::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A connection to the server, which connects on the first call.
#[derive(Debug, Clone)]
pub(crate) struct GrpcChannel(pub(crate) Channel);

/// The error of a response that is not gRPC. A proxy sends it, or another program, or another port of the server.
#[derive(Debug)]
pub(crate) struct NotGrpc {
    pub(crate) status: StatusCode,
}

impl Service<Request<Body>> for GrpcChannel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let response = self.0.call(request);
        async move {
            let response = response.await?;
            let content_type = response.headers().get(CONTENT_TYPE);
            if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
                Ok(response)
            } else {
                let status = response.status();
                Err(NotGrpc { status }.into())
            }
        }
        .boxed()
    }
}

impl fmt::Display for NotGrpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the response is not gRPC, and has the status {}", self.status)
    }
}

impl std::error::Error for NotGrpc {}
