//! The contract's calls over gRPC: decode, call, encode.

use std::future::ready;
use std::sync::OnceLock;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use draftstore_connections::{PortRefusal, RequestMemory};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use http_body_util::Full;
use tonic::server::Grpc;
use tonic::{Code, Status};

use tower::service_fn;

use super::GZIP;
use super::codec::CallCodec;
use super::status::{error_response, refuse, status};
use crate::Api;
use crate::api::{Mapping, StreamMapping, omit_browser_headers};
use crate::calls::{Call, GRPC_PREFIX, RpcRequest, Size, Visitor};
use crate::errors::Failure;
use crate::gate::{Admitted, Bounds, Gate, PublicRoute};
use crate::middleware::Service;
use crate::refusal::{Limit, Refusal};

/// The size of gRPC's envelope around a message, in bytes.
///
/// Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>
const ENVELOPE: u64 = 5;

/// The path of the stream that reports changes of health.
const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// The name in the audit of a call that the contract does not have.
const UNKNOWN_RPC: &str = "unknown";

/// The bounds of a call that is not in the contract.
const UNKNOWN: Bounds = Bounds {
    rpc: UNKNOWN_RPC,
    scopes: &[],
    max_bytes: Size::One.max_bytes(),
    envelope: ENVELOPE,
    is_long: false,
    is_confirm: false,
    is_stream: false,
};

/// The services of the port.
pub(super) struct GrpcService {
    pub(super) api: Api,
    pub(super) gate: Gate,
    /// The services for health and reflection.
    pub(super) others: Router,
}

impl Service for GrpcService {
    async fn call(&self, request: Request) -> Response {
        let Some(name) = request.uri().path().strip_prefix(GRPC_PREFIX) else {
            let is_watch = request.uri().path() == WATCH;
            let route = if is_watch {
                PublicRoute::Watch
            } else {
                PublicRoute::Messages
            };
            let response = self.gate.public(request, refuse, &self.others, route).await;
            // These services have no error of their own with this code.
            return if is_internal(&response) {
                error_response(&undecodable())
            } else {
                response
            };
        };
        let Some(call) = Call::named(name) else {
            let unknown = |_, _| ready(Status::unimplemented("").into_http());
            return self.gate.call(request, UNKNOWN, refuse, unknown).await;
        };
        let bounds = Bounds {
            envelope: ENVELOPE,
            ..call.bounds()
        };
        let message = |admitted, request: http::Request<Bytes>| {
            if !has_memory_to_decompress(&request, bounds.max_bytes) {
                return Box::pin(ready(refuse(Refusal::OutOfMemory))) as BoxFuture<'_, Response>;
            }
            call.rpc.visit(Message {
                api: &self.api,
                admitted,
                request,
                max_bytes: call.bounds().max_bytes,
            })
        };
        self.gate.call(request, bounds, refuse, message).await
    }

    fn refused(&self, request: &Request, refusal: PortRefusal) -> Response {
        let name = request.uri().path().strip_prefix(GRPC_PREFIX);
        let rpc = name.map(|name| Call::named(name).map_or(UNKNOWN_RPC, |call| call.rpc.as_str()));
        self.gate.refused(request, rpc, refusal.into(), refuse)
    }
}

/// Counts the most that a compressed message may become. Returns `true` for one that is not compressed.
fn has_memory_to_decompress(request: &http::Request<Bytes>, max_bytes: u64) -> bool {
    if !request.headers().contains_key("grpc-encoding") {
        return true;
    }
    let memory: Option<&RequestMemory> = request.extensions().get();
    let bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
    memory.is_none_or(|memory| memory.hold(bytes).is_ok())
}

/// A request with an encoded message.
struct Message<'s> {
    api: &'s Api,
    admitted: Admitted,
    request: http::Request<Bytes>,
    /// The maximum size of the message, also after decompression.
    max_bytes: u64,
}

impl<'s> Visitor for Message<'s> {
    type Output = BoxFuture<'s, Response>;

