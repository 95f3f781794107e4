//! A token taken apart: nothing of it is believed yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::claims::Claims;
use super::object::Object;
use super::{Algorithm, Refused};

/// Kinds of tokens that say who somebody is, in lower case. Others that the same issuer signs (of a logout, of one's own
/// key) say something else.
const TYPES: [&str; 2] = ["jwt", "at+jwt"];

/// `header.payload.signature`, of which header and payload are signed.
pub(super) struct Token<'a> {
    header: Object,
    pub(super) claims: Claims,
    pub(super) signed: &'a str,
    pub(super) signature: &'a str,
}

impl<'a> Token<'a> {
    /// Source: RFC 7515, section 5.2.
    pub(super) fn parse(token: &'a str) -> Result<Self, Refused> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Refused::Malformed)?;
        let header = object(header)?;
        let claims = Claims(object(payload)?);
        if header.get("crit").is_some() {
            return Err(Refused::Critical);
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
            return Err(Refused::Type);
        }
        Ok(Self {
            header,
            claims,
            signed,
            signature,
        })
    }

    /// What it says that it is signed by; none where there is no such thing, as `none` is not.
    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        self.header.text("alg")?.parse().ok()
    }

    /// The name of the key that it says it is signed with.
    ///
    /// # Errors
    /// Where that is no name.
    pub(super) fn key_id(&self) -> Result<Option<&str>, Refused> {
        match self.header.get("kid") {
            None => Ok(None),
            Some(id) => id.as_str().map(Some).ok_or(Refused::NoKey),
        }
    }
}

fn object(part: &str) -> Result<Object, Refused> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}
