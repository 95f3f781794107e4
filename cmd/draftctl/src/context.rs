//! What every command works with.

use tokio::sync::OnceCell;

use crate::cli::Global;
use crate::failure::Failure;
use crate::output::Output;
use crate::retry::Retries;
use crate::server::Server;
use crate::store;

/// Made once a run.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    pub(crate) output: Output,
    server: OnceCell<Server>,
    http: OnceCell<reqwest::Client>,
}

impl Context {
    pub(crate) fn new(global: Global, output: Output) -> Self {
        Self {
            global,
            output,
            server: OnceCell::new(),
            http: OnceCell::new(),
        }
    }

    /// The server.
    ///
    /// # Errors
    /// When its URL is none.
    pub(crate) async fn server(&self) -> Result<&Server, Failure> {
        self.server.get_or_try_init(async || Server::new(&self.global)).await
    }

    /// The client for presigned URLs.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub(crate) async fn http(&self) -> Result<&reqwest::Client, Failure> {
        self.http.get_or_try_init(async || store::client()).await
    }

    /// The retries of one transfer.
    pub(crate) fn retries(&self) -> Retries<'_> {
        Retries::new(&self.output, self.global.retries)
    }
}
