//! The secrets that sign messages.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The beginning of a secret in its text form.
const PREFIX: &str = "whsec_";

/// The length of a secret in bytes, as Standard Webhooks bounds it.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The maximum number of secrets of a destination: one in use, and one that replaces it or was replaced by it.
const MAX_SECRETS: usize = 2;

/// A secret, in its text form `whsec_` and base64.
#[derive(Clone)]
pub struct Secret(hmac::Key);

/// The secrets of a destination, one or two. Each message has a signature by each of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Secrets(Vec<Secret>);

/// A text that is not a secret. It is not repeated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret must be whsec_ and the base64 of 24 to 64 random bytes")]
pub struct InvalidSecret;

/// The reason why texts are not the secrets of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    /// One of them is not a secret.
    #[error(transparent)]
    Secret(#[from] InvalidSecret),
    /// There are none, or too many.
    #[error("there must be one secret, or two while one is replaced by the other")]
    Count,
}

impl Secret {
    pub(crate) fn key(&self) -> &hmac::Key {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(InvalidSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

impl Secrets {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}

impl TryFrom<Vec<Secret>> for Secrets {
    type Error = InvalidSecrets;

    fn try_from(secrets: Vec<Secret>) -> Result<Self, InvalidSecrets> {
        let valid = (1..=MAX_SECRETS).contains(&secrets.len());
        valid.then_some(Self(secrets)).ok_or(InvalidSecrets::Count)
    }
}

impl TryFrom<Vec<String>> for Secrets {
    type Error = InvalidSecrets;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidSecrets> {
        let secrets: Vec<Secret> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        secrets.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_24_to_64_bytes() {
        let text = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for good in [24, 32, 64] {
            assert!(text(good).parse::<Secret>().is_ok(), "{good}");
        }
        for bad in [
            text(23),
            text(65),
            text(24).replace("whsec_", ""),
            "whsec_".to_owned(),
            text(24) + "!",
        ] {
            let refused = bad.parse::<Secret>().expect_err("refused");
            assert!(!refused.to_string().contains("BwcHB"), "{refused}");
        }
    }

    #[test]
    fn destination_has_one_secret_or_two() {
        let secrets = |count: usize| Secrets::try_from(vec![format!("whsec_{}", STANDARD.encode([7; 24])); count]);
        assert_eq!(secrets(0).err(), Some(InvalidSecrets::Count));
        assert_eq!(secrets(3).err(), Some(InvalidSecrets::Count));
        let two = secrets(2).expect("two secrets");
        assert_eq!(format!("{two:?}"), "Secrets([Secret { .. }, Secret { .. }])");
        assert!(Secrets::try_from(vec!["hush".to_owned()]).is_err());
    }
}
