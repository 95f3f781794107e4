//! The errors of TLS configuration.

use tokio_rustls::rustls;

use super::validity::OutOfDate;

/// The reason why the TLS files cannot be used. It names the variable of the file, and never quotes the file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{variable}: {reason}")]
    Unreadable {
        /// The variable that names the file.
        variable: &'static str,
        /// The reason, with the path of the file.
        reason: String,
    },
    /// A file is not valid PEM.
    #[error("{variable} is not valid PEM: {reason}")]
    NotPem {
        /// The variable that names the file.
        variable: &'static str,
        /// The syntax error in the file.
        reason: String,
    },
    /// A file has no certificate in it.
    #[error("{variable} contains no PEM certificate")]
    NoCertificate {
        /// The variable that names the file.
        variable: &'static str,
    },
    /// The key file has no private key in it.
    #[error("TLS_KEY_FILE contains no PEM private key")]
    NoKey,
    /// A certificate in the file of authorities cannot issue certificates.
    #[error("TLS_CLIENT_CA_FILE contains a certificate that is not an authority: {0}")]
    NoAuthority(rustls::Error),
    /// The key belongs to another certificate, or is of an unsupported kind.
    #[error("TLS_CERT_FILE and TLS_KEY_FILE do not match: {0}")]
    Unfit(rustls::Error),
    /// A certificate is not valid at present, and the one in use is.
    #[error("TLS_CERT_FILE contains a certificate that {0}; the one in use stays")]
    NotValidNow(OutOfDate),
    /// The crypto provider supports no TLS version, which is a bug.
    #[error("TLS cannot be set up: {0}")]
    Unsupported(rustls::Error),
    /// Reading the files panicked.
    #[error("{0}")]
    Broken(String),
}
