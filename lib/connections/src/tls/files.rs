//! The contents of the TLS files, and the server configuration made from them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use draftstore_runtime::reload::{Fingerprint, Snapshot, read_file};
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::validity::Validity;
use super::{TlsError, TlsFiles};

/// The protocols offered by ALPN, in order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The bytes of the TLS files, including the private key.
pub struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}

impl Contents {
    /// Reads all of the files.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read(files: &TlsFiles) -> Result<Snapshot<Self>, TlsError> {
        let contents = Self {
            certificate: read("TLS_CERT_FILE", &files.certificate)?,
            key: read("TLS_KEY_FILE", &files.key)?,
            client_ca: match &files.client_ca {
                Some(file) => Some(read("TLS_CLIENT_CA_FILE", file)?),
                None => None,
            },
        };
        let parts = [&contents.certificate, &contents.key]
            .into_iter()
            .chain(&contents.client_ca);
        let fingerprint = Fingerprint::of(parts.map(Vec::as_slice));
        Ok(Snapshot { contents, fingerprint })
    }

    /// Returns the time in which the server's certificates are valid.
    ///
    /// # Errors
    /// If the file is invalid.
    pub(super) fn validity(&self) -> Result<Validity, TlsError> {
        Ok(Validity::of(&certificates("TLS_CERT_FILE", &self.certificate)?))
    }

    /// Returns a configuration for TLS 1.2 and 1.3. If there are client authorities, a client may present a
    /// certificate, and one that does not verify fails the handshake.
    ///
    /// # Errors
    /// If a file is invalid, or the key belongs to another certificate.
    pub(super) fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let chain = certificates("TLS_CERT_FILE", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| TlsError::NoKey)?;
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unsupported)?;
        let builder = match &self.client_ca {
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates("TLS_CLIENT_CA_FILE", authorities)? {
                    roots.add(authority).map_err(TlsError::NoAuthority)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = verifier.allow_unauthenticated().build();
                builder.with_client_cert_verifier(verifier.expect("there is an authority, and no list of revoked ones"))
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(TlsError::Unfit)?;
        config.alpn_protocols = PROTOCOLS.map(Vec::from).into();
        Ok(config)
    }
}

/// Parses the certificates of a PEM file, which must have at least one.
pub(super) fn certificates(variable: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| TlsError::NotPem {
        variable,
        reason: error.to_string(),
    })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { variable });
    }
    Ok(certificates)
}

pub(super) fn read(variable: &'static str, file: &Path) -> Result<Vec<u8>, TlsError> {
    read_file(file).map_err(|reason| TlsError::Unreadable { variable, reason })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn invalid_file_is_named_and_not_quoted() {
        let ((certificate, key), (_, other_key)) = (pair(), pair());
        let broken = certificate.replace("-----END", "=====END");
        for (certificate, key, client_ca, expected) in [
            (&*certificate, &*key, None, None),
            (&certificate, &key, Some(&*certificate), None),
            ("secret", &key, None, Some("TLS_CERT_FILE contains no PEM certificate")),
            (&broken, &key, None, Some("TLS_CERT_FILE is not valid PEM: ")),
            (
                &certificate,
                "secret",
                None,
                Some("TLS_KEY_FILE contains no PEM private key"),
            ),
            (
                &certificate,
                &other_key,
                None,
                Some("TLS_CERT_FILE and TLS_KEY_FILE do not match: "),
            ),
            (
                &certificate,
                &key,
                Some("secret"),
                Some("TLS_CLIENT_CA_FILE contains no PEM certificate"),
            ),
        ] {
            let contents = Contents {
                certificate: certificate.into(),
                key: key.into(),
                client_ca: client_ca.map(Into::into),
            };
            assert!(!format!("{contents:?}").contains("secret"));
            let said = contents.server_config().err().map(|error| error.to_string());
            match (&said, expected) {
                (None, None) => {}
                (Some(said), Some(expected)) => {
                    assert!(said.starts_with(expected) && !said.contains("secret"), "{said}");
                }
                _ => panic!("{said:?}, and not {expected:?}"),
            }
        }
    }

    #[test]
    fn unreadable_file_is_named_with_its_variable() {
        let missing = Path::new("/nowhere/cert.pem");
        let files = TlsFiles {
            certificate: missing.into(),
            key: missing.into(),
            client_ca: None,
        };
        let said = Contents::read(&files).err().map(|error| error.to_string());
        let said = said.expect("nothing is there");
        assert!(
            said.starts_with("TLS_CERT_FILE: /nowhere/cert.pem cannot be read: "),
            "{said}"
        );
    }
}
