//! What tells the server who is asking.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use tonic::metadata::{Ascii, MetadataValue};

/// An API key or another bearer token. Shown nowhere.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// What a call says of it; none where no header can hold it.
    pub(crate) fn authorization(&self) -> Option<MetadataValue<Ascii>> {
        let is_token = !self.0.is_empty() && self.0.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", self.0).parse().ok()?;
        value.set_sensitive(true);
        is_token.then_some(value)
    }
}

impl FromStr for Token {
    /// The command line's parser would quote what it refuses.
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
