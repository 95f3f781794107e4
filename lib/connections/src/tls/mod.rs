//! TLS of both ports, from files that are reloaded while the server runs.

mod error;
mod files;
mod pinned;
mod settings;

use draftstore_runtime::reload::{Live, Reloader, Snapshot, Source};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub use self::error::TlsError;
use self::files::Contents;
pub use self::pinned::pinned;
pub use self::settings::TlsFiles;

/// The TLS configuration of new connections. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Live<ServerConfig>,
}

/// The source of the TLS configuration: the files of the certificate and its key. Certificates are renewed days before
/// they expire, so polling is often enough.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
}

impl Tls {
    /// Loads the files. The reloader keeps the configuration up to date while it runs.
    ///
    /// # Errors
    /// If a file is invalid, or the key belongs to another certificate.
    pub async fn open(files: TlsFiles) -> Result<(Self, Reloader<Certificate>), TlsError> {
        let reloader = Reloader::open(Certificate { files }).await?;
        let config = reloader.live();
        Ok((Self { config }, reloader))
    }

    /// Returns the acceptor for the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.current())
    }
}

impl Source for Certificate {
    type Contents = Contents;
    type Value = ServerConfig;
    type Error = TlsError;

    const NAME: &'static str = "certificate";

    fn read(&self) -> Result<Snapshot<Contents>, TlsError> {
        Contents::read(&self.files)
    }

    async fn make(&self, contents: Contents) -> Result<ServerConfig, TlsError> {
        contents.server_config()
    }

    fn broken(&self, sentence: String) -> TlsError {
        TlsError::Broken(sentence)
    }
}
