//! API keys: 256 random bits that a caller knows, and of which the policy holds the SHA-256.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use draftstore_service::Caller;
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

/// What every key begins with, by which people and scanners for leaked secrets tell it.
const PREFIX: &str = "dsk_";

/// As strong as the hash that is kept of it.
const KEY_BYTES: usize = 32;

/// What the policy's texts begin with.
const DIGEST_PREFIX: &str = "sha256:";

/// A key, as its caller has it. Shown by [`ApiKey::expose`] alone.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key of these random bytes.
    pub fn from_random(bytes: [u8; KEY_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The key itself, for its caller.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the policy holds of it: no secret.
    pub fn in_policy(&self) -> String {
        Digest::of(&self.0).to_string()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// Whether this is written as keys are: then it is one, or nothing.
pub(crate) fn is_key(bearer: &str) -> bool {
    bearer.starts_with(PREFIX)
}

/// The SHA-256 of a key. It tells nothing of the key: there is no guessing 256 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

/// Why a text is none.
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

/// Whose keys are known.
///
/// A key is looked for by comparing its SHA-256 with every one that is kept, each in constant time, and none is skipped
/// once one was found: how long that takes depends on how many there are, and on nothing that was sent. It would tell
/// little otherwise: who could learn how a digest begins would still have to find a key that hashes to it.
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
    fn keys_are_known_by_what_the_policy_holds_of_them() {
        let [first, second, third] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; KEY_BYTES]));
        let mut ring = KeyRing::default();
        ring.add(first.in_policy().parse().expect("a digest"), caller("a"));
        ring.add(second.in_policy().parse().expect("a digest"), caller("b"));
        let name = |key: &str| ring.caller(key).map(|caller| caller.name.clone());
        assert_eq!(name(first.expose()).as_deref(), Some("a"));
        assert_eq!(name(second.expose()).as_deref(), Some("b"));
        assert_eq!(name(third.expose()), None);
        assert_eq!(name(&first.expose()[..first.expose().len() - 1]), None);
        assert_eq!(name(""), None);
        assert_eq!(name(&first.in_policy()), None, "what the policy holds is no key");
        assert_eq!(KeyRing::default().caller(first.expose()), None);
    }

    #[test]
    fn digests_are_read_in_every_usual_spelling() {
        let key = ApiKey::from_random([0xfb; KEY_BYTES]);
        let Digest(bytes) = Digest::of(key.expose());
        let base64 = STANDARD_NO_PAD.encode(bytes);
        for good in [
            key.in_policy(),
            key.in_policy().to_uppercase().replace("SHA256", "sha256"),
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
            key.in_policy().replace("sha256:", ""),
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
