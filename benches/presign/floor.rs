//! The minimal cost of signing an upload URL: one thread, one kind of request, one endpoint, and no errors.
//!
//! The signing key is cached for a day; the query and the first part of the HMAC's input are cached for a second. This
//! leaves the name, the digests of some ten blocks with `sha2` and `hmac`, and the text of the URL.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use draftstore_benches::{ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

#[derive(Default)]
pub(crate) struct MinimalSigner {
    cache: RefCell<SigningCache>,
}

/// The state shared by all signatures of a second, and of a day.
#[derive(Default)]
struct SigningCache {
    second: i64,
    date: String,
    day: Option<Hmac<Sha256>>,
    query: String,
    mac: Option<Hmac<Sha256>>,
}

impl MinimalSigner {
    /// Returns the URL of an upload without constraints.
    pub(crate) fn sign(&self, key: &str, now: SystemTime) -> String {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut cache = self.cache.borrow_mut();
        let second = i64::try_from(since.as_secs()).unwrap_or_default();
        if cache.second != second || cache.mac.is_none() {
            cache.renew(second);
        }
        let mut url = String::with_capacity(512);
        url.push_str(ENDPOINT);
        let path = url.len();
        url.push('/');
        url.push_str(DRAFT_BUCKET);
        url.push('/');
        for &byte in key.as_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                url.push(char::from(byte));
            } else {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                url.push('%');
                url.push(char::from(HEX[usize::from(byte >> 4)]));
                url.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        let query = url.len();
        url.push('?');
        url.push_str(&cache.query);

        let mut digest = Sha256::new();
        digest.update(b"PUT\n");
        digest.update(&url.as_bytes()[path..query]);
        digest.update(b"\n");
        digest.update(&url.as_bytes()[query + 1..]);
        digest.update(b"\nhost:");
        digest.update(&ENDPOINT.as_bytes()["http://".len()..]);
        digest.update(b"\n\nhost\nUNSIGNED-PAYLOAD");
        let mut mac = cache.mac.clone().expect("set by `renew`");
        mac.update(&hex(&digest.finalize().into()));
        url.push_str("&X-Amz-Signature=");
        url.push_str(std::str::from_utf8(&hex(&mac.finalize().into_bytes().into())).expect("hex digits are ASCII"));
        url
    }
}

impl SigningCache {
    fn renew(&mut self, second: i64) {
        let time = Timestamp::from_second(second)
            .expect("the current time is in the range of a timestamp")
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let date = &time[..8];
        if self.date != date || self.day.is_none() {
            let mut key = format!("AWS4{SECRET_ACCESS_KEY}").into_bytes();
            for part in [date, REGION, "s3", "aws4_request"] {
                let mut mac = hmac(&key);
                mac.update(part.as_bytes());
                key = mac.finalize().into_bytes().to_vec();
            }
            self.day = Some(hmac(&key));
            date.clone_into(&mut self.date);
        }
        let scope = format!("{date}/{REGION}/s3/aws4_request");
        let seconds = UPLOAD_TTL.as_secs();
        self.query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY_ID}%2F{}&X-Amz-Date={time}\
             &X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host",
            scope.replace('/', "%2F"),
        );
        let mut mac = self.day.clone().expect("set above");
        mac.update(format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n").as_bytes());
        self.mac = Some(mac);
        self.second = second;
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    let mut digits = [0; 64];
    hex::encode_to_slice(bytes, &mut digits).expect("two digits a byte");
    digits
}
