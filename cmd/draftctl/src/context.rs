//! The state that the commands of a run share: options, output, and clients.

use tokio::sync::OnceCell;

use crate::cli::GlobalOptions;
use crate::client::ApiClient;
use crate::error::CommandError;
use crate::output::Output;
use crate::retry::Retries;
use crate::store;

/// The shared state of a run. Clients are created on first use.
#[derive(Debug)]
pub(crate) struct Context {
    options: GlobalOptions,
    pub(crate) output: Output,
    server: OnceCell<ApiClient>,
    http: OnceCell<reqwest::Client>,
}

impl Context {
    pub(crate) fn new(options: GlobalOptions, output: Output) -> Self {
        Self {
            options,
            output,
            server: OnceCell::new(),
            http: OnceCell::new(),
        }
    }

    /// Returns the client of the server.
    ///
    /// # Errors
    /// Returns an error if the server URL or the token is invalid.
    pub(crate) async fn server(&self) -> Result<&ApiClient, CommandError> {
        self.server
            .get_or_try_init(async || ApiClient::new(&self.options))
            .await
    }

    /// Returns the HTTP client for presigned URLs.
    ///
    /// # Errors
    /// Returns an error if the system's certificates cannot be read.
    pub(crate) async fn http(&self) -> Result<&reqwest::Client, CommandError> {
        self.http.get_or_try_init(async || store::client()).await
    }

    /// Returns the retries of one transfer.
    pub(crate) fn retries(&self) -> Retries<'_> {
        Retries::new(&self.output, self.options.retries)
    }
}
