//! Starting and stopping of the store.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use draftstore_connections::Connections;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber as _;

use crate::access::AccessControl;
use crate::backend::Backend;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::EmbeddedConfig;
use crate::credentials::{private_dir, sync_dir};
use crate::error::BackendError;
use crate::events::Events;
use crate::frontend::Frontend;
use crate::index::{OpenError, ReadOnlyIndex};
use crate::keyring::Keyring;
use crate::server::{self, Port, ShutdownSignal};
use crate::tasks::Tasks;

const INDEX_FILE: &str = "index.redb";
const BLOBS_DIR: &str = "blobs";
/// The pause between two passes over the lifecycle rules, whose times are in days.
const LIFECYCLE_INTERVAL: Duration = Duration::from_secs(3600);
/// The maximum size of an XML request body, in bytes. `DeleteObjects` with 1,000 escaped keys of 1,024 bytes fits.
const MAX_XML: usize = 8 * 1024 * 1024;

/// The reason why the store did not start. The message tells the operator what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedStartError {
    /// Another program listens on the port.
    #[error(
        "the embedded store cannot listen on port {port}, which is already in use: set EMBEDDED_PORT to a free port"
    )]
    PortTaken {
        /// The requested port number.
        port: u16,
    },
    /// Listening on the address failed for another reason.
    #[error("the embedded store cannot listen on {address}: {source}")]
    Listen {
        /// The requested listen address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another process uses the data directory.
    #[error(
        "the embedded store's data in {} is in use by another process: stop that process, or set EMBEDDED_DATA_DIR to \
         another directory",
        .0.display()
    )]
    Locked(PathBuf),
    /// The data directory has the format of another version of this program.
    #[error(
        "the embedded store's data in {} has format {found}, which this version cannot read: run the version that wrote \
         it, or set EMBEDDED_DATA_DIR to another directory",
        .data_dir.display()
    )]
    Format {
        /// The path of the data directory.
        data_dir: PathBuf,
        /// The format number of the data.
        found: u64,
    },
    /// The data directory cannot be created, read or written.
    #[error("the embedded store cannot use its data directory {} (EMBEDDED_DATA_DIR): {reason}", .data_dir.display())]
    Data {
        /// The path of the data directory.
        data_dir: PathBuf,
        /// The error of the file system or the index.
        reason: String,
    },
}

/// A running embedded store. Dropping it stops it immediately; [`EmbeddedStore::shutdown`] lets requests finish first.
#[derive(Debug)]
pub struct EmbeddedStore {
    address: SocketAddr,
    own_address: SocketAddr,
    connections: Connections,
    shutdown: ShutdownSignal,
    server: Option<JoinHandle<()>>,
    tasks: Tasks,
    backend: Option<Backend>,
}

