//! What a token says of its bearer.

use std::time::{Duration, SystemTime};

use draftstore_service::caller::Scopes;
use serde_json::Value;

use super::Refused;
use super::object::Object;

/// Clocks of an issuer and of this machine may differ by this much.
const LEEWAY: Duration = Duration::from_secs(30);

/// The longest subject. Source: `OpenID` Connect Core, section 2.
const MAX_SUBJECT_BYTES: usize = 255;

/// The payload of a token.
pub(super) struct Claims(pub(super) Object);

impl Claims {
    /// Whether they say that this is their issuer.
    pub(super) fn are_by(&self, issuer: &str) -> bool {
        self.text("iss") == Some(issuer)
    }

    /// Whether they say that they are meant for one of these.
    pub(super) fn are_for(&self, audiences: &[String]) -> bool {
        let named = |value: &Value| {
            value
                .as_str()
                .is_some_and(|text| audiences.iter().any(|known| known == text))
        };
        match self.0.get("aud") {
            Some(Value::Array(each)) => each.iter().any(named),
            Some(one) => named(one),
            None => false,
        }
    }

    /// Checks `exp`, which has to be there, and `nbf`.
    pub(super) fn in_time(&self, now: SystemTime) -> Result<(), Refused> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let expires = self.0.get("exp").and_then(Value::as_f64).ok_or(Refused::Expired)?;
        if now.saturating_sub(LEEWAY).as_secs_f64() >= expires {
            return Err(Refused::Expired);
        }
        match self.0.get("nbf") {
            None => Ok(()),
            Some(begins) => {
                let begins = begins.as_f64().ok_or(Refused::NotYet)?;
                let has_begun = begins <= (now + LEEWAY).as_secs_f64();
                has_begun.then_some(()).ok_or(Refused::NotYet)
            }
        }
    }

    /// Who the bearer is to the issuer: fit for logs.
    pub(super) fn subject(&self) -> Result<&str, Refused> {
        let fit = |subject: &&str| {
            (1..=MAX_SUBJECT_BYTES).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic())
        };
        self.text("sub").filter(fit).ok_or(Refused::Subject)
    }

    /// The scopes in that claim: a text with spaces between them, or a list. Those of others are passed over; without the
    /// claim there are none.
    pub(super) fn scopes(&self, claim: &str) -> Result<Scopes, Refused> {
        let known = |text: &str| text.parse().ok();
        match self.0.get(claim) {
            None => Ok(Scopes::NONE),
            Some(Value::String(text)) => Ok(text.split(' ').filter_map(known).collect()),
            Some(Value::Array(each)) => {
                let texts: Option<Vec<_>> = each.iter().map(Value::as_str).collect();
                Ok(texts.ok_or(Refused::Scopes)?.into_iter().filter_map(known).collect())
            }
            Some(_) => Err(Refused::Scopes),
        }
    }

    /// A claim that is a text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.0.text(claim)
    }
}
