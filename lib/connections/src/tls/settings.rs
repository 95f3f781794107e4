//! The settings of TLS.

use std::path::PathBuf;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};

settings! {
    #[derive(Debug)]
    struct TlsSettings in "TLS" {
        /// The file of the certificate of both ports and its intermediates, in PEM. It is read again every 2 seconds and at SIGHUP.
        certificate: Option<PathBuf> = "TLS_CERT_FILE", unset "none", parse::text;
        /// The file of its private key, in PEM.
        key: Option<PathBuf> = "TLS_KEY_FILE", unset "none", parse::text;
        /// The file of the certificate authorities of client certificates, in PEM. A client may send a certificate, and need not.
        client_ca: Option<PathBuf> = "TLS_CLIENT_CA_FILE", unset "none", parse::text;
    }
}

/// The files of both ports' TLS, in PEM. They may be replaced while the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate and its intermediates.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The certificate authorities of client certificates. Clients are not asked for one if it is `None`.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// The description of the settings.
    pub const SECTION: Section = TlsSettings::SECTION;

    /// Reads the names of the files; `None` means that there is no TLS.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Option<Self>, Invalid> {
        let TlsSettings {
            certificate,
            key,
            client_ca,
        } = environment.load()?;
        match (certificate, key) {
            (Some(certificate), Some(key)) => Ok(Some(Self {
                certificate,
                key,
                client_ca,
            })),
            (Some(_), None) => environment.reject("TLS_KEY_FILE", "must be set with TLS_CERT_FILE"),
            (None, Some(_)) => environment.reject("TLS_CERT_FILE", "must be set with TLS_KEY_FILE"),
            (None, None) if client_ca.is_some() => {
                environment.reject("TLS_CLIENT_CA_FILE", "needs TLS_CERT_FILE and TLS_KEY_FILE")
            }
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Option<TlsFiles>, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let files = TlsFiles::load(&mut environment);
        environment.finish(files).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_name_the_files() {
        let pair = [("TLS_CERT_FILE", "c.pem"), ("TLS_KEY_FILE", "k.pem")];
        let files = |client_ca: Option<&str>| TlsFiles {
            certificate: "c.pem".into(),
            key: "k.pem".into(),
            client_ca: client_ca.map(Into::into),
        };
        assert_eq!(load(&[]), Ok(None));
        assert_eq!(load(&pair), Ok(Some(files(None))));
        let all = [&pair[..], &[("TLS_CLIENT_CA_FILE", "a.pem")]].concat();
        assert_eq!(load(&all), Ok(Some(files(Some("a.pem")))));
    }

    #[test]
    fn incomplete_settings_are_rejected() {
        for (pairs, name) in [
            (&[("TLS_CERT_FILE", "c")][..], "TLS_KEY_FILE: "),
            (&[("TLS_KEY_FILE", "k")], "TLS_CERT_FILE: "),
            (&[("TLS_CLIENT_CA_FILE", "a")], "TLS_CLIENT_CA_FILE: "),
            (&[("TLS_CERT_FILE", ""), ("TLS_KEY_FILE", "k")], "TLS_CERT_FILE: "),
        ] {
            let error = load(pairs).expect_err("refused");
            assert!(error.contains(name), "{error}");
        }
    }
}
