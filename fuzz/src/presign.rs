//! Presigned URLs: each is taken by a verifier of our own, and leads to the very key.

use std::collections::BTreeMap;

use draftstore_sigv4::{BucketUrl, UrlRequest};

use crate::offline::{ACCESS_KEY_ID, HOST, REGION, SECRET_ACCESS_KEY, signer};
use crate::sigv4::{Credentials, Url};

/// Bytes before the key that choose everything else.
pub const OPTIONS: usize = 16;

const SESSION_TOKEN: &str = "FwoGZXIvYXdzE+/=token with space&amp";

/// Options, then the key.
pub fn run(data: &[u8]) {
    let Some((options, key)) = data.split_at_checked(OPTIONS) else {
        return;
    };
    let Ok(text) = std::str::from_utf8(key) else { return };
    // The service lets no other key come here.
    if !crate::names::keeps_the_rules(text) {
        return;
    }
    let (path_style, has_token) = (options[0] & 2 == 0, options[0] & 1 == 1);
    let bucket = bucket(options[1], path_style);
    let seconds = 1 + u64::from(u32::from_be_bytes([0, options[2], options[3], options[4]])) % 604_800;
    let from = u64::from(u32::from_be_bytes([options[5], options[6], options[7], 0]));
    let printable = |byte: u8| char::from(b' ' + byte % 95);
    let has = |bit: u8| options[8] & bit == bit;
    let mut headers: BTreeMap<String, String> = (0..options[12] % 4)
        .map(|place| {
            let value = format!("x{}{}  y{place}", printable(options[13]), printable(options[14]));
            (format!("x-amz-meta-a{place}.b-c_{}", options[15] % 10), value)
        })
        .collect();
    let mut add = |name: &str, value: String| headers.insert(name.to_owned(), value);
    if has(1) {
        add("x-amz-checksum-sha256", format!("{}=", printable(options[9])));
    }
    if has(2) {
        add(
            "content-length",
            (u64::from(options[10]) << (options[11] % 34)).to_string(),
        );
    }
    if has(4) {
        add("content-type", format!("text/x; a=\"{}  b\"", printable(options[15])));
    }
    if has(8) {
        add("if-none-match", "*".to_owned());
    }
    let disposition = format!("attachment; filename=\"{}\"", printable(options[15]));
    let upload_id = format!("{}~/+ {}", printable(options[13]), printable(options[14]));
    let number = (1 + u16::from(options[9])).to_string();
    let (method, query) = match options[0] >> 2 & 3 {
        0 => ("GET", vec![("response-content-disposition", disposition.as_str())]),
        1 => (
            "PUT",
            vec![("partNumber", number.as_str()), ("uploadId", upload_id.as_str())],
        ),
        _ => ("PUT", Vec::new()),
    };
    let (host, path) = if path_style {
        (HOST.to_owned(), format!("/{bucket}/"))
    } else {
        (format!("{bucket}.{HOST}"), "/".to_owned())
    };
    let signed = signer(has_token.then_some(SESSION_TOKEN), from).sign_url(&UrlRequest {
        method,
        bucket: &BucketUrl::new(format!("http://{host}{path}")).expect("a URL"),
        key: text,
        query: &query,
        headers: &headers,
        seconds,
    });
    let url = Url::read(&signed);
    assert_eq!(url.query["X-Amz-Expires"], seconds.to_string());
    for (name, value) in query {
        assert_eq!(url.query[name], value);
    }
    assert_eq!((&url.host, url.decoded_path()), (&host, path + text));
    let key = Credentials {
        access_key_id: ACCESS_KEY_ID,
        secret_access_key: SECRET_ACCESS_KEY,
        session_token: has_token.then_some(SESSION_TOKEN),
        region: REGION,
    };
    url.verify(method, &headers, key);
}

/// Dots only where the bucket is in the path: in a host name they mean something else.
fn bucket(seed: u8, dots: bool) -> String {
    match seed % 4 {
        0 => "abc".to_owned(),
        1 => format!("b-{seed}-draft"),
        2 if dots => format!("b.{seed}.draft"),
        _ => format!("{}9", "x".repeat(2 + usize::from(seed) % 60)),
    }
}
