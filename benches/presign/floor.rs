//! The least that signing an upload URL could cost: one thread, one kind of request, one place, and no error.
//!
//! The signing key is kept for a day, and for a second the query and the beginning of what the HMAC takes. What remains is
//! the name, the digests of some ten blocks by `sha2` and `hmac`, and the text of the URL.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use draftstore_benches::{ACCESS_KEY_ID, DRAFT_BUCKET, ENDPOINT, REGION, SECRET_ACCESS_KEY, UPLOAD_TTL};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

#[derive(Default)]
pub(crate) struct Floor {
    kept: RefCell<Kept>,
}

/// What one second's signatures have in common, and one day's.
#[derive(Default)]
struct Kept {
    second: i64,
    date: String,
    day: Option<Hmac<Sha256>>,
    query: String,
    mac: Option<Hmac<Sha256>>,
}

impl Floor {
    /// The URL of an upload by nothing but its name.
    pub(crate) fn sign(&self, key: &str, now: SystemTime) -> String {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut kept = self.kept.borrow_mut();
        let second = i64::try_from(since.as_secs()).unwrap_or_default();
        if kept.second != second || kept.mac.is_none() {
            kept.renew(second);
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
        url.push_str(&kept.query);

        let mut digest = Sha256::new();
        digest.update(b"PUT\n");
        digest.update(&url.as_bytes()[path..query]);
        digest.update(b"\n");
        digest.update(&url.as_bytes()[query + 1..]);
        digest.update(b"\nhost:");
        digest.update(&ENDPOINT.as_bytes()["http://".len()..]);
        digest.update(b"\n\nhost\nUNSIGNED-PAYLOAD");
        let mut mac = kept.mac.clone().expect("renewed above");
        mac.update(&hex(&digest.finalize().into()));
        url.push_str("&X-Amz-Signature=");
        url.push_str(std::str::from_utf8(&hex(&mac.finalize().into_bytes().into())).expect("digits"));
        url
    }
}

impl Kept {
    fn renew(&mut self, second: i64) {
        let time = Timestamp::from_second(second)
            .expect("of this age")
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
        let mut mac = self.day.clone().expect("made above");
        mac.update(format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n").as_bytes());
        self.mac = Some(mac);
        self.second = second;
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; 64];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}
