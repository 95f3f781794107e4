//! Starting and stopping the store.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::backend::Backend;
use crate::blobs::Blobs;
use crate::credentials::{private_dir, sync_dir};
use crate::failure::Failure;
use crate::front::Front;
use crate::guard::Guard;
use crate::index::{OpenError, Opened};
use crate::keyring::Keyring;
use crate::server::{self, Stop};
use crate::settings::Settings;
use crate::tasks::Tasks;

const INDEX_FILE: &str = "index.redb";
const BLOBS_DIR: &str = "blobs";
/// Of one XML document in a request: `DeleteObjects` of 1,000 keys of 1,024 bytes, escaped, fits. Bytes.
const MAX_XML: usize = 8 * 1024 * 1024;

/// Why the store did not start. The message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It speaks plain HTTP: not for a network.
    #[error("the embedded store listens on loopback only, not on {0}: use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// Another program listens there.
    #[error("port {port} is taken, so that the embedded store cannot listen on it: set EMBEDDED_PORT to a free one")]
    PortTaken {
        /// The port asked for.
        port: u16,
    },
    /// The address cannot be listened on for another reason.
    #[error("the embedded store cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// One process at a time.
    #[error("the embedded store's data in {} is in use by another process: stop it, or set EMBEDDED_DATA_DIR", .0.display())]
    Locked(PathBuf),
    /// Another version of this program wrote it.
    #[error("the embedded store's data in {} has format {found}, which this version cannot read", .data_dir.display())]
    Format {
        /// Where the data is.
        data_dir: PathBuf,
        /// Its format's number.
        found: u64,
    },
    /// The directory cannot be made, read or written.
    #[error("the embedded store cannot use its data directory {}: {reason}", .data_dir.display())]
    Data {
        /// Where the data should be.
        data_dir: PathBuf,
        /// What failed.
        reason: String,
    },
}

/// A running store. Dropping it stops it at once; [`EmbeddedStore::shutdown`] lets requests end first.
#[derive(Debug)]
pub struct EmbeddedStore {
    address: SocketAddr,
    stop: Stop,
    server: Option<JoinHandle<()>>,
    tasks: Tasks,
    backend: Option<Backend>,
}

impl EmbeddedStore {
    /// Opens the data directory, removes what an interrupted write left in it, and listens.
    ///
    /// Log lines go to the `tracing` subscriber that is current here; none holds a query, a signature or a secret.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let Settings {
            data_dir,
            listen,
            credentials,
            limited,
        } = settings;
        if !listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(listen));
        }
        let listener = TcpListener::bind(listen).await.map_err(|source| {
            if source.kind() == io::ErrorKind::AddrInUse {
                StartError::PortTaken { port: listen.port() }
            } else {
                StartError::Listen {
                    address: listen,
                    source,
                }
            }
        })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen {
            address: listen,
            source,
        })?;

        let tasks = Tasks::default();
        let (of_blobs, dir) = (tasks.clone(), data_dir.clone());
        let open = tasks.start_blocking(move || open(&dir, of_blobs));
        let failed = |reason: String| StartError::Data {
            data_dir: data_dir.clone(),
            reason,
        };
        let backend = open.await.map_err(|error| failed(error.to_string()))??;

        let mut config = S3Config::default();
        config.xml_max_body_size = MAX_XML;
        // Forms do not reach s3s.
        config.post_object_max_file_size = 0;
        let mut service = S3ServiceBuilder::new(backend.clone());
        let keyring = Arc::new(Keyring::new(credentials, limited));
        service.set_auth(keyring.auth());
        service.set_access(Guard::new(Arc::clone(&keyring)));
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        let log = tracing::dispatcher::get_default(Clone::clone);
        let front = Front::new(service.build(), backend.clone(), keyring, log);

        let stop = Stop::default();
        let server = tokio::spawn(server::serve(listener, front, tasks.clone(), stop.clone()));
        Ok(Self {
            address,
            stop,
            server: Some(server),
            tasks,
            backend: Some(backend),
        })
    }

    /// Where it listens, with the port it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts no more, lets requests under way end for some seconds, and closes the data directory: when this
    /// returns it can be opened again.
    pub async fn shutdown(mut self) {
        self.stop.gently.cancel();
        if let Some(server) = self.server.take() {
            // It ends by itself; a panic in it has been reported.
            let _ = server.await;
        }
        self.tasks.finished().await;
        // The index's thread and files close where that may block.
        let backend = self.backend.take();
        let _ = tokio::task::spawn_blocking(move || drop(backend)).await;
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.stop.gently.cancel();
        self.stop.now.cancel();
    }
}

fn open(data_dir: &Path, tasks: Tasks) -> Result<Backend, StartError> {
    let failed = |failure: Failure| StartError::Data {
        data_dir: data_dir.to_owned(),
        reason: reason(&failure),
    };
    private_dir(data_dir).map_err(|error| failed(error.into()))?;
    let index = Opened::open(&data_dir.join(INDEX_FILE)).map_err(|error| match error {
        OpenError::Locked => StartError::Locked(data_dir.to_owned()),
        OpenError::Format(found) => StartError::Format {
            data_dir: data_dir.to_owned(),
            found,
        },
        OpenError::Failed(error) => failed(Failure::Index(error)),
    })?;
    let is_referenced = index.references().map_err(failed)?;
    let blobs = Blobs::open(data_dir.join(BLOBS_DIR), tasks.clone(), is_referenced).map_err(failed)?;
    // The names of the two, made just now perhaps, are on disk before anything in them is acknowledged.
    sync_dir(data_dir).map_err(|error| failed(error.into()))?;
    let index = Arc::new(index.start(&blobs).map_err(failed)?);
    Ok(Backend { index, blobs, tasks })
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Refused(error) => error.to_string(),
        Failure::Io(error) => error.to_string(),
        Failure::Index(error) => error.to_string(),
        Failure::Record(error) => error.to_string(),
    }
}
