//! TLS of both ports, from files that may change while the server runs.

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

/// What new connections are served with. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Live<ServerConfig>,
}

/// The files that it comes from. Certificates are replaced days before they end: nothing is lost by looking seldom.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
}

impl Tls {
    /// With what the files hold now; and what keeps it as they are.
    ///
    /// # Errors
    /// When they cannot be read, or do not fit together.
    pub async fn open(files: TlsFiles) -> Result<(Self, Reloader<Certificate>), TlsError> {
        let reloader = Reloader::open(Certificate { files }).await?;
        let config = reloader.live();
        Ok((Self { config }, reloader))
    }

    /// For the next connection.
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
