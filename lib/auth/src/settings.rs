//! The settings of authentication.

use std::path::PathBuf;
use std::str::FromStr;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};

use crate::methods::AuthMethods;

settings! {
    #[derive(Debug)]
    struct Variables in "Authentication" {
        /// The methods of authentication, any of `api-key`, `jwt` and `mtls` with commas between; `none`: everybody may
        /// do everything.
        auth: Option<Methods> = "AUTH", unset "`none` on loopback; elsewhere it must be set", str::parse;
        /// The file of the policy, which says who callers are and what they may do. It is read again every 2 seconds and at SIGHUP.
        policy_file: Option<PathBuf> = "POLICY_FILE", unset "none", parse::text;
        /// The file of the keys that sign tickets, and that protect upload IDs, page tokens and the markers in main. Lines of
        /// `id:base64`: the first signs, all verify. It is read again every 2 seconds and at SIGHUP.
        ticket_keys_file: Option<PathBuf> =
            "TICKET_KEYS_FILE", unset "the secret of the access key; tickets then end with the process on the embedded store, and there are none elsewhere", parse::text;
    }
}

/// The settings of authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthSettings {
    /// The configured authentication. `None` if it is not configured; the default then depends on the address of the
    /// server.
    pub auth: Option<Auth>,
    /// The file of the keys that sign tickets.
    pub ticket_keys_file: Option<PathBuf>,
}

/// The authentication that the server requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// No authentication: everybody who can reach the server may do everything.
    None,
    /// Every caller needs credentials.
    Required {
        /// The methods that are enabled.
        methods: AuthMethods,
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
            (Some(Methods::Any(methods)), Some(policy_file)) => Some(Auth::Required { methods, policy_file }),
            (Some(Methods::None), None) => Some(Auth::None),
            (None, None) => None,
            (Some(Methods::Any(_)), None) => {
                let rule = "must name the policy file, since AUTH requires credentials";
                return environment.reject("POLICY_FILE", rule);
            }
            (Some(Methods::None), Some(_)) => {
                return environment.reject(
                    "POLICY_FILE",
                    "must not be set with AUTH=none, which requires no credentials",
                );
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

/// The parsed value of `AUTH`.
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
        let mut methods = AuthMethods::default();
        for method in text.split(',') {
            let method = match method.trim() {
                "api-key" => &mut methods.api_key,
                "jwt" => &mut methods.jwt,
                "mtls" => &mut methods.mtls,
                _ => return Err("must be 'none', or any of 'api-key', 'jwt' and 'mtls' with commas between"),
            };
            if std::mem::replace(method, true) {
                return Err("must name each method once");
            }
        }
        Ok(Self::Any(methods))
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
    fn methods_of_authentication_are_parsed() {
        let methods = |text: &str| {
            let settings = load(&[("AUTH", text), ("POLICY_FILE", "policy.toml")]).expect("valid");
            let Some(Auth::Required { methods, policy_file }) = settings.auth else {
                panic!("no method is enabled");
            };
            assert_eq!(policy_file.to_str(), Some("policy.toml"));
            [methods.api_key, methods.jwt, methods.mtls]
        };
        assert_eq!(methods("api-key"), [true, false, false]);
        assert_eq!(methods("jwt, mtls"), [false, true, true]);
        assert_eq!(methods("mtls,jwt,api-key"), [true; 3]);
    }

    #[test]
    fn contradictory_settings_are_rejected() {
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
