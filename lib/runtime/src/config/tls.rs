//! Where certificates are.

use std::path::PathBuf;

use super::errors::Errors;
use super::variables::Values;

/// Files of both ports' TLS, in PEM. They may be replaced while the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and those between it and a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose client certificates are recognised; none: no client is asked for one.
    pub client_ca: Option<PathBuf>,
}

pub(super) fn tls(values: &mut Values, errors: &mut Errors) -> Option<TlsFiles> {
    let mut file = |name, value: &mut Option<String>| errors.parse::<PathBuf>(name, value.take());
    let certificate = file("TLS_CERT_FILE", &mut values.tls_cert_file);
    let key = file("TLS_KEY_FILE", &mut values.tls_key_file);
    let client_ca = file("TLS_CLIENT_CA_FILE", &mut values.tls_client_ca_file);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles {
            certificate,
            key,
            client_ca,
        }),
        (Some(_), None) => {
            errors.add("TLS_KEY_FILE: must be set with TLS_CERT_FILE");
            None
        }
        (None, Some(_)) => {
            errors.add("TLS_CERT_FILE: must be set with TLS_KEY_FILE");
            None
        }
        (None, None) => {
            if client_ca.is_some() {
                errors.add("TLS_CLIENT_CA_FILE: needs TLS_CERT_FILE and TLS_KEY_FILE");
            }
            None
        }
    }
}
