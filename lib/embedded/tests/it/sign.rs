//! Signature Version 4, implemented here for requests that no SDK would send.

use draftstore_embedded::Credentials;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

/// A request to sign in the `Authorization` header.
pub(crate) struct HeaderSignedRequest<'a> {
    pub(crate) method: &'a str,
    /// The percent-encoded path.
    pub(crate) path: &'a str,
    pub(crate) host: &'a str,
    /// Further headers to sign, in lower case and sorted, between `host` and `x-amz-date`.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) content_sha256: &'a str,
    pub(crate) at: OffsetDateTime,
}

impl HeaderSignedRequest<'_> {
    /// Returns all headers to send, including the signature.
    pub(crate) fn sign(&self, credentials: &Credentials) -> Vec<(String, String)> {
        let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
        let stamp = self.at.format(format).unwrap();
        let scope = format!("{}/us-east-1/s3/aws4_request", &stamp[..8]);
        let mut headers = vec![("host".to_owned(), self.host.to_owned())];
        headers.extend(
            self.headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        headers.push(("x-amz-content-sha256".into(), self.content_sha256.into()));
        headers.push(("x-amz-date".into(), stamp.clone()));
        headers.sort();
        let names = headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>()
            .join(";");
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect::<Vec<_>>()
            .concat();
        let canonical = format!(
            "{}\n{}\n\n{lines}\n{names}\n{}",
            self.method, self.path, self.content_sha256
        );
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
            hex::encode(Sha256::digest(canonical))
        );
        let signature = hex::encode(mac(&signing_key(credentials, &stamp[..8]), &to_sign));
        let id = &credentials.access_key_id;
        let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        headers.push(("authorization".into(), value));
        headers
    }
}

pub(crate) fn signing_key(credentials: &Credentials, date: &str) -> Vec<u8> {
    let key = format!("AWS4{}", credentials.secret_access_key).into_bytes();
    [date, "us-east-1", "s3", "aws4_request"]
        .iter()
        .fold(key, |key, part| mac(&key, part))
}

pub(crate) fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
