//! Presigned URLs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::Mac as _;
use sha2::{Digest as _, Sha256};

use crate::encoding::{push_path, push_value};
use crate::{BucketUrl, Signer};

/// The longest validity of a presigned URL: seven days.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
pub const MAX_VALIDITY_SECONDS: u64 = 7 * 24 * 60 * 60;

/// A request on one object, whose signature goes into its query.
#[derive(Debug, Clone, Copy)]
pub struct UrlRequest<'a> {
    /// The HTTP method, in upper case.
    pub method: &'a str,
    /// The bucket of the object.
    pub bucket: &'a BucketUrl,
    /// The object key, not encoded.
    pub key: &'a str,
    /// The query of the request itself, not encoded, in the order of the names. These begin with small letters.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers that the client must send beside `Host`, under names in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// The validity, counted from the signer's second: at least 1 and at most [`MAX_VALIDITY_SECONDS`].
    pub seconds: u64,
}

impl Signer {
    /// Returns the presigned URL of a request.
    pub fn sign_url(&self, request: &UrlRequest<'_>) -> String {
        let (bucket, token) = (request.bucket.as_str(), &self.identity.token);
        let mut url = String::with_capacity(bucket.len() + 3 * request.key.len() + 512 + token.len());
        url.push_str(bucket);
        push_path(&mut url, request.key);
        let path = request.bucket.path_start()..url.len();
        url.push('?');
        let query = url.len();
        url.push_str(&self.query);
        push_number(&mut url, request.seconds);
        url.push_str(token);
        url.push_str("&X-Amz-SignedHeaders=");
        push_names(&mut url, request.headers, "%3B");
        for (name, value) in request.query {
            url.push('&');
            url.push_str(name);
            url.push('=');
            push_value(&mut url, value);
        }

        let mut canonical = String::with_capacity(url.len() + 256);
        canonical.push_str(request.method);
        canonical.push('\n');
        canonical.push_str(&url[path]);
        canonical.push('\n');
        canonical.push_str(&url[query..]);
        canonical.push('\n');
        for (name, value) in with_host(request.headers, request.bucket.host()) {
            canonical.push_str(name);
            canonical.push(':');
            // The host has no spaces.
            if name == HOST {
                canonical.push_str(value);
            } else {
                push_header(&mut canonical, value);
            }
            canonical.push('\n');
        }
        canonical.push('\n');
        push_names(&mut canonical, request.headers, ";");
        canonical.push_str("\nUNSIGNED-PAYLOAD");

        let mut mac = self.mac.clone();
        mac.update(&lower_hex(&Sha256::digest(canonical)));
        url.push_str("&X-Amz-Signature=");
        push_hex(&mut url, &mac.finalize().into_bytes());
        url
    }
}

/// Writes a digest in lower case without allocating.
#[inline]
fn lower_hex(digest: &[u8]) -> [u8; 64] {
    let mut digits = [0; 64];
    hex::encode_to_slice(digest, &mut digits).expect("a digest has 32 bytes");
    digits
}

#[inline]
fn push_hex(text: &mut String, digest: &[u8]) {
    text.push_str(std::str::from_utf8(&lower_hex(digest)).expect("digits are ASCII"));
}

fn push_number(text: &mut String, number: u64) {
    write!(text, "{number}").expect("a String takes everything");
}

/// The headers in the order of their names, the host among them.
fn with_host<'a>(headers: &'a BTreeMap<String, String>, host: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let pair = |(name, value): (&'a String, &'a String)| (name.as_str(), value.as_str());
    let before = headers.iter().map(pair).take_while(|(name, _)| *name < HOST);
    let behind = headers.iter().map(pair).skip_while(|(name, _)| *name < HOST);
    before.chain([(HOST, host)]).chain(behind)
}

const HOST: &str = "host";

fn push_names(text: &mut String, headers: &BTreeMap<String, String>, separator: &str) {
    for (place, (name, _)) in with_host(headers, "").enumerate() {
        if place > 0 {
            text.push_str(separator);
        }
        text.push_str(name);
    }
}

/// Drops spaces at both ends, and makes one of several.
fn push_header(text: &mut String, value: &str) {
    let mut words = value.trim().split(' ').filter(|word| !word.is_empty());
    text.push_str(words.next().unwrap_or_default());
    for word in words {
        text.push(' ');
        text.push_str(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, Timestamp};

    fn credentials() -> Credentials {
        Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        }
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).expect("a time")
    }

    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>, "An Example".
    #[test]
    fn signature_is_that_of_the_published_example() {
        // 2013-05-24T00:00:00Z
        let url = Signer::new(credentials(), "us-east-1", at(1_369_353_600)).sign_url(&UrlRequest {
            method: "GET",
            bucket: &BucketUrl::new("https://examplebucket.s3.amazonaws.com/").expect("a bucket"),
            key: "test.txt",
            query: &[],
            headers: &BTreeMap::new(),
            seconds: 86400,
        });
        assert_eq!(
            url,
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn a_signer_goes_with_the_time() {
        let bucket = BucketUrl::new("http://store/b/").expect("a bucket");
        let request = UrlRequest {
            method: "PUT",
            bucket: &bucket,
            key: "k",
            query: &[],
            headers: &BTreeMap::new(),
            seconds: 60,
        };
        let mut kept = Signer::new(credentials(), "us-east-1", at(0));
        for from in [86_399, 86_400, 86_400, 86_401, 172_800, 0] {
            kept = kept.at(at(from));
            let anew = Signer::new(credentials(), "us-east-1", at(from));
            assert_eq!(kept.from(), at(from));
            assert_eq!(kept.sign_url(&request), anew.sign_url(&request), "at {from}");
        }
    }

    #[test]
    fn keys_values_and_headers_are_written_as_s3_reads_them() {
        let bucket = BucketUrl::new("http://store:9000/b/").expect("a bucket");
        let headers = BTreeMap::from([("content-type", " a   b "), ("x-amz-meta-a", "")]);
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let sign = |headers| {
            Signer::new(credentials(), "us-east-1", at(0)).sign_url(&UrlRequest {
                method: "PUT",
                bucket: &bucket,
                key: "a b/~ü+.txt",
                query: &[("uploadId", "2~/+ ")],
                headers,
                seconds: 1,
            })
        };
        let url = sign(&headers);
        assert!(
            url.starts_with("http://store:9000/b/a%20b/~%C3%BC%2B.txt?X-Amz-Algorithm="),
            "{url}"
        );
        let end = "&X-Amz-Expires=1&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a&uploadId=2~%2F%2B%20&";
        assert!(url.contains(end), "{url}");
        let mut trimmed = headers.clone();
        trimmed.insert("content-type".to_owned(), "a b".to_owned());
        assert_eq!(url, sign(&trimmed));
    }
}
