//! Signature Version 4 of presigned URLs, from AWS's text alone, to check what is signed.
//!
//! Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The parts of a URL.
#[derive(Debug)]
pub(crate) struct Url {
    pub(crate) host: String,
    /// The path, percent-encoded.
    pub(crate) path: String,
    /// The query, decoded.
    pub(crate) query: BTreeMap<String, String>,
}

/// The credentials that a URL must be signed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials<'a> {
    pub(crate) access_key_id: &'a str,
    pub(crate) secret_access_key: &'a str,
    pub(crate) session_token: Option<&'a str>,
    pub(crate) region: &'a str,
}

impl Url {
    pub(crate) fn read(url: &str) -> Self {
        assert!(url.bytes().all(|b| b.is_ascii_graphic()), "{url:?}");
        let rest = url.strip_prefix("http://").expect("a scheme");
        let (place, query) = rest.split_once('?').expect("a query");
        let (host, path) = place.split_once('/').expect("a path");
        assert!(!query.contains(['?', '#']) && !path.contains('#'), "{url}");
        let mut pairs = BTreeMap::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').expect("a value");
            let text = |encoded| String::from_utf8(decoded(encoded)).expect("UTF-8");
            assert!(pairs.insert(text(name), text(value)).is_none(), "{name} twice");
        }
        Self {
            host: host.to_owned(),
            path: format!("/{path}"),
            query: pairs,
        }
    }

    /// The path as the store understands it.
    pub(crate) fn decoded_path(&self) -> String {
        String::from_utf8(decoded(&self.path)).expect("UTF-8")
    }

    /// Panics unless a store takes the URL, sent with these headers.
    pub(crate) fn verify(&self, method: &str, headers: &BTreeMap<String, String>, key: Credentials<'_>) {
        let query = |name: &str| self.query.get(name).unwrap_or_else(|| panic!("no {name}")).as_str();
        assert_eq!(query("X-Amz-Algorithm"), "AWS4-HMAC-SHA256");
        assert_eq!(
            self.query.get("X-Amz-Security-Token").map(String::as_str),
            key.session_token
        );
        let time = query("X-Amz-Date");
        let scope = format!("{}/{}/s3/aws4_request", &time[..8], key.region);
        assert_eq!(query("X-Amz-Credential"), format!("{}/{scope}", key.access_key_id));

        let mut sent = headers.clone();
        sent.insert("host".to_owned(), self.host.clone());
        let names: Vec<_> = sent.keys().map(String::as_str).collect();
        assert_eq!(query("X-Amz-SignedHeaders"), names.join(";"), "every header is signed");

        // Sorted by the encoded names; a name here is of letters and dashes, which stay as they are.
        let mut pairs: Vec<_> = self
            .query
            .iter()
            .filter(|(name, _)| *name != "X-Amz-Signature")
            .collect();
        pairs.sort_by_key(|(name, _)| encoded(name, false));
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name, false), encoded(value, false)))
            .collect();
        let lines: String = sent.iter().fold(String::new(), |mut lines, (name, value)| {
            let value = value
                .split(' ')
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            let _ = writeln!(lines, "{name}:{value}");
            lines
        });
        let canonical = format!(
            "{method}\n{}\n{}\n{lines}\n{}\nUNSIGNED-PAYLOAD",
            encoded(&self.decoded_path(), true),
            pairs.join("&"),
            names.join(";"),
        );
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
            hex::encode(Sha256::digest(&canonical))
        );
        let secret = format!("AWS4{}", key.secret_access_key);
        let mut signing = secret.into_bytes();
        for part in scope.split('/') {
            signing = mac(&signing, part);
        }
        assert_eq!(
            query("X-Amz-Signature"),
            hex::encode(mac(&signing, &to_sign)),
            "{canonical}"
        );
    }
}

/// Percent-decoded, once.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next().expect("two digits")).to_digit(16).expect("hex");
        decoded.push(match byte {
            b'%' => u8::try_from(digit() * 16 + digit()).expect("two digits"),
            byte => byte,
        });
    }
    decoded
}

fn encoded(text: &str, keep_slash: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slash && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
