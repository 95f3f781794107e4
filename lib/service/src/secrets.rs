//! The secrets of the server, which seal what callers hold for it, and make the digests in the markers of confirms.
//!
//! A sealed token is encrypted and authenticated, for one purpose and one owner. A caller can neither read, change nor
//! transfer it, and learns nothing from the error.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_protocol::confirm::MarkerDigest;
use draftstore_storage::{ObjectHeader, ObjectKey};

/// The label of the keys that seal. The version changes with the form of tokens.
const SEAL_LABEL: &[u8] = b"draftstore seal 1";

/// The label of the keys that make digests.
const DIGEST_LABEL: &[u8] = b"draftstore marker 1";

/// The source of the secrets, which may change while the server runs.
pub trait SecretSource: fmt::Debug + Send + Sync {
    /// Returns the current secrets.
    fn current(&self) -> Secrets;
}

/// The secrets of the server. The first seals and makes digests, and all of them open and recognize. Clones share them.
#[derive(Clone)]
pub struct Secrets(Arc<[Secret]>);

/// The keys that are derived from one secret.
struct Secret {
    seal: LessSafeKey,
    digest: hmac::Key,
}

/// The use of a sealed token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    /// An `upload_id`.
    Upload = 1,
    /// A page token of a listing of drafts.
    DraftPage = 2,
    /// A page token of a listing of confirmed objects.
    ObjectPage = 3,
    /// The origin of a confirmed object.
    Origin = 4,
    /// A page token of a listing of versions.
    VersionPage = 5,
    /// A verdict of the checks of a draft.
    Verdict = 6,
    /// The options of a confirmed object, which its upload has agreed on.
    Options = 7,
    /// The answer of one scanner about a draft.
    ScanAnswer = 8,
    /// The agreement that a draft confirms itself.
    AutoConfirm = 9,
    /// A page token of the usage.
    UsagePage = 10,
    /// A page token of a listing of events that an endpoint lacks.
    EventPage = 11,
    /// A cursor of the feed of events.
    FeedCursor = 12,
}

/// The binding of a sealed token: it opens only with an equal one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding<'a> {
    pub(crate) purpose: Purpose,
    /// The caller, its tenant, and the further restrictions of the token.
    pub(crate) parts: &'a [&'a str],
}

impl Secrets {
    /// The number of bytes that a seal adds to its content: the nonce, and the tag of AES-256-GCM-SIV.
    pub(crate) const SEAL_BYTES: usize = NONCE_LEN + 16;

    /// Derives the keys of the current secret, and of former ones that are still accepted.
    pub fn new(current: &[u8], former: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Self {
        let former = former.into_iter().map(|secret| Secret::new(secret.as_ref()));
        Self(std::iter::once(Secret::new(current)).chain(former).collect())
    }

    /// Creates a secret that ends with the process. No other process accepts what it seals.
    pub fn random() -> Self {
        Self::new(&rand::random::<[u8; 32]>(), [[0; 0]; 0])
    }

    /// Seals the content of a token.
    pub(crate) fn seal(&self, binding: Binding<'_>, content: &[u8]) -> String {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = content.to_vec();
        self.0[0]
            .seal
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(binding.bytes()),
                &mut sealed,
            )
            .expect("a token is far shorter than what can be sealed");
        URL_SAFE_NO_PAD.encode([&nonce, sealed.as_slice()].concat())
    }

    /// Returns the content of a token with this binding, or `None` for any other text.
    pub(crate) fn open(&self, binding: Binding<'_>, token: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        self.0.iter().find_map(|secret| {
            let mut sealed = sealed.to_vec();
            let aad = Aad::from(binding.bytes());
            let content = secret
                .seal
                .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut sealed);
            Some(content.ok()?.to_vec())
        })
    }

    /// Returns the digests of a header with its value that a draft may have, the current secret's first.
    pub(crate) fn agreement(&self, draft: &ObjectKey, header: ObjectHeader, value: &str) -> Vec<MarkerDigest> {
        self.digests(&["agreed", draft.as_str(), header.as_str(), value])
    }

    /// Returns the digests of these parts, the current secret's first.
    pub(crate) fn digests(&self, parts: &[&str]) -> Vec<MarkerDigest> {
        let bytes = framed(parts);
        let digest = |secret: &Secret| {
            let tag = hmac::sign(&secret.digest, &bytes);
            let digest = tag.as_ref().try_into().expect("HMAC-SHA256 has 32 bytes");
            MarkerDigest::new(digest)
        };
        self.0.iter().map(digest).collect()
    }
}

