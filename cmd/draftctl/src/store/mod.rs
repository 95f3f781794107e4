//! The object store: transfers through presigned URLs, and the classification of errors.
//!
//! Error messages never contain a URL, because anyone who reads it could use it.

mod body;
mod error;
mod put;
mod stall;

use std::time::Duration;

use draftstore_proxy::{Proxies, Uri};
use reqwest::redirect::Policy;

use crate::error::CommandError;

pub(crate) use body::{FileRange, TransferMeter};
pub(crate) use error::{TransferError, connection_error, read as read_error};
pub(crate) use put::{PutRequest, put};
pub(crate) use stall::with_stall_timeout;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns an HTTP client for presigned URLs. It follows no redirects, because signatures are valid for one host.
///
/// # Errors
/// Returns an error if the system's certificates cannot be read.
pub(crate) fn client() -> Result<reqwest::Client, CommandError> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("draftctl/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .proxy(reqwest::Proxy::custom(|url| {
            let uri: Uri = url.as_str().parse().ok()?;
            Proxies::of_process().proxy_for(&uri)?.to_url()
        }))
        .build();
    client.map_err(|error| {
        CommandError::new(
            "LOCAL_IO",
            crate::exit::Exit::Failed,
            format!("cannot create the HTTP client: {error}"),
        )
    })
}
