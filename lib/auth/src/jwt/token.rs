//! A parsed token, unverified.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::claims::Claims;
use super::object::Object;
use super::{Algorithm, TokenError, algorithm};

/// The accepted values of `typ`, in lower case. Issuers sign other kinds of tokens with the same keys, such as logout
/// tokens.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// A token `header.payload.signature`, whose signature covers the header and the payload.
pub(super) struct Token<'a> {
    header: Object,
    pub(super) claims: Claims,
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Token<'a> {
    /// Parses a token.
    ///
    /// Source: RFC 7515, section 5.2.
    pub(super) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header = object(header)?;
        let claims = Claims(object(payload)?);
        if header.get("crit").is_some() {
            return Err(TokenError::Critical);
        }
        let is_fitting = match header.get("typ") {
            None => true,
            Some(Value::String(given)) => {
                let given = given.to_ascii_lowercase();
                TYPES.contains(&given.strip_prefix("application/").unwrap_or(&given))
            }
            Some(_) => false,
        };
        if !is_fitting {
            return Err(TokenError::Type);
        }
        Ok(Self {
            header,
            claims,
            signed,
            signature,
        })
    }

    /// Returns the algorithm in the header, or `None` if it is unknown. The algorithm `none` is unknown.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        algorithm(self.header.text("alg")?)
    }

    /// Returns the key ID in the header.
    ///
    /// # Errors
    /// If it is not a text.
    pub(super) fn key_id(&self) -> Result<Option<&str>, TokenError> {
        match self.header.get("kid") {
            None => Ok(None),
            Some(id) => id.as_str().map(Some).ok_or(TokenError::NoKey),
        }
    }
}

fn object(part: &str) -> Result<Object, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}
