//! API keys of 256 random bits. The caller has the key, and the policy has its SHA-256.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use draftstore_service::Caller;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

/// The prefix of every key, by which people and scanners for leaked secrets recognize it.
const PREFIX: &str = "dsk_";

/// The number of random bytes in a key, as many as its hash has.
const KEY_BYTES: usize = 32;

/// The prefix of a digest in the policy.
const DIGEST_PREFIX: &str = "sha256:";

/// An API key, as its caller has it. Only [`ApiKey::expose`] shows it.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Makes a key from random bytes.
    pub fn from_random(bytes: [u8; KEY_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the key itself, for its caller.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the digest for the policy, which is not a secret.
    pub fn digest(&self) -> String {
        Digest::of(&self.0).to_string()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// Returns true if the text has the prefix of an API key. It is then never tried as another credential.
pub(crate) fn is_key(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

/// The SHA-256 of a key. It reveals nothing about the key, because 256 random bits cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

/// The error of a text that is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 'sha256:' with the SHA-256 of a key in hex or base64, as `draftstore-server key new` prints it")]
pub(crate) struct InvalidDigest;

impl Digest {
    fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DIGEST_PREFIX)?;
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let text = text.strip_prefix(DIGEST_PREFIX).ok_or(InvalidDigest)?;
        let bytes = if text.len() == 64 {
            hex::decode(text).ok()
        } else {
            let unpadded = text.strip_suffix('=').unwrap_or(text);
            let standard = STANDARD_NO_PAD.decode(unpadded);
            standard.or_else(|_| URL_SAFE_NO_PAD.decode(unpadded)).ok()
        };
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(InvalidDigest)
    }
}

/// The digests of all keys, with their callers.
///
/// A lookup compares the SHA-256 of a key with every digest, each in constant time, and does not stop at a match. Its
/// duration depends on the number of digests, and on nothing that was sent.
#[derive(Debug, Default)]
pub(crate) struct KeyRing {
    digests: Vec<Digest>,
    callers: Vec<Arc<Caller>>,
}

impl KeyRing {
    pub(crate) fn add(&mut self, digest: Digest, caller: Arc<Caller>) {
        self.digests.push(digest);
        self.callers.push(caller);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    pub(crate) fn caller(&self, key: &str) -> Option<&Arc<Caller>> {
        let presented = Digest::of(key);
        let mut place = u32::MAX;
        for (index, known) in (0_u32..).zip(&self.digests) {
            place.conditional_assign(&index, known.0.ct_eq(&presented.0));
        }
        self.callers.get(usize::try_from(place).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str) -> Arc<Caller> {
        Arc::new(Caller {
            name: name.to_owned(),
            ..Caller::anyone()
        })
    }

    #[test]
    fn keys_are_found_by_their_digests() {
        let [first, second, third] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; KEY_BYTES]));
        let mut ring = KeyRing::default();
        ring.add(first.digest().parse().expect("a digest"), caller("a"));
        ring.add(second.digest().parse().expect("a digest"), caller("b"));
        let name = |key: &str| ring.caller(key).map(|caller| caller.name.clone());
        assert_eq!(name(first.expose()).as_deref(), Some("a"));
        assert_eq!(name(second.expose()).as_deref(), Some("b"));
        assert_eq!(name(third.expose()), None);
        assert_eq!(name(&first.expose()[..first.expose().len() - 1]), None);
        assert_eq!(name(""), None);
        assert_eq!(name(&first.digest()), None, "a digest is not a key");
        assert_eq!(KeyRing::default().caller(first.expose()), None);
    }

    #[test]
    fn digests_are_parsed_in_hex_and_base64() {
        let key = ApiKey::from_random([0xfb; KEY_BYTES]);
        let Digest(bytes) = Digest::of(key.expose());
        let base64 = STANDARD_NO_PAD.encode(bytes);
        for good in [
            key.digest(),
            key.digest().to_uppercase().replace("SHA256", "sha256"),
            format!("sha256:{base64}"),
            format!("sha256:{base64}="),
            format!("sha256:{}", URL_SAFE_NO_PAD.encode(bytes)),
        ] {
            assert_eq!(good.parse(), Ok(Digest(bytes)), "{good}");
        }
        for bad in [
            key.expose().to_owned(),
            String::new(),
            "sha256:".to_owned(),
            format!("sha256:{}", "é".repeat(32)),
            format!("sha256:{}", &base64[1..]),
            format!("sha512:{base64}"),
            key.digest().replace("sha256:", ""),
        ] {
            assert_eq!(bad.parse::<Digest>(), Err(InvalidDigest), "{bad}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = ApiKey::from_random([7; KEY_BYTES]);
        assert_eq!(format!("{key:?}"), "ApiKey");
        assert_eq!(key.expose().len(), PREFIX.len() + 43);
        assert!(is_key(key.expose()) && !is_key("eyJ"));
    }
}
