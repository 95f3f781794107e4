//! Signs so many upload URLs and nothing else: `benches/instructions.py` counts its instructions under callgrind.

use std::collections::BTreeMap;

use draftstore_sigv4::{BucketUrl, Credentials, Signer, Timestamp, UrlRequest};

fn main() {
    let calls = std::env::args().nth(1).and_then(|calls| calls.parse::<u32>().ok());
    let Some(calls) = calls else {
        eprintln!("usage: sign CALLS");
        std::process::exit(64);
    };
    let credentials = Credentials {
        access_key_id: "AKIABENCHMARKSONLY00".to_owned(),
        secret_access_key: "of-forty-characters-as-those-of-aws-are.".to_owned(),
        session_token: None,
    };
    let from = Timestamp::from_unix_seconds(1_800_000_000).expect("a time");
    let signer = Signer::new(credentials, "us-east-1", from);
    let bucket = BucketUrl::new("http://127.0.0.1:1/main-draft/").expect("a bucket");
    let headers = BTreeMap::new();
    for _ in 0..calls {
        std::hint::black_box(signer.sign_url(&UrlRequest {
            method: "PUT",
            bucket: &bucket,
            key: "photos/2026/file.jpg",
            query: &[],
            headers: &headers,
            seconds: 3600,
        }));
    }
}
