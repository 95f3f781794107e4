//! Calls to the server, each tried again when the server or its store fails for the moment.

use std::error::Error as _;
use std::time::Duration;

use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt as _;

use crate::cli::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::retry::Retries;

/// The client made from the contract.
pub(crate) type Stub = DraftServiceClient<Channel>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A little longer than a confirm of terabytes may take by the server's default.
const CALL_TIMEOUT: Duration = Duration::from_secs(660);

/// A connection on which nothing comes back for this long, and [`ALIVE_TIMEOUT`], is broken.
const ALIVE_EVERY: Duration = Duration::from_secs(20);
const ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// The server, which is connected to when it is called.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// As it was given.
    pub(crate) url: String,
    stub: Stub,
    authorization: Option<MetadataValue<Ascii>>,
    retries: u32,
}

impl Server {
    /// # Errors
    /// When the URL is none, or the token.
    pub(crate) fn new(global: &Global) -> Result<Self, Failure> {
        let url = global.server.clone();
        let refused = |why: String| Failure::new("USAGE", Exit::Usage, format!("--server {url}: {why}"));
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|error| refused(error.to_string()))?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => endpoint
                .tls_config(ClientTlsConfig::new().with_native_roots())
                .map_err(|error| refused(error.to_string()))?,
            _ => return Err(refused("must begin with http:// or https://".to_owned())),
        };
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(ALIVE_EVERY)
            .keep_alive_timeout(ALIVE_TIMEOUT)
            .connect_lazy();
        let authorization = match &global.token {
            Some(token) => Some(token.authorization().ok_or_else(|| {
                let rule = "--token: must be a token, of visible characters of ASCII";
                Failure::new("USAGE", Exit::Usage, rule)
            })?),
            None => None,
        };
        Ok(Self {
            url,
            authorization,
            stub: DraftServiceClient::new(channel),
            retries: global.retries,
        })
    }

    /// Calls a method of the contract, which must be one that may be repeated.
    ///
    /// # Errors
    /// The server's, or that it cannot be reached.
    pub(crate) async fn call<Q: Clone, A>(
        &self,
        output: &Output,
        request: Q,
        method: impl AsyncFn(Stub, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Failure> {
        let mut retries = Retries::new(output, self.retries);
        loop {
            let mut request = Request::new(request.clone());
            request.set_timeout(CALL_TIMEOUT);
            if let Some(authorization) = &self.authorization {
                request.metadata_mut().insert("authorization", authorization.clone());
            }
            let status = match method(self.stub.clone(), request).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => status,
            };
            let after = status
                .get_error_details()
                .retry_info()
                .and_then(|info| info.retry_delay);
            let passes = broken(&status) || status.code() == Code::Unavailable || after.is_some();
            let failure = self.failure(status);
            if !passes || !retries.wait(&failure.message, after).await {
                return Err(failure);
            }
        }
    }

    fn failure(&self, status: Status) -> Failure {
        if !broken(&status) {
            return status.into();
        }
        let mut causes = Vec::new();
        let mut next = status.source();
        while let Some(error) = next {
            causes.push(error.to_string());
            next = error.source();
        }
        causes.dedup();
        let message = format!("the server at {} cannot be reached: {}", self.url, causes.join(": "));
        Failure::unavailable(message)
    }
}

/// Whether the status is not the server's answer, but what became of the connection.
fn broken(status: &Status) -> bool {
    status.source().is_some()
}
