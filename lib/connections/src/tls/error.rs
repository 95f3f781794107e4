//! Why there is no TLS.

use tokio_rustls::rustls;

/// Why nothing can be made of the files. Says what was found instead of what was asked for, never a part of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read.
    #[error("{variable}: {reason}")]
    Unreadable {
        /// What names the file.
        variable: &'static str,
        /// A sentence that names the file as well.
        reason: String,
    },
    /// It has to hold certificates in PEM.
    #[error("{variable} is no PEM: {reason}")]
    NotPem {
        /// What names the file.
        variable: &'static str,
        /// What is wrong with its text.
        reason: String,
    },
    /// It holds something else.
    #[error("{variable} holds no certificate in PEM")]
    NoCertificate {
        /// What names the file.
        variable: &'static str,
    },
    /// It holds something else.
    #[error("TLS_KEY_FILE holds no private key in PEM")]
    NoKey,
    /// One of its certificates cannot issue others.
    #[error("TLS_CLIENT_CA_FILE holds what is no authority: {0}")]
    NoAuthority(rustls::Error),
    /// The key is another certificate's, or of a kind that is not known.
    #[error("TLS_CERT_FILE and TLS_KEY_FILE cannot be used together: {0}")]
    Unfit(rustls::Error),
    /// What encrypts and signs here knows none of the versions: a bug.
    #[error("TLS cannot be set up: {0}")]
    Unsupported(rustls::Error),
    /// Reading has ended in the middle.
    #[error("{0}")]
    Broken(String),
}
