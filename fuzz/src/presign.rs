//! Presigned URLs: each is taken by a verifier of our own, and leads to the very key.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use draftstore_storage::s3::S3Storage;
use draftstore_storage::{
    BucketName, DraftBucket, ObjectKey, PresignGet, PresignPart, PresignPut, PresignedRequest, Sha256, Storage as _,
    UploadId,
};

use crate::offline::{ACCESS_KEY_ID, HOST, REGION, SECRET_ACCESS_KEY, storage, wait};
use crate::sigv4::{Key, Url};

/// Bytes before the key that choose everything else.
pub const OPTIONS: usize = 16;

const SESSION_TOKEN: &str = "FwoGZXIvYXdzE+/=token with space&amp";

thread_local! {
    static SIGNERS: [S3Storage; 4] = [
        storage(true, None),
        storage(true, Some(SESSION_TOKEN)),
        storage(false, None),
        storage(false, Some(SESSION_TOKEN)),
    ];
}

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
    let key: ObjectKey = text.parse().expect("a name fits");
    let (path_style, has_token) = (options[0] & 2 == 0, options[0] & 1 == 1);
    let bucket = bucket(options[1], path_style);
    let main: BucketName = "the-main-bucket".parse().expect("a name");
    let (draft, _) = DraftBucket::pair(bucket.clone(), main).expect("two names");
    let seconds = 1 + u64::from(u32::from_be_bytes([0, options[2], options[3], options[4]])) % 604_800;
    let now = UNIX_EPOCH + Duration::from_secs(u64::from(u32::from_be_bytes([options[5], options[6], options[7], 0])));
    let expires_in = Duration::from_secs(seconds);
    let checksum = (options[8] & 1 == 1).then(|| Sha256::from([options[9]; 32]));
    let length = (options[8] & 2 == 2).then(|| u64::from(options[10]) << (options[11] % 34));
    let printable = |byte: u8| char::from(b' ' + byte % 95);
    let metadata: BTreeMap<String, String> = (0..options[12] % 4)
        .map(|place| {
            let value = format!("x{}{}  y{place}", printable(options[13]), printable(options[14]));
            (format!("a{place}.b-c_{}", options[15] % 10), value)
        })
        .collect();
    let content_type = (options[8] & 4 == 4).then(|| format!("text/x; a=\"{}  b\"", printable(options[15])));
    let disposition = (options[8] & 4 == 4).then(|| format!("attachment; filename=\"{}\"", printable(options[15])));
    let upload_id = UploadId::new(format!("{}~/+ {}", printable(options[13]), printable(options[14])));
    let signed: PresignedRequest = SIGNERS.with(|signers| {
        let signer = &signers[usize::from(options[0] & 3)];
        let signed = match options[0] >> 2 & 3 {
            0 => wait(signer.presign_get(&PresignGet {
                bucket: &bucket,
                key: &key,
                response_content_disposition: disposition.as_deref(),
                now,
                expires_in,
            })),
            1 => wait(signer.presign_part(&PresignPart {
                bucket: &draft,
                key: &key,
                upload_id: &upload_id,
                number: 1 + u16::from(options[9]),
                content_length: length,
                checksum_sha256: checksum,
                now,
                expires_in,
            })),
            _ => wait(signer.presign_put(&PresignPut {
                bucket: &draft,
                key: &key,
                content_length: length,
                content_type: content_type.as_deref(),
                checksum_sha256: checksum,
                metadata: &metadata,
                write_once: options[8] & 8 == 8,
                now,
                expires_in,
            })),
        };
        signed.expect("what the service lets through is signed")
    });
    assert_eq!(signed.expires_at, now + expires_in);
    let url = Url::read(&signed.url.expose());
    assert_eq!(url.query["X-Amz-Expires"], seconds.to_string());
    let (host, path) = if path_style {
        (HOST.to_owned(), format!("/{bucket}/{text}"))
    } else {
        (format!("{bucket}.{HOST}"), format!("/{text}"))
    };
    assert_eq!((&url.host, url.decoded_path()), (&host, path));
    let key = Key {
        access_key_id: ACCESS_KEY_ID,
        secret_access_key: SECRET_ACCESS_KEY,
        session_token: has_token.then_some(SESSION_TOKEN),
        region: REGION,
    };
    url.verify(signed.method.as_str(), &signed.headers, key);
}

/// Dots only where the bucket is in the path: in a host name they mean something else.
fn bucket(seed: u8, dots: bool) -> BucketName {
    let name = match seed % 4 {
        0 => "abc".to_owned(),
        1 => format!("b-{seed}-draft"),
        2 if dots => format!("b.{seed}.draft"),
        _ => format!("{}9", "x".repeat(2 + usize::from(seed) % 60)),
    };
    name.parse().expect("a bucket name")
}
