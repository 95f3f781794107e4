//! JSON Web Key Sets.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::Value;

use super::{Algorithm, Key, algorithm};

/// The maximum length of a set, in bytes.
pub(crate) const MAX_SET_BYTES: usize = 256 * 1024;

/// The maximum number of keys in a set. Issuers have two or three.
const MAX_KEYS: usize = 100;

/// The allowed length of an RSA modulus in bytes: 2,048 to 8,192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// The algorithms of an RSA key that does not name its algorithm.
const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Returns the public keys of a set that can verify signatures. Other keys are ignored, since a set may serve other
/// purposes too. Secret keys are never accepted from a set.
///
/// Source: RFC 7517.
///
/// # Errors
/// If the set is invalid, or has no such key.
pub(crate) fn key_set(json: &[u8]) -> Result<Vec<Key>, &'static str> {
    if json.len() > MAX_SET_BYTES {
        return Err("must be at most 262144 bytes long");
    }
    let set: Set = serde_json::from_slice(json).map_err(|_| "must be a JWK set: an object with a list of keys")?;
    if set.keys.len() > MAX_KEYS {
        return Err("must have at most 100 keys");
    }
    let keys: Vec<_> = set.keys.into_iter().filter_map(key).collect();
    if keys.is_empty() {
        return Err("has no public key for verifying signatures");
    }
    Ok(keys)
}

fn key(json: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(json).ok()?;
    let is_for_signatures = jwk.r#use.as_deref().is_none_or(|purpose| purpose == "sig")
        && jwk
            .key_ops
            .as_ref()
            .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"));
    if !is_for_signatures {
        return None;
    }
    let (possible, material) = material(&jwk)?;
    let algorithms = match &jwk.alg {
        None => possible,
        Some(alg) => {
            let alg = algorithm(alg).filter(|alg| possible.contains(alg))?;
            vec![alg]
        }
    };
    Some(Key {
        id: jwk.kid,
        algorithms,
        material,
    })
}

/// Returns the key material, with all algorithms that a key of its kind supports.
fn material(jwk: &Jwk) -> Option<(Vec<Algorithm>, DecodingKey)> {
    let coordinate = |text: &Option<String>, len: usize| {
        let text = text.as_deref()?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == len).then(|| text.to_owned())
    };
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => {
            let modulus = URL_SAFE_NO_PAD.decode(jwk.n.as_deref()?).ok()?;
            let exponent = URL_SAFE_NO_PAD.decode(jwk.e.as_deref()?).ok()?;
            let key = DecodingKey::from_rsa_raw_components(&modulus, &exponent);
            MODULUS_BYTES.contains(&modulus.len()).then(|| (RSA.to_vec(), key))
        }
        ("EC", Some(curve)) => {
            let (algorithm, len) = match curve {
                "P-256" => (Algorithm::ES256, 32),
                "P-384" => (Algorithm::ES384, 48),
                _ => return None,
            };
            let (x, y) = coordinate(&jwk.x, len).zip(coordinate(&jwk.y, len))?;
            Some((vec![algorithm], DecodingKey::from_ec_components(&x, &y).ok()?))
        }
        ("OKP", Some("Ed25519")) => {
            let x = coordinate(&jwk.x, 32)?;
            Some((vec![Algorithm::EdDSA], DecodingKey::from_ed_components(&x).ok()?))
        }
        _ => None,
    }
}