impl EmbeddedStore {
    /// Opens the data directory, removes what an interrupted write left there, and starts to listen.
    ///
    /// Log events go to the current `tracing` subscriber. None contains a query, a signature or a secret.
    ///
    /// # Errors
    /// Returns an [`EmbeddedStartError`] that names the cause and what to do about it.
    pub async fn start(config: EmbeddedConfig) -> Result<Self, EmbeddedStartError> {
        let EmbeddedConfig {
            data_dir,
            listen,
            credentials,
            upload_only,
            limits,
            hosts,
            restore_wait,
            created,
        } = config;
        let listener = TcpListener::bind(listen).await.map_err(|source| {
            if source.kind() == io::ErrorKind::AddrInUse {
                EmbeddedStartError::PortTaken { port: listen.port() }
            } else {
                EmbeddedStartError::Listen {
                    address: listen,
                    source,
                }
            }
        })?;
        let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let failed = |address| move |source| EmbeddedStartError::Listen { address, source };
        let own_listener = TcpListener::bind(own).await.map_err(failed(own))?;
        let own_address = own_listener.local_addr().map_err(failed(own))?;
        let address = listener.local_addr().map_err(failed(listen))?;

        let tasks = Tasks::default();
        let (blob_tasks, dir) = (tasks.clone(), data_dir.clone());
        let open = tasks.spawn_blocking(move || open(&dir, blob_tasks, restore_wait));
        let data_error = |reason: String| EmbeddedStartError::Data {
            data_dir: data_dir.clone(),
            reason,
        };
        let mut backend = open.await.map_err(|error| data_error(error.to_string()))??;
        backend.events = Events::new(created);

        let mut s3_config = S3Config::default();
        s3_config.xml_max_body_size = MAX_XML;
        // Forms are handled before a request reaches s3s.
        s3_config.post_object_max_file_size = 0;
        let mut service = S3ServiceBuilder::new(backend.clone());
        let keyring = Arc::new(Keyring::new(credentials, upload_only));
        service.set_auth(keyring.auth());
        service.set_access(AccessControl::new(Arc::clone(&keyring)));
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(s3_config))));
        let log = tracing::dispatcher::get_default(Clone::clone);
        let frontend = Frontend::new(service.build(), backend.clone(), keyring, log);

        let shutdown = ShutdownSignal::default();
        let own = Port::own(own_listener, &limits);
        let public = Port::public(listener, limits, hosts);
        let connections = public.connections.clone();
        let server = tokio::spawn(server::serve([own, public], frontend, shutdown.clone()));
        let rules = keep_rules(backend.clone(), shutdown.graceful.clone());
        tasks.spawn(rules.with_current_subscriber());
        Ok(Self {
            address,
            own_address,
            connections,
            shutdown,
            server: Some(server),
            tasks,
            backend: Some(backend),
        })
    }

    /// Returns true if the directory contains the data of a store. Changes nothing there.
    pub fn exists(data_dir: &Path) -> bool {
        data_dir.join(INDEX_FILE).is_file()
    }

    /// The address the store listens on, with the actual port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the store for this process alone. Its port has no limits, and is another at every start.
    pub fn own_endpoint(&self) -> String {
        format!("http://{}", self.own_address)
    }

    /// The connections of the store's clients.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The URL of the store for this machine, such as `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// Carries out at once what is due by the lifecycle rules, for tests. The store does so every hour.
    ///
    /// # Errors
    /// Returns the error of the index, after which a later pass continues.
    pub async fn apply_lifecycle(&self) -> io::Result<()> {
        match &self.backend {
            Some(backend) => backend.apply_lifecycle().await.map_err(io::Error::other),
            None => Ok(()),
        }
    }

    /// Sets the clock forward by which retentions end and objects age, for tests. Signatures are checked by the real time.
    pub fn advance_clock(&self, by: Duration) {
        if let Some(backend) = &self.backend {
            backend.clock.advance(by);
        }
    }

    /// Stops accepting requests, gives those in progress some seconds to finish, and closes the data directory, which can
    /// be opened again when this returns.
    pub async fn shutdown(mut self) {
        self.shutdown.graceful.cancel();
        if let Some(server) = self.server.take() {
            // The task ends by itself. A panic in it has been reported.
            let _ = server.await;
        }
        self.tasks.wait().await;
        // Dropping the index joins its thread and closes files, which blocks.
        let backend = self.backend.take();
        let _ = tokio::task::spawn_blocking(move || drop(backend)).await;
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.shutdown.graceful.cancel();
        self.shutdown.immediate.cancel();
    }
}

/// Carries out the lifecycle rules until the store shuts down.
async fn keep_rules(backend: Backend, shutdown: CancellationToken) {
    loop {
        let pass = async {
            // Failures are logged where they happen, and the next pass continues.
            let _ = backend.apply_lifecycle().await;
            tokio::time::sleep(LIFECYCLE_INTERVAL).await;
        };
        if shutdown.run_until_cancelled(pass).await.is_none() {
            return;
        }
    }
}

fn open(data_dir: &Path, tasks: Tasks, restore_wait: Duration) -> Result<Backend, EmbeddedStartError> {
    let data_error = |failure: BackendError| EmbeddedStartError::Data {
        data_dir: data_dir.to_owned(),
        reason: reason(&failure),
    };
    private_dir(data_dir).map_err(|error| data_error(error.into()))?;
    warn_if_writable_by_others(data_dir);
    let index = ReadOnlyIndex::open(&data_dir.join(INDEX_FILE)).map_err(|error| match error {
        OpenError::Locked => EmbeddedStartError::Locked(data_dir.to_owned()),
        OpenError::Format(found) => EmbeddedStartError::Format {
            data_dir: data_dir.to_owned(),
            found,
        },
        OpenError::Failed(error) => data_error(error),
    })?;
    let is_referenced = index.reference_check().map_err(data_error)?;
    let blobs = Blobs::open(data_dir.join(BLOBS_DIR), tasks.clone(), is_referenced).map_err(data_error)?;
    // The index and the blobs directory may be new: sync their names before anything in them is acknowledged.
    sync_dir(data_dir).map_err(|error| data_error(error.into()))?;
    let index = Arc::new(index.start(&blobs).map_err(data_error)?);
    Ok(Backend {
        index,
        blobs,
        tasks,
        clock: Clock::default(),
        restore_wait,
        events: Events::default(),
    })
}

/// Logs a directory that existed before, and in which others could replace files. The files themselves are private.
fn warn_if_writable_by_others(data_dir: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(data_dir).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
        if mode & 0o022 != 0 {
            let mode = format!("{mode:04o}");
            let path = data_dir.display();
            tracing::warn!(%path, mode, remedy = "chmod 700", "data directory writable by others");
        }
    }
}

fn reason(failure: &BackendError) -> String {
    match failure {
        BackendError::Rejected(error) => error.to_string(),
        BackendError::Io(error) => error.to_string(),
        BackendError::Index(error) => error.to_string(),
        BackendError::Record(error) => error.to_string(),
    }
}
