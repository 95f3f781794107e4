//! What the files hold, and what TLS makes of it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use draftstore_auth::follow::{Fingerprint, Read, content};
use draftstore_runtime::config::TlsFiles;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What clients may choose from, by ALPN.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files' bytes. Has no `Debug`: one of them is a secret.
pub(crate) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Contents {
    /// # Errors
    /// When one cannot be read.
    pub(super) fn read(files: &TlsFiles) -> anyhow::Result<Read<Self>> {
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
        Ok(Read { contents, fingerprint })
    }

    /// TLS 1.2 and 1.3. Clients may show a certificate where there is an authority for them, and need not; one that does
    /// not verify ends the handshake.
    ///
    /// # Errors
    /// When a file is not what it should be, or the key is another certificate's.
    pub(super) fn server_config(&self) -> anyhow::Result<ServerConfig> {
        let certificates = certificates("TLS_CERT_FILE", &self.certificate)?;
        // The error says what was found instead, never a part of it.
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .ok()
            .context("TLS_KEY_FILE holds no private key in PEM")?;
        let provider = Arc::new(default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = match &self.client_ca {
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in self::certificates("TLS_CLIENT_CA_FILE", authorities)? {
                    roots
                        .add(authority)
                        .context("TLS_CLIENT_CA_FILE holds what is no authority")?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = verifier.allow_unauthenticated().build();
                builder.with_client_cert_verifier(verifier.context("TLS_CLIENT_CA_FILE cannot be used")?)
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(certificates, key)
            .context("TLS_CERT_FILE and TLS_KEY_FILE cannot be used together")?;
        config.alpn_protocols = PROTOCOLS.map(Vec::from).into();
        Ok(config)
    }
}

/// Those of a file in PEM, of which there has to be one.
pub(super) fn certificates(variable: &str, pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.with_context(|| format!("{variable} is no PEM"))?;
    ensure!(!certificates.is_empty(), "{variable} holds no certificate in PEM");
    Ok(certificates)
}

pub(super) fn read(variable: &str, file: &Path) -> anyhow::Result<Vec<u8>> {
    content(file).map_err(|error| anyhow!("{variable}: {error}"))
}
