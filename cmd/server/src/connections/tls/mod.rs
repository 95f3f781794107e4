//! TLS of both ports, from files that may change while the server runs.

mod files;
mod pinned;
mod strict;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use draftstore_runtime::config::TlsFiles;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use self::files::Contents;
pub(crate) use self::pinned::pinned;
pub(super) use self::strict::strict;

/// Between two looks at the files. Certificates are replaced days before they end.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What new connections are served with. Clones share it.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Tls {
    /// With what the files hold now; from now on they are looked at every few seconds and at SIGHUP, until the shutdown.
    ///
    /// # Errors
    /// When they cannot be read, or do not fit together.
    pub(crate) fn start(files: TlsFiles, shutdown: CancellationToken) -> anyhow::Result<Self> {
        let contents = Contents::read(&files)?;
        let tls = Self {
            current: Arc::new(RwLock::new(Arc::new(contents.server_config()?))),
            files,
        };
        let hangup = signal(SignalKind::hangup())?;
        let fresh = tls.clone().keep_fresh(contents, hangup);
        tokio::spawn(async move { shutdown.run_until_cancelled(fresh).await });
        Ok(tls)
    }

    /// For the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        // Nothing panics while it holds the lock.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }

    async fn keep_fresh(self, mut last: Contents, mut hangup: tokio::signal::unix::Signal) {
        loop {
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                _ = hangup.recv() => {}
            }
            match Contents::read(&self.files) {
                Ok(contents) if contents == last => {}
                Ok(contents) => {
                    self.replace(&contents);
                    last = contents;
                }
                Err(error) => tracing::warn!("{error:#}: serving with the certificate from before"),
            }
        }
    }

    fn replace(&self, contents: &Contents) {
        match contents.server_config() {
            Ok(config) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                tracing::info!("new connections are served with the new certificate");
            }
            Err(error) => tracing::error!("{error:#}: serving with the certificate from before"),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
