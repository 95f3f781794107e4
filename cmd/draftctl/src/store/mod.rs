//! The object store, by presigned URLs: sending pieces of files, and what its refusals mean.
//!
//! A URL never gets into a message: whoever reads one could use it.

mod body;
mod put;
mod refusal;
mod stall;

use std::time::Duration;

use reqwest::redirect::Policy;

use crate::failure::Failure;

pub(crate) use body::{Meter, Piece};
pub(crate) use put::{Put, put};
pub(crate) use refusal::{Trouble, broken, read as read_refusal};
pub(crate) use stall::unless_stalled;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for presigned URLs. It follows no redirect: signatures are for one host.
///
/// # Errors
/// When the system's certificates cannot be read.
pub(crate) fn client() -> Result<reqwest::Client, Failure> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("draftctl/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(Policy::none())
        .build();
    client.map_err(|error| {
        Failure::new(
            "LOCAL_IO",
            crate::exit::Exit::Failed,
            format!("no HTTP client: {error}"),
        )
    })
}
