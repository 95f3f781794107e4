//! The settings of the store: its data directory, its listen address, and its key pairs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use draftstore_connections::{ConnectionLimits, HostRules};

use tokio::sync::mpsc;

use crate::credentials::Credentials;
use crate::events::CreatedObject;

/// The settings of an [`EmbeddedStore`](crate::EmbeddedStore).
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// The directory of all data, created with mode 0700 if it does not exist. Only one process may use it at a time.
    pub data_dir: PathBuf,
    /// The address to listen on. Port 0 picks any free port.
    pub listen: SocketAddr,
    /// The key pair that may call every operation.
    pub credentials: Credentials,
    /// An additional key pair that may only upload, if there is one.
    pub upload_only: Option<UploadOnly>,
    /// The limits of connections.
    pub limits: ConnectionLimits,
    /// The rules for the hosts of requests, if there are any.
    pub hosts: Option<HostRules>,
    /// The time until an object that is restored from an archive can be read.
    pub restore_wait: Duration,
    /// The receiver of the events of new objects, if there is one.
    pub created: Option<mpsc::Sender<CreatedObject>>,
}

/// A key pair that may only upload to one bucket: by PUT, in parts, or by form.
///
/// URLs signed with it are safe to hand out. Nothing that their holder adds to the request widens what it may do.
#[derive(Debug, Clone)]
pub struct UploadOnly {
    /// The access key ID and its secret.
    pub credentials: Credentials,
    /// The only bucket that accepts uploads signed with this pair.
    pub bucket: String,
}
