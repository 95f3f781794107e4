//! The token that authenticates the user.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use tonic::metadata::{Ascii, MetadataValue};

/// An API key or another bearer token. The `Debug` output omits it.
#[derive(Clone)]
pub(crate) struct BearerToken(String);

impl BearerToken {
    /// Returns the `authorization` metadata of a call, or `None` if the token is not valid in a header.
    pub(crate) fn authorization(&self) -> Option<MetadataValue<Ascii>> {
        let is_token = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", self.0).parse().ok()?;
        value.set_sensitive(true);
        is_token.then_some(value)
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
