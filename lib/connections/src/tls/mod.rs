//! TLS of both ports, from files that may change while the server runs.

mod files;
mod pinned;
mod strict;

use draftstore_auth::follow::{Follower, InForce, Read, Source};
use draftstore_runtime::config::TlsFiles;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use self::files::Contents;
pub(crate) use self::pinned::pinned;
pub(super) use self::strict::strict;

/// What new connections are served with. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    config: InForce<ServerConfig>,
}

/// The files that it comes from. Certificates are replaced days before they end: nothing is lost by looking seldom.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
}

impl Tls {
    /// With what the files hold now; and what keeps it as they are.
    ///
    /// # Errors
    /// When they cannot be read, or do not fit together.
    pub(crate) async fn open(files: TlsFiles) -> anyhow::Result<(Self, Follower<Certificate>)> {
        let follower = Follower::open(Certificate { files })
            .await
            .map_err(anyhow::Error::msg)?;
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
    type Error = String;

    const NAME: &'static str = "the certificate";

    fn read(&self) -> Result<Read<Contents>, String> {
        Contents::read(&self.files).map_err(|error| format!("{error:#}"))
    }

    async fn make(&self, contents: Contents) -> Result<ServerConfig, String> {
        contents.server_config().map_err(|error| format!("{error:#}"))
    }

    fn broken(&self, sentence: String) -> String {
        sentence
    }
}
