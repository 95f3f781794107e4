//! Keys that verify signatures, each with its algorithms.

use jsonwebtoken::crypto::verify as is_signed;
use jsonwebtoken::{AlgorithmFamily, DecodingKey};

use super::token::Token;
use super::{Algorithm, TokenError};

/// A verification key. The key determines its algorithms, not the token: a public key never verifies an HMAC.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// The ID by which tokens choose the key. A key without an ID is the only one of its issuer.
    pub(super) id: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) material: DecodingKey,
}

/// The reason why a key is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidKey {
    #[error("must be at least {0} bytes long, as long as the hash of its algorithm")]
    Short(usize),
    #[error(
        "must be a public key in PEM, between 'BEGIN PUBLIC KEY' and 'END PUBLIC KEY', of the kind of its algorithms"
    )]
    NoPublicKey,
    #[error("the algorithms of a PEM file must be of one kind: RS and PS, or ES, or EdDSA")]
    SeveralKinds,
}

/// Returns true for algorithms with a shared secret.
pub(crate) fn is_hmac(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

impl Key {
    /// Creates a key from the secret that is shared with the issuer. A line break at its end is ignored, since editors
    /// add one.
    ///
    /// # Errors
    /// If the secret is too short for its algorithms. Source: RFC 7518, section 3.2.
    pub(crate) fn secret(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Self, InvalidKey> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let least = if algorithms.contains(&Algorithm::HS512) {
            64
        } else if algorithms.contains(&Algorithm::HS384) {
            48
        } else {
            32
        };
        if bytes.len() < least {
            return Err(InvalidKey::Short(least));
        }
        Ok(Self::only(DecodingKey::from_secret(bytes), algorithms))
    }

    /// Creates a key from a public key in PEM.
    ///
    /// # Errors
    /// If it is not a public key, or does not fit these algorithms.
    pub(crate) fn pem(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Self, InvalidKey> {
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidKey::NoPublicKey)?;
        if !text.trim_start().starts_with("-----BEGIN PUBLIC KEY-----") {
            return Err(InvalidKey::NoPublicKey);
        }
        let family = algorithms.first().ok_or(InvalidKey::NoPublicKey)?.family();
        if algorithms.iter().any(|algorithm| algorithm.family() != family) {
            return Err(InvalidKey::SeveralKinds);
        }
        let key = match family {
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(bytes),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(bytes),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(bytes),
            AlgorithmFamily::Hmac => return Err(InvalidKey::NoPublicKey),
        };
        let key = key.map_err(|_| InvalidKey::NoPublicKey)?;
        Ok(Self::only(key, algorithms))
    }

    fn only(material: DecodingKey, algorithms: &[Algorithm]) -> Self {
        Self {
            id: None,
            algorithms: algorithms.to_vec(),
            material,
        }
    }

    fn has_signed(&self, token: &Token<'_>, algorithm: Algorithm) -> bool {
        is_signed(token.signature, token.signed.as_bytes(), &self.material, algorithm).unwrap_or(false)
    }
}

/// Checks the signature of a token. The key is the one with the `kid` of the token. Without a `kid`, or for keys
/// without an ID, it is the only key for the algorithm.
pub(super) fn verify(keys: &[Key], token: &Token<'_>, algorithm: Algorithm) -> Result<(), TokenError> {
    let id = token.key_id()?;
    let named = |key: &&Key| match (&key.id, id) {
        (Some(own), Some(id)) => own == id,
        (None, _) | (_, None) => true,
    };
    let fitting = keys.iter().filter(|key| key.algorithms.contains(&algorithm));
    let mut fitting = fitting.filter(named);
    match (fitting.next(), fitting.next()) {
        (Some(key), None) if key.has_signed(token, algorithm) => Ok(()),
        (Some(_), None) => Err(TokenError::Signature),
        (None, _) | (_, Some(_)) => Err(TokenError::NoKey),
    }
}
