//! The signing key, which is derived once a day.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Credentials;

/// The key of one day, region and set of credentials.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
pub(crate) struct SigningKey {
    /// `20260131`
    pub(crate) date: String,
    pub(crate) mac: Hmac<Sha256>,
}

impl SigningKey {
    pub(crate) fn new(date: String, credentials: &Credentials, region: &str) -> Self {
        let key = mac(format!("AWS4{}", credentials.secret_access_key).as_bytes());
        let scope = [date.as_str(), region, "s3", "aws4_request"];
        let mac = scope.iter().fold(key, |mut key, part| {
            key.update(part.as_bytes());
            mac(&key.finalize().into_bytes())
        });
        Self { date, mac }
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}
