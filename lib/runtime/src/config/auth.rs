//! Who is asked who they are, and how.

use std::path::PathBuf;
use std::str::FromStr;

use super::errors::Errors;
use super::variables::Values;
use super::{Auth, Config, InvalidConfig, Ways};

/// The ways that were set; none where `AUTH` is not.
pub(super) fn auth(values: &mut Values, errors: &mut Errors) -> Option<Auth> {
    let asked: Option<Asked> = errors.parse("AUTH", values.auth.take());
    let policy_file: Option<PathBuf> = errors.parse("POLICY_FILE", values.policy_file.take());
    match (asked, policy_file) {
        (Some(Asked::Ways(ways)), Some(policy_file)) => return Some(Auth::By { ways, policy_file }),
        (Some(Asked::Nobody), None) => return Some(Auth::Nobody),
        (None, None) => {}
        (Some(Asked::Ways(_)), None) => {
            errors.add("POLICY_FILE: must name the file that says who callers are, since AUTH asks for credentials");
        }
        (Some(Asked::Nobody), Some(_)) => errors.add("POLICY_FILE: must not be set with AUTH=none, which asks nobody"),
        (None, Some(_)) => {
            errors.add("AUTH: must be set with POLICY_FILE: 'api-key', 'jwt' or 'mtls', or several of them");
        }
    }
    None
}

impl Config {
    /// Who is asked by a server that listens as it is configured to.
    ///
    /// # Errors
    /// [`InvalidConfig`] where it would be open to others than this machine without having been told so, or could not be
    /// shown the certificates that it is to ask for.
    pub fn auth_of_server(&self) -> Result<Auth, InvalidConfig> {
        let mut errors = Errors::default();
        let asks_for_certificates = matches!(&self.auth, Some(Auth::By { ways, .. }) if ways.mtls);
        let sees_certificates = self.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if asks_for_certificates && !sees_certificates {
            errors.add("TLS_CLIENT_CA_FILE: must name the authorities of client certificates, since AUTH has mtls");
        }
        let auth = match &self.auth {
            Some(auth) => Some(auth.clone()),
            None if self.listen.address.is_loopback() => Some(Auth::Nobody),
            None => {
                errors.add(format!(
                    "AUTH: must be set, since the server listens on {}, beyond this machine: set AUTH=api-key and \
                     POLICY_FILE to a file of callers (`draftstore-server key new` makes a key), or BIND_ADDRESS=127.0.0.1, \
                     or AUTH=none to let everybody who reaches it do everything",
                    self.listen.address
                ));
                None
            }
        };
        errors.finish(auth)
    }
}

/// What `AUTH` says.
enum Asked {
    Nobody,
    Ways(Ways),
}

impl FromStr for Asked {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::Nobody);
        }
        let mut ways = Ways::default();
        for way in text.split(',') {
            let way = match way.trim() {
                "api-key" => &mut ways.api_key,
                "jwt" => &mut ways.jwt,
                "mtls" => &mut ways.mtls,
                _ => return Err("must be 'none', or any of 'api-key', 'jwt' and 'mtls' with commas between"),
            };
            if std::mem::replace(way, true) {
                return Err("must name each way once");
            }
        }
        Ok(Self::Ways(ways))
    }
}
