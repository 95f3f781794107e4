//! The options of how a store keeps an object, as headers.

use std::time::SystemTime;

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use draftstore_storage::{Encryption, RetentionMode, StorageOptions};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but RFC 3986's unreserved characters.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns the headers of the options, in lower case.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub(crate) fn option_headers(options: &StorageOptions) -> Vec<(String, String)> {
    let StorageOptions {
        tags,
        storage_class,
        retention,
        legal_hold,
        encryption,
    } = options;
    let mut headers = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    if !tags.is_empty() {
        let encode = |text| utf8_percent_encode(text, &ENCODED);
        let tags = tags.iter();
        let tags: Vec<_> = tags
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        add("x-amz-tagging", tags.join("&"));
    }
    if let Some(class) = storage_class {
        add("x-amz-storage-class", class.clone());
    }
    if let Some(retention) = retention {
        let mode = match retention.mode {
            RetentionMode::Governance => "GOVERNANCE",
            RetentionMode::Compliance => "COMPLIANCE",
        };
        add("x-amz-object-lock-mode", mode.to_owned());
        add("x-amz-object-lock-retain-until-date", date(retention.until));
    }
    // A new version has no hold unless it is asked for.
    if *legal_hold == Some(true) {
        add("x-amz-object-lock-legal-hold", "ON".to_owned());
    }
    if let Some(encryption) = encryption {
        add("x-amz-server-side-encryption", encryption.as_str().to_owned());
        if let Encryption::Kms(Some(key)) = encryption {
            add("x-amz-server-side-encryption-aws-kms-key-id", key.clone());
        }
    }
    headers
}

fn date(time: SystemTime) -> String {
    let formatted = DateTime::from(time).fmt(DateTimeFormat::DateTime);
    formatted.expect("a date that the service has checked")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use draftstore_storage::Retention;

    use super::*;

    #[test]
    fn every_option_has_its_header() {
        let options = StorageOptions {
            tags: [("a b", "x&y=ü"), ("c", "")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            storage_class: Some("STANDARD_IA".to_owned()),
            retention: Some(Retention {
                mode: RetentionMode::Compliance,
                until: UNIX_EPOCH + Duration::from_secs(1_893_456_000),
            }),
            legal_hold: Some(true),
            encryption: Some(Encryption::Kms(Some("key-1".to_owned()))),
        };
        let expected = [
            ("x-amz-tagging", "a%20b=x%26y%3D%C3%BC&c="),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
            ("x-amz-object-lock-retain-until-date", "2030-01-01T00:00:00Z"),
            ("x-amz-object-lock-legal-hold", "ON"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-server-side-encryption-aws-kms-key-id", "key-1"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(option_headers(&options), expected);
        assert_eq!(option_headers(&StorageOptions::NONE), []);
    }
}
