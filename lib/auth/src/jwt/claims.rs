//! The claims of a token.

use std::time::{Duration, SystemTime};

use draftstore_service::caller::Scopes;
use serde_json::Value;

use super::TokenError;
use super::object::Object;

/// The tolerated difference between the clocks of an issuer and of this machine.
const LEEWAY: Duration = Duration::from_secs(30);

/// The maximum length of a subject, in bytes. Source: `OpenID` Connect Core, section 2.
const MAX_SUBJECT_BYTES: usize = 255;

/// The payload of a token, unverified.
pub(super) struct Claims(pub(super) Object);

impl Claims {
    /// Returns true if `iss` is this issuer.
    pub(super) fn are_by(&self, issuer: &str) -> bool {
        self.0.text("iss") == Some(issuer)
    }

    /// Returns true if a claim is or contains one of these values.
    pub(super) fn have_one(&self, claim: &str, values: &[String]) -> bool {
        let is_one = |value: &Value| match value {
            Value::String(text) => values.contains(text),
            Value::Bool(truth) => values.contains(&truth.to_string()),
            Value::Number(number) => values.contains(&number.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => false,
        };
        match self.0.find(claim) {
            Some(Value::Array(each)) => each.iter().any(is_one),
            Some(one) => is_one(one),
            None => false,
        }
    }

    /// Checks `exp`, which is required, and `nbf`.
    pub(super) fn in_time(&self, now: SystemTime) -> Result<(), TokenError> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let expires = self.0.get("exp").and_then(Value::as_f64);
        let expires = expires.ok_or(TokenError::NoExpiry)?;
        if now.saturating_sub(LEEWAY).as_secs_f64() >= expires {
            return Err(TokenError::Expired);
        }
        match self.0.get("nbf") {
            None => Ok(()),
            Some(begins) => {
                let begins = begins.as_f64().ok_or(TokenError::NotYet)?;
                let has_begun = begins <= (now + LEEWAY).as_secs_f64();
                has_begun.then_some(()).ok_or(TokenError::NotYet)
            }
        }
    }

    /// Returns `sub`, if it is fit for logs.
    pub(super) fn subject(&self) -> Result<&str, TokenError> {
        let fit = |subject: &&str| {
            (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic())
        };
        self.0.text("sub").filter(fit).ok_or(TokenError::Subject)
    }

    /// Returns the scopes in a claim, which is a text with spaces or a list, or `None` without the claim. The scopes there have
    /// the prefix. Others are ignored.
    pub(super) fn scopes(&self, claim: &str, prefix: &str) -> Result<Option<Scopes>, TokenError> {
        let known = |text: &str| text.strip_prefix(prefix)?.parse().ok();
        match self.0.find(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.split(' ').filter_map(known).collect())),
            Some(Value::Array(each)) => {
                let texts: Option<Vec<_>> = each.iter().map(Value::as_str).collect();
                let texts = texts.ok_or(TokenError::Scopes)?;
                Ok(Some(texts.into_iter().filter_map(known).collect()))
            }
            Some(_) => Err(TokenError::Scopes),
        }
    }

    /// Returns a claim that is a text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.0.find(claim)?.as_str()
    }
}
