//! The token that authenticates the user.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use tonic::metadata::{Ascii, MetadataValue};

/// An API key or another bearer token. The `Debug` output omits it.
#[derive(Clone)]
pub(crate) struct BearerToken(String);

impl BearerToken {
    /// Returns the `authorization` metadata of a call.
    ///
    /// # Errors
    /// Returns the broken rule, without the token.
    pub(crate) fn authorization(&self) -> Result<MetadataValue<Ascii>, &'static str> {
        if self.0.is_empty() {
            return Err("the token is empty: unset DRAFTSTORE_TOKEN to send none");
        }
        let rule = "a token must consist of visible ASCII characters, without spaces";
        if !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(rule);
        }
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", self.0).parse().map_err(|_| rule)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl FromStr for BearerToken {
    /// Parsing never fails, because clap would quote the invalid token.
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken")
    }
}