    fn visit<R: RpcRequest + Mapping>(self) -> Self::Output {
        Box::pin(self.respond::<R>())
    }

    fn visit_stream<R: RpcRequest + StreamMapping>(self) -> Self::Output {
        Box::pin(self.stream::<R>())
    }
}

impl Message<'_> {
    async fn respond<R: RpcRequest + Mapping>(self) -> Response {
        let progress = Progress::default();
        let (api, admitted, of_call) = (self.api, &self.admitted, &progress);
        let call = service_fn(move |request: tonic::Request<R>| async move {
            of_call.decoded();
            let (metadata, _, message) = request.into_parts();
            let result = api.call(admitted, message).await.map(|mut response| {
                omit_browser_headers::<R>(metadata.as_ref(), &mut response);
                tonic::Response::new(response)
            });
            result.map_err(|failure| of_call.failed(&failure))
        });
        let mut grpc = grpc::<R, R::Response>(admitted, self.max_bytes);
        let response = grpc.unary(call, self.request.map(Full::new)).await;
        progress.end::<R>(admitted, response.map(Body::new))
    }

    async fn stream<R: RpcRequest + StreamMapping>(self) -> Response {
        let progress = Progress::default();
        let (api, admitted, of_call) = (self.api, &self.admitted, &progress);
        let call = service_fn(move |request: tonic::Request<R>| async move {
            of_call.decoded();
            let updates = api.stream(admitted, request.into_inner()).await;
            let updates = updates.map_err(|failure| of_call.failed(&failure))?;
            let updates = updates.unwrap_or_else(|| stream::empty().boxed());
            let updates = updates.map(|update| update.map_err(|failure| status(&failure)));
            Ok(tonic::Response::new(updates.boxed()))
        });
        let mut grpc = grpc::<R, R::Response>(admitted, self.max_bytes);
        let response = grpc.server_streaming(call, self.request.map(Full::new)).await;
        progress.end::<R>(admitted, response.map(Body::new))
    }
}

/// Returns tonic's side of a call.
fn grpc<R: RpcRequest, A: prost::Message + 'static>(admitted: &Admitted, max_bytes: u64) -> Grpc<CallCodec<R, A>> {
    Grpc::new(CallCodec::new(admitted.clone()))
        .max_decoding_message_size(usize::try_from(max_bytes).unwrap_or(usize::MAX))
        .accept_compressed(GZIP)
        .send_compressed(GZIP)
}

/// The progress of a call, which a response of tonic does not tell.
#[derive(Debug, Default)]
struct Progress {
    is_decoded: OnceLock<()>,
    /// The limit that the call exceeded. The codec drops the extensions of a status.
    exceeded: OnceLock<Limit>,
}

impl Progress {
    fn decoded(&self) {
        self.is_decoded.get_or_init(|| ());
    }

    fn failed(&self, failure: &Failure) -> Status {
        failure.row().limit.map(|exceeded| self.exceeded.set(exceeded));
        status(failure)
    }

    /// Returns the response, or the error of a request that tonic could not decode.
    fn end<R: RpcRequest>(self, admitted: &Admitted, mut response: Response) -> Response {
        if self.is_decoded.get().is_none() && is_internal(&response) {
            let failure = undecodable();
            admitted.refused(R::RPC, &failure);
            return error_response(&failure);
        }
        if let Some(limit) = self.exceeded.into_inner() {
            response.extensions_mut().insert(limit);
        }
        response
    }
}

/// Returns whether tonic ended the call with the code for bugs of a server. It also uses it for a request that it cannot decode.
fn is_internal(response: &Response) -> bool {
    Status::from_header_map(response.headers()).is_some_and(|status| status.code() == Code::Internal)
}

/// Returns the failure of a request whose envelope, compression or protobuf is malformed.
fn undecodable() -> Failure {
    Failure::invalid(
        "body",
        "must be one message of the call, in protobuf, within gRPC's envelope",
    )
}
