//! TLS of both ports, from files that are reloaded while the server runs.

mod error;
mod files;
mod pinned;
mod settings;
mod validity;

use std::sync::Arc;
use std::time::SystemTime;

use draftstore_runtime::reload::{Live, Reloader, Snapshot, Source};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub use self::error::TlsError;
use self::files::Contents;
pub use self::pinned::pinned;
pub use self::settings::TlsFiles;
use self::validity::{OutOfDate, Validity};

/// The TLS configuration of new connections. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    config: Live<Secured>,
}

/// A TLS configuration, with the time in which its certificate is valid.
#[derive(Debug)]
pub struct Secured {
    config: Arc<ServerConfig>,
    validity: Validity,
}

/// The source of the TLS configuration: the files of the certificate and its key. Certificates are renewed days before
/// they expire, so polling is often enough.
#[derive(Debug)]
pub struct Certificate {
    files: TlsFiles,
}

impl Tls {
    /// Loads the files. The reloader keeps the configuration up to date while it runs. A certificate that is not valid at present
    /// is used, with a warning, because clients may still trust it. It never replaces one that is valid.
    ///
    /// # Errors
    /// If a file is invalid, or the key belongs to another certificate.
    pub async fn open(files: TlsFiles) -> Result<(Self, Reloader<Certificate>), TlsError> {
        let reloader = Reloader::open(Certificate { files }).await?;
        let config = reloader.live();
        if let Some(problem) = config.current().validity.problem(SystemTime::now()) {
            warn(problem);
        }
        Ok((Self { config }, reloader))
    }

    /// Returns the acceptor for the next connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.current().config))
    }
}

fn warn(problem: OutOfDate) {
    tracing::warn!(variable = "TLS_CERT_FILE", %problem, "certificate not valid at present");
}

impl Source for Certificate {
    type Contents = Contents;
    type Value = Secured;
    type Error = TlsError;

    const NAME: &'static str = "certificate";

    fn read(&self) -> Result<Snapshot<Contents>, TlsError> {
        Contents::read(&self.files)
    }

    async fn make(&self, contents: Contents) -> Result<Secured, TlsError> {
        Ok(Secured {
            config: Arc::new(contents.server_config()?),
            validity: contents.validity()?,
        })
    }

    fn replacing(&self, current: &Secured, next: &Secured) -> Result<(), TlsError> {
        let now = SystemTime::now();
        match next.validity.problem(now) {
            Some(problem) if current.validity.problem(now).is_none() => Err(TlsError::NotValidNow(problem)),
            Some(problem) => {
                warn(problem);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn broken(&self, sentence: String) -> TlsError {
        TlsError::Broken(sentence)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use draftstore_runtime::reload::PollOutcome;
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    /// Writes a pair that is valid from the beginning of one year to the beginning of another.
    fn write(files: &TlsFiles, from: i32, until: i32) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("signed");
        fs::write(&files.certificate, certificate.pem()).expect("written");
        fs::write(&files.key, key.serialize_pem()).expect("written");
    }

    #[tokio::test]
    async fn valid_certificate_is_replaced_only_by_a_valid_one() {
        let directory = TempDir::new().expect("a directory");
        let files = TlsFiles {
            certificate: directory.path().join("cert.pem"),
            key: directory.path().join("key.pem"),
            client_ca: None,
        };
        let (valid, expired, future) = ((2001, 3001), (2001, 2002), (3001, 3002));
        write(&files, 2001, 2002);
        let (tls, mut reloader) = Tls::open(files.clone()).await.expect("usable");
        for ((from, until), outcome) in [
            (future, PollOutcome::Replaced),
            (expired, PollOutcome::Replaced),
            (valid, PollOutcome::Replaced),
            (expired, PollOutcome::Refused),
            (future, PollOutcome::Refused),
            (valid, PollOutcome::Replaced),
        ] {
            write(&files, from, until);
            assert_eq!(reloader.poll().await, outcome, "{from} to {until}");
        }
        assert_eq!(tls.config.current().validity.problem(SystemTime::now()), None);
    }
}
