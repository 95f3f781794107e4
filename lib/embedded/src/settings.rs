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
    /// The pair of keys that may do everything.
    pub credentials: Credentials,
    /// Another one that may do less.
    pub limited: Option<Limited>,
}

/// A pair of keys that can be lent, by what it signs: it puts objects, in parts and by forms too, and can do nothing else,
/// whatever is added to a request that it has signed.
#[derive(Debug, Clone)]
pub struct Limited {
    /// The pair.
    pub credentials: Credentials,
    /// The bucket that it may put to.
    pub bucket: String,
}
