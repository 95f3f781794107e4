//! TLS of both ports, from files that may change while the server runs.

mod error;
mod files;
mod pinned;

use draftstore_auth::follow::{Follower, InForce, Read, Source};
use draftstore_runtime::config::TlsFiles;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub use self::error::TlsError;
use self::files::Contents;
pub use self::pinned::pinned;

/// What new connections are served with. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    config: InForce<ServerConfig>,
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
    pub async fn open(files: TlsFiles) -> Result<(Self, Follower<Certificate>), TlsError> {
        let follower = Follower::open(Certificate { files }).await?;
        let config = follower.in_force();
        Ok((Self { config }, follower))
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

    const NAME: &'static str = "the certificate";

    fn read(&self) -> Result<Read<Contents>, TlsError> {
        Contents::read(&self.files)
    }

    async fn make(&self, contents: Contents) -> Result<ServerConfig, TlsError> {
        contents.server_config()
    }

    fn broken(&self, sentence: String) -> TlsError {
        TlsError::Broken(sentence)
    }
}
