//! Settings from environment variables. The crate that uses a setting declares it once, with its name, default, meaning
//! and parser: see [`settings!`].
//!
//! This crate has no settings of its own, and depends on no async runtime and no SDK, so that every crate can use it.

mod environment;
pub mod parse;
mod reference;
mod unknown;

pub use environment::{Environment, Invalid, InvalidConfig};
pub use reference::{ProgramSettings, help, reference};
pub use unknown::UnknownVariable;

#[doc(hidden)]
pub use serde;

/// An environment variable, as `--help` and the reference page describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The name of the variable.
    pub name: &'static str,
    /// The value that applies if the variable is not set.
    pub default: &'static str,
    /// The effect of the variable, with the unit of its value.
    pub meaning: &'static str,
}

/// The settings of one concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The heading on the reference page, which several sections may share.
    pub title: &'static str,
    /// The settings, in the order of the page.
    pub settings: &'static [Setting],
}

/// A struct of settings, declared by [`settings!`].
pub trait Settings: Sized {
    /// The description of the settings.
    const SECTION: Section;

    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid. The environment then holds the errors.
    fn load(environment: &mut Environment) -> Result<Self, Invalid>;
}

/// Declares a struct of settings, which implements [`Settings`].
///
/// ```text
/// settings! {
///     /// The limits of connections.
///     #[derive(Debug, Clone)]
///     pub struct ConnectionLimits in "Connections" {
///         /// The number of seconds that a connection is kept without a request.
///         pub idle_timeout: Duration = "IDLE_TIMEOUT", default "75", parse::seconds;
///         /// The file of the certificate, in PEM.
///         pub certificate: Option<PathBuf> = "TLS_CERT_FILE", unset "none", parse::text;
///     }
/// }
/// ```
///
/// A field's documentation is the meaning of its variable. After the name of the variable follows one of
/// - `default`: the value that is parsed if the variable is not set;
/// - `unset`: the field is an `Option`, and the text describes the effect if the variable is not set.
///
/// An empty variable counts as not set.
#[macro_export]
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $Settings:ident in $title:literal {
            $(
                $(#[doc = $meaning:literal])+
                $field_visibility:vis $field:ident: $Type:ty = $name:literal, $kind:ident $default:literal, $parse:expr;
            )+
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $Settings {
            $(
                $(#[doc = $meaning])+
                $field_visibility $field: $Type,
            )+
        }

        impl Default for $Settings {
            fn default() -> Self {
                $crate::Environment::default().load().expect("the declared defaults are valid")
            }
        }

        impl $crate::Settings for $Settings {
            const SECTION: $crate::Section = $crate::Section {
                title: $title,
                settings: &[$($crate::Setting {
                    name: $name,
                    default: $default,
                    meaning: concat!($($meaning),+).trim_ascii_start(),
                }),+],
            };

            fn load(environment: &mut $crate::Environment) -> Result<Self, $crate::Invalid> {
                #[derive($crate::serde::Deserialize)]
                #[serde(crate = "draftstore_config::serde")]
                struct Values {
                    $($field: Option<String>,)+
                }
                let values: Values = environment.read(&[$(($name, stringify!($field))),+])?;
                $(let $field = $crate::settings!(@$kind environment, $name, values.$field, $default, $parse);)+
                Ok(Self {
                    $($field: $field?,)+
                })
            }
        }
    };
    (@default $environment:ident, $name:literal, $value:expr, $default:literal, $parse:expr) => {
        $environment.parse($name, $value.as_deref().unwrap_or($default), $parse)
    };
    (@unset $environment:ident, $name:literal, $value:expr, $default:literal, $parse:expr) => {
        match $value.as_deref() {
            Some(value) => $environment.parse($name, value, $parse).map(Some),
            None => Ok(None),
        }
    };
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate as draftstore_config;

    settings! {
        #[derive(Debug, PartialEq, Eq)]
        struct Example in "Examples" {
            /// The number of seconds
            /// to wait.
            wait: Duration = "WAIT_SECONDS", default "10", parse::seconds;
            /// The file.
            file: Option<PathBuf> = "EXAMPLE_FILE", unset "none", parse::text;
            /// The profile.
            profile: Option<String> = "EXAMPLE_PROFILE", unset "the first", parse::text;
        }
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Example, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let example = environment.load();
        environment.finish(example).map_err(|error| error.to_string())
    }

    #[test]
    fn values_and_defaults_are_parsed() {
        let defaults = Example {
            wait: Duration::from_secs(10),
            file: None,
            profile: None,
        };
        assert_eq!(load(&[]).as_ref(), Ok(&defaults));
        let empty = [("WAIT_SECONDS", ""), ("EXAMPLE_FILE", ""), ("EXAMPLE_PROFILE", "")];
        assert_eq!(load(&empty), Ok(defaults));
        let set = Example {
            wait: Duration::ZERO,
            file: Some("a".into()),
            profile: Some("b".to_owned()),
        };
        let pairs = [("WAIT_SECONDS", "0"), ("EXAMPLE_FILE", "a"), ("EXAMPLE_PROFILE", "b")];
        assert_eq!(load(&pairs), Ok(set));
    }

    #[test]
    fn every_error_is_reported_with_its_variable() {
        let error = load(&[("WAIT_SECONDS", "soon"), ("EXAMPLE_PROFILE", "\u{fffd}")]);
        let error = error.expect_err("invalid");
        for line in [
            "\n  WAIT_SECONDS: \"soon\": must be a whole number of seconds",
            "\n  EXAMPLE_PROFILE: must be UTF-8",
        ] {
            assert!(error.contains(line), "{error}");
        }
    }

    #[test]
    fn errors_do_not_show_secrets() {
        let mut environment = Environment::default();
        for (name, value) in [
            ("A_URL", "ftp://me:hush@host"),
            ("A_PASSWORD", "hush"),
            ("A_HEADERS", "a=hush"),
        ] {
            assert_eq!(
                environment.parse::<(), _>(name, value, |_| Err("is wrong")),
                Err(Invalid)
            );
        }
        let error = environment.finish::<()>(Err(Invalid)).expect_err("invalid").to_string();
        assert!(error.contains("ftp://…@host") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn section_describes_the_declared_settings() {
        assert_eq!(Example::SECTION.title, "Examples");
        let wait = Setting {
            name: "WAIT_SECONDS",
            default: "10",
            meaning: "The number of seconds to wait.",
        };
        assert_eq!(Example::SECTION.settings[0], wait);
    }
}
