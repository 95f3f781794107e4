//! Calls to the server, with retries of transient errors.

use std::error::Error as _;
use std::time::Duration;
use std::{io, iter};

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_proxy::{Connector, Proxies};
use h2::Reason;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::channel::{GrpcChannel, NotGrpc};
use crate::cli::GlobalOptions;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::Output;
use crate::retry::Retries;
use crate::server_url::server_url;

/// The gRPC client generated from the proto.
pub(crate) type GrpcClient = DraftServiceClient<GrpcChannel>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The deadline of a call, slightly longer than the server's default limit for confirming terabytes.
const CALL_TIMEOUT: Duration = Duration::from_secs(660);

/// The interval of keep-alive pings. A connection is dropped if a ping is not answered within [`KEEP_ALIVE_TIMEOUT`].
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// The time limit for the answer to a keep-alive ping.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The maximum number of times that a call is repeated at once, because its connection closed before it was sent.
const MAX_UNSENT: usize = 5;

/// A client of the server, which connects on the first call.
#[derive(Debug, Clone)]
pub(crate) struct ApiClient {
    /// The URL, without a slash at its end.
    pub(crate) url: String,
    grpc: GrpcClient,
    authorization: Option<MetadataValue<Ascii>>,
    retries: u32,
}

impl ApiClient {
    /// # Errors
    /// Returns an error if the server URL or the token is invalid.
    pub(crate) fn new(options: &GlobalOptions) -> Result<Self, CommandError> {
        let usage_error = |message: String| CommandError::new("USAGE", Exit::Usage, format!("--server: {message}"));
        let url = server_url(&options.server).map_err(usage_error)?;
        let endpoint = Endpoint::from(url.clone());
        let endpoint = if url.scheme_str() == Some("https") {
            endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(|error| usage_error(error.to_string()))?
        } else {
            endpoint
        };
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .connect_with_connector_lazy(Connector::tunnelling(Proxies::of_process().clone()));
        let authorization = match &options.token {
            Some(token) => Some(
                token
                    .authorization()
                    .map_err(|rule| CommandError::new("USAGE", Exit::Usage, format!("--token: {rule}")))?,
            ),
            None => None,
        };
        Ok(Self {
            url: url.to_string().trim_end_matches('/').to_owned(),
            authorization,
            grpc: DraftServiceClient::new(GrpcChannel(channel)),
            retries: options.retries,
        })
    }

    /// Calls an idempotent method, and retries it on transient errors.
    ///
    /// # Errors
    /// Returns the error of the server, or an error if it is unreachable.
    pub(crate) async fn call<Q: Clone, A>(
        &self,
        output: &Output,
        request: Q,
        method: impl AsyncFn(GrpcClient, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, CommandError> {
        let mut retries = Retries::new(output, self.retries);
        let mut unsent = 0;
        loop {
            let mut request = Request::new(request.clone());
            request.set_timeout(CALL_TIMEOUT);
            if let Some(authorization) = &self.authorization {
                request.metadata_mut().insert("authorization", authorization.clone());
            }
            let status = match method(self.grpc.clone(), request).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            if let Some(failure) = self.wrong_address(&status) {
                return Err(failure);
            }
            if was_not_sent(&status) && unsent < MAX_UNSENT {
                unsent += 1;
                continue;
            }
            let retry_after = status
                .get_error_details()
                .retry_info()
                .and_then(|info| info.retry_delay);
            let is_transient =
                is_transport_error(&status) || status.code() == Code::Unavailable || retry_after.is_some();
            let failure = self.failure(status);
            // The server has tried its scanners for CHECK_TIMEOUT already.
            let was_tried = failure.reason == "SCANNER_UNAVAILABLE";
            if was_tried || !is_transient || !retries.wait(&failure.message, retry_after).await {
                return Err(failure);
            }
        }
    }

    /// Returns an error if a program answers at the address that is no server, or none with this scheme. A retry cannot help.
    fn wrong_address(&self, status: &Status) -> Option<CommandError> {
        let problem = sources(status).find_map(|error| {
            if let Some(other) = error.downcast_ref::<NotGrpc>() {
                let is_proxy_error = matches!(other.status.as_u16(), 408 | 429 | 500..=599);
                let remedy = "it must be the server's gRPC address, by default on port 50051";
                (!is_proxy_error).then(|| format!("{other}: {remedy}"))
            } else if error.downcast_ref().is_some_and(is_no_http2) {
                let remedy = "it must be the server's gRPC address, with https:// if the server uses TLS";
                Some(format!("the port does not answer in HTTP/2 without TLS: {remedy}"))
            } else {
                let error = error.downcast_ref().filter(|error| is_tls_failure(error))?;
                let remedy = "use http:// if the server has no TLS; SSL_CERT_FILE names other authorities to trust";
                Some(format!("TLS failed, {error}: {remedy}"))
            }
        })?;
        let message = format!("--server {}: {problem}", self.url);
        Some(CommandError::new("WRONG_SERVER", Exit::Usage, message))
    }

    fn failure(&self, status: Status) -> CommandError {
        if is_transport_error(&status) {
            let mut causes: Vec<_> = sources(&status).map(ToString::to_string).collect();
            causes.dedup();
            let message = format!("cannot reach the server at {}: {}", self.url, causes.join(": "));
            return CommandError::unavailable(message);
        }
        let is_about_token = matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied);
        let mut failure = CommandError::from(status);
        if is_about_token {
            failure.message.push_str(match self.authorization {
                Some(_) => " (the token is that of --token or DRAFTSTORE_TOKEN)",
                None => " (give a token with --token or DRAFTSTORE_TOKEN)",
            });
        }
        failure
    }
}

/// Returns true if the status comes from the connection and not from the server.
fn is_transport_error(status: &Status) -> bool {
    status.source().is_some()
}

fn sources(status: &Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    iter::successors(status.source(), |error| (*error).source())
}

/// Returns true if the connection closed before the call was sent. The next connection may tell why.
fn was_not_sent(status: &Status) -> bool {
    sources(status).any(|error| error.downcast_ref().is_some_and(hyper::Error::is_canceled))
}

/// Returns true for bytes that are not HTTP/2: those of TLS, of HTTP/1.1, or of another protocol.
fn is_no_http2(error: &h2::Error) -> bool {
    let reasons = [Reason::FRAME_SIZE_ERROR, Reason::PROTOCOL_ERROR];
    error.is_library() && error.reason().is_some_and(|reason| reasons.contains(&reason))
}

/// Returns true for a handshake that failed: a port without TLS, or a certificate that is not trusted.
fn is_tls_failure(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}