impl SecretSource for Secrets {
    fn current(&self) -> Secrets {
        self.clone()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secret {
    fn new(secret: &[u8]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |label: &[u8]| hmac::sign(&secret, label);
        let seal = UnboundKey::new(&AES_256_GCM_SIV, derived(SEAL_LABEL).as_ref());
        Self {
            seal: LessSafeKey::new(seal.expect("HMAC-SHA256 has the 32 bytes of a key")),
            digest: hmac::Key::new(hmac::HMAC_SHA256, derived(DIGEST_LABEL).as_ref()),
        }
    }
}

impl Binding<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.purpose as u8];
        bytes.extend(framed(self.parts));
        bytes
    }
}

/// Joins parts so that no two lists of parts give the same bytes.
pub(crate) fn framed(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "01234567890123456789012345678901";

    fn secrets(current: &str, former: &[&str]) -> Secrets {
        Secrets::new(current.as_bytes(), former)
    }

    fn binding<'a>(purpose: Purpose, parts: &'a [&'a str]) -> Binding<'a> {
        Binding { purpose, parts }
    }

    #[test]
    fn token_opens_for_its_purpose_and_owner_alone() {
        let secrets = secrets(SECRET, &[]);
        let own = binding(Purpose::Upload, &["shop", "t1/", "a"]);
        let token = secrets.seal(own, b"content");
        assert_eq!(secrets.open(own, &token).as_deref(), Some(&b"content"[..]));
        for other in [
            binding(Purpose::DraftPage, &["shop", "t1/", "a"]),
            binding(Purpose::Upload, &["shop2", "t1/", "a"]),
            binding(Purpose::Upload, &["shop", "t2/", "a"]),
            binding(Purpose::Upload, &["shop", "t1/", "b"]),
            binding(Purpose::Upload, &["shop", "t1/a"]),
            binding(Purpose::Upload, &["shopt1/", "", "a"]),
            binding(Purpose::Upload, &[]),
        ] {
            assert_eq!(secrets.open(other, &token), None, "{other:?}");
        }
    }

    #[test]
    fn every_changed_or_shortened_token_is_refused() {
        let secrets = secrets(SECRET, &[]);
        let own = binding(Purpose::DraftPage, &["shop"]);
        let token = secrets.seal(own, b"content");
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64url");
        for place in 0..bytes.len() {
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..place]);
            assert_eq!(secrets.open(own, &cut), None, "{place} bytes");
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let changed = URL_SAFE_NO_PAD.encode(changed);
                assert_eq!(secrets.open(own, &changed), None, "bit {bit} of byte {place}");
            }
        }
        for bad in [
            "",
            "x",
            "a b",
            "ü",
            &format!("{token}="),
            &format!("{token}AAAA"),
            &"A".repeat(9000),
        ] {
            assert_eq!(secrets.open(own, bad), None, "{bad}");
        }
    }

    #[test]
    fn token_shows_nothing_of_its_content() {
        let secrets = secrets(SECRET, &[]);
        let own = binding(Purpose::DraftPage, &["shop"]);
        let [one, other] = [0, 1].map(|_| secrets.seal(own, b"t2/secret-merger.pdf"));
        assert_ne!(one, other, "equal contents give different tokens");
        let bytes = URL_SAFE_NO_PAD.decode(&one).expect("base64url");
        assert!(
            !bytes
                .windows(4)
                .any(|window| b"t2/secret-merger.pdf".windows(4).any(|part| part == window))
        );
    }

    #[test]
    fn former_secrets_are_accepted_until_they_are_removed() {
        let own = binding(Purpose::Upload, &["shop"]);
        let token = secrets("old", &[]).seal(own, b"content");
        assert!(secrets("new", &["old"]).open(own, &token).is_some());
        assert_eq!(secrets("new", &[]).open(own, &token), None);
        let token = secrets("new", &["old"]).seal(own, b"content");
        assert!(
            secrets("new", &[]).open(own, &token).is_some(),
            "the current secret seals"
        );

        let digests = |secrets: Secrets| secrets.digests(&["draft", "a"]);
        let [old, new] = ["old", "new"].map(|secret| digests(secrets(secret, &[])).remove(0));
        assert_eq!(digests(secrets("new", &["old"])), [new.clone(), old.clone()]);
        assert_ne!(old, new);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", secrets(SECRET, &[])), "Secrets { .. }");
    }
}
