//! The embedded store, in this process, on a port and in a directory of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use draftstore_embedded::{Credentials, EmbeddedConfig, EmbeddedStore};
use tempfile::TempDir;

use crate::Endpoint;

/// An embedded store with nothing in it. It ends, and its data go, when this is dropped.
#[derive(Debug)]
pub struct Embedded {
    store: EmbeddedStore,
    credentials: Credentials,
    /// Goes after the store, which writes into it.
    directory: TempDir,
}

impl Embedded {
    /// Starts one; it answers when this returns.
    ///
    /// # Panics
    /// When it does not start, saying why: a test without its store has failed.
    pub async fn start() -> Self {
        let directory = TempDir::new().expect("the system's temporary directory can be written");
        let data_dir = directory.path().to_owned();
        let credentials = Credentials::load_or_create(&data_dir).expect("a fresh directory takes new credentials");
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = EmbeddedConfig {
            data_dir,
            listen,
            credentials: credentials.clone(),
            upload_only: None,
        };
        let store = match EmbeddedStore::start(settings).await {
            Ok(store) => store,
            Err(error) => panic!("the embedded store did not start: {error}"),
        };
        Self {
            store,
            credentials,
            directory,
        }
    }

    /// How to reach it.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            url: self.store.endpoint(),
            region: "us-east-1".into(),
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: self.credentials.secret_access_key.clone(),
        }
    }

    /// Where its data lie.
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }
}
