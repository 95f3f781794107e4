//! Calls to the server, with retries of transient errors.

use std::error::Error as _;
use std::time::Duration;

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::cli::GlobalOptions;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::Output;
use crate::retry::Retries;

/// The gRPC client generated from the proto.
pub(crate) type GrpcClient = DraftServiceClient<Channel>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The deadline of a call, slightly longer than the server's default limit for confirming terabytes.
const CALL_TIMEOUT: Duration = Duration::from_secs(660);

/// The interval of keep-alive pings. A connection is dropped if a ping is not answered within [`KEEP_ALIVE_TIMEOUT`].
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// The time limit for the answer to a keep-alive ping.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// A client of the server, which connects on the first call.
#[derive(Debug, Clone)]
pub(crate) struct ApiClient {
    /// The URL as given on the command line.
    pub(crate) url: String,
    grpc: GrpcClient,
    authorization: Option<MetadataValue<Ascii>>,
    retries: u32,
}

impl ApiClient {
    /// # Errors
    /// Returns an error if the server URL or the token is invalid.
    pub(crate) fn new(options: &GlobalOptions) -> Result<Self, CommandError> {
        let url = options.server.clone();
        let usage_error =
            |message: String| CommandError::new("USAGE", Exit::Usage, format!("--server {url}: {message}"));
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|error| usage_error(error.to_string()))?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(|error| usage_error(error.to_string()))?,
            _ => return Err(usage_error("the URL must start with http:// or https://".to_owned())),
        };
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .connect_lazy();
        let authorization = match &options.token {
            Some(token) => Some(token.authorization().ok_or_else(|| {
                let rule = "--token: a token must consist of visible ASCII characters, without spaces";
                CommandError::new("USAGE", Exit::Usage, rule)
            })?),
            None => None,
        };
        Ok(Self {
            url,
            authorization,
            grpc: DraftServiceClient::new(channel),
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
            let retry_after = status
                .get_error_details()
                .retry_info()
                .and_then(|info| info.retry_delay);
            let is_transient =
                is_transport_error(&status) || status.code() == Code::Unavailable || retry_after.is_some();
            let failure = self.failure(status);
            if !is_transient || !retries.wait(&failure.message, retry_after).await {
                return Err(failure);
            }
        }
    }

    fn failure(&self, status: Status) -> CommandError {
        if !is_transport_error(&status) {
            return status.into();
        }
        let mut causes = Vec::new();
        let mut next = status.source();
        while let Some(error) = next {
            causes.push(error.to_string());
            next = error.source();
        }
        causes.dedup();
        let message = format!("cannot reach the server at {}: {}", self.url, causes.join(": "));
        CommandError::unavailable(message)
    }
}

/// Returns true if the status comes from the connection and not from the server.
fn is_transport_error(status: &Status) -> bool {
    status.source().is_some()
}
