//! The origins of web pages that may use the API and the draft bucket.

use std::str::FromStr;
use std::sync::Arc;

use draftstore_storage::CorsRule;

/// A list of origins as browsers send them (`https://app.example.com`), or `*` for any. May be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Arc<Vec<String>>);

/// The error for a string that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an origin: it must be '*', or http or https with a host and no path, such as https://app.example.com"
)]
pub struct InvalidOrigin(String);

impl AllowedOrigins {
    /// Adds an origin to the list.
    ///
    /// # Errors
    /// Returns [`InvalidOrigin`] if the string is not an origin.
    pub fn with(mut self, origin: &str) -> Result<Self, InvalidOrigin> {
        if !is_origin(origin) {
            return Err(InvalidOrigin(origin.to_owned()));
        }
        Arc::make_mut(&mut self.0).push(origin.to_owned());
        Ok(self)
    }

    /// Returns `true` if pages of this origin are allowed.
    pub fn allows(&self, origin: &str) -> bool {
        let mut allowed = self.0.iter();
        allowed.any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }

    /// Returns the origins as they were given.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Returns the CORS rule for a bucket, or `None` if no origin is allowed.
    pub(crate) fn cors_rule(&self) -> Option<CorsRule> {
        let allowed_origins = self.0.to_vec();
        (!allowed_origins.is_empty()).then_some(CorsRule { allowed_origins })
    }
}

impl FromStr for AllowedOrigins {
    type Err = InvalidOrigin;

    /// Parses a list of origins that are separated by commas.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let origins = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        origins.into_iter().try_fold(Self::default(), Self::with)
    }
}

/// Returns `true` if the text is an origin by RFC 6454, section 6.2, or `*`.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
    text == "*" || host.is_some_and(|host| !host.is_empty() && host.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_scheme_and_host() {
        let origins: AllowedOrigins = "https://app.example.com, http://localhost:5173,http://[::1]:80"
            .parse()
            .expect("valid");
        assert_eq!(
            origins.as_slice(),
            ["https://app.example.com", "http://localhost:5173", "http://[::1]:80"]
        );
        assert_eq!("".parse(), Ok(AllowedOrigins::default()));
        for bad in [
            "app.example.com",
            "https://a/",
            "https://a/b",
            "ftp://a",
            "https://a?b",
            "null",
            "https://",
        ] {
            assert!(bad.parse::<AllowedOrigins>().is_err(), "{bad}");
        }
    }
}
