//! The embedded store in this process, on a free port and in a temporary directory.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use draftstore_connections::ConnectionLimits;
use draftstore_embedded::{Credentials, EmbeddedConfig, EmbeddedStore};
use tempfile::TempDir;

use crate::StoreEndpoint;

/// A running, empty embedded store. It stops on drop, and its data is deleted.
#[derive(Debug)]
pub struct Embedded {
    store: EmbeddedStore,
    credentials: Credentials,
    /// Dropped after the store, which writes to it.
    directory: TempDir,
}

impl Embedded {
    /// Starts a store, which accepts requests when this returns.
    ///
    /// # Panics
    /// Panics with the reason if the store does not start.
    pub async fn start() -> Self {
        let directory = TempDir::new().expect("the system's temporary directory can be written");
        let data_dir = directory.path().to_owned();
        let credentials =
            Credentials::load_or_create(&data_dir).expect("credentials can be created in a new directory");
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = EmbeddedConfig {
            data_dir,
            listen,
            credentials: credentials.clone(),
            upload_only: None,
            limits: ConnectionLimits {
                address_rate: None,
                ..ConnectionLimits::default()
            },
            hosts: None,
            restore_wait: Duration::ZERO,
            created: None,
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

    /// Returns the address and the credentials of the store.
    pub fn endpoint(&self) -> StoreEndpoint {
        StoreEndpoint {
            url: self.store.endpoint(),
            region: "us-east-1".into(),
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: self.credentials.secret_access_key.clone(),
        }
    }

    /// Sets the store's clock forward, and carries out the lifecycle rules that are due then.
    ///
    /// # Panics
    /// If the store fails.
    pub async fn age(&self, by: Duration) {
        self.store.advance_clock(by);
        self.store.apply_lifecycle().await.expect("the rules are carried out");
    }

    /// Returns the directory that contains the data.
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }
}
