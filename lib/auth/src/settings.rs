//! How callers are authenticated, as it is configured.

use std::path::PathBuf;
use std::str::FromStr;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};

use crate::methods::AuthMethods;

settings! {
    #[derive(Debug)]
    struct Variables in "Authentication" {
        /// The ways to authenticate, any of `api-key`, `jwt` and `mtls` with commas between; `none`: everybody may do everything.
        auth: Option<Methods> = "AUTH", unset "`none` on loopback; elsewhere it must be set", str::parse;
        /// The file of the policy, which says who callers are and what they may do. It is read again every 2 seconds and at SIGHUP.
        policy_file: Option<PathBuf> = "POLICY_FILE", unset "none", parse::text;
        /// The file of the keys that sign tickets, lines of `id:base64`: the first signs, all verify. It is read again every 2
        /// seconds and at SIGHUP.
        ticket_keys_file: Option<PathBuf> =
            "TICKET_KEYS_FILE", unset "a key that ends with the process on the embedded store, else none", parse::text;
    }
}

/// How callers are authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSettings {
    /// The authentication that was configured; `None` if it was not, so that it depends on who can reach the server.
    pub auth: Option<Auth>,
    /// The file of the keys that sign tickets.
    pub ticket_keys_file: Option<PathBuf>,
}

/// The authentication of callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// No authentication: everybody who can reach the server may do everything.
    Nobody,
    /// The authentication of every caller.
    By {
        /// The ways to authenticate.
        ways: AuthMethods,
        /// The file of the policy.
        policy_file: PathBuf,
    },
}

impl AuthSettings {
    /// The description of the settings.
    pub const SECTION: Section = Variables::SECTION;

    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Self, Invalid> {
        let variables: Variables = environment.load()?;
        let auth = match (variables.auth, variables.policy_file) {
            (Some(Methods::Any(ways)), Some(policy_file)) => Some(Auth::By { ways, policy_file }),
            (Some(Methods::None), None) => Some(Auth::Nobody),
            (None, None) => None,
            (Some(Methods::Any(_)), None) => {
                let rule = "must name the file that says who callers are, since AUTH asks for credentials";
                return environment.reject("POLICY_FILE", rule);
            }
            (Some(Methods::None), Some(_)) => {
                return environment.reject("POLICY_FILE", "must not be set with AUTH=none, which asks nobody");
            }
            (None, Some(_)) => {
                let rule = "must be set with POLICY_FILE: 'api-key', 'jwt' or 'mtls', or several of them";
                return environment.reject("AUTH", rule);
            }
        };
        Ok(Self {
            auth,
            ticket_keys_file: variables.ticket_keys_file,
        })
    }
}

/// The value of `AUTH`.
#[derive(Debug)]
enum Methods {
    None,
    Any(AuthMethods),
}

impl FromStr for Methods {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::None);
        }
        let mut ways = AuthMethods::default();
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
        Ok(Self::Any(ways))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<AuthSettings, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let settings = AuthSettings::load(&mut environment);
        environment.finish(settings).map_err(|error| error.to_string())
    }

    #[test]
    fn ways_to_authenticate_are_read() {
        let ways = |text: &str| {
            let settings = load(&[("AUTH", text), ("POLICY_FILE", "policy.toml")]).expect("valid");
            let Some(Auth::By { ways, policy_file }) = settings.auth else {
                panic!("nobody is authenticated");
            };
            assert_eq!(policy_file.to_str(), Some("policy.toml"));
            [ways.api_key, ways.jwt, ways.mtls]
        };
        assert_eq!(ways("api-key"), [true, false, false]);
        assert_eq!(ways("jwt, mtls"), [false, true, true]);
        assert_eq!(ways("mtls,jwt,api-key"), [true; 3]);
    }

    #[test]
    fn contradictory_settings_are_refused() {
        for (pairs, name) in [
            (&[("AUTH", "api-key")][..], "POLICY_FILE"),
            (&[("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "none"), ("POLICY_FILE", "a")], "POLICY_FILE"),
            (&[("AUTH", "none,api-key"), ("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "jwt,jwt"), ("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "jwt,"), ("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "NONE")], "AUTH"),
        ] {
            let error = load(pairs).expect_err("refused");
            assert!(error.contains(&format!("\n  {name}: ")), "{error}");
        }
    }
}
