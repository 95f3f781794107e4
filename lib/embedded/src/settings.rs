//! What the caller decides: where the data lives, where to listen, and who may call.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::credentials::Credentials;

/// How to start an [`EmbeddedStore`](crate::EmbeddedStore).
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory that holds everything; made, with mode 0700, where it is missing. One process at a time.
    pub data_dir: PathBuf,
    /// A loopback address; port 0 takes any free port.
    pub listen: SocketAddr,
    /// The one pair of keys that may sign requests.
    pub credentials: Credentials,
}
