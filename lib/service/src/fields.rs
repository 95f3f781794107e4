//! Validation of single fields, shared by several calls.
//!
//! Each function takes a value and returns the parsed value or the rule that it breaks. This module must not know
//! callers, calls or the store.

use std::collections::BTreeMap;
use std::time::Duration;

use draftstore_protocol::DraftId;
use draftstore_protocol::confirm::MARKER_PREFIX;
use draftstore_storage::{ETag, InvalidMediaType, MediaType, Sha256, VersionId};

use crate::limits::{MAX_BATCH, MAX_METADATA_ENTRIES, MAX_VERSION_ID_BYTES};
use crate::{Amount, Violation};

/// The maximum size of a caller's metadata, names and values together, in bytes: S3's 2,048 less the space for the
/// marker that a confirm adds.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
const MAX_METADATA_BYTES: usize = 1536;

/// Validates the duration of a URL's validity.
pub(crate) fn expires_in(asked: Option<i32>, longest: Duration) -> Result<Duration, Violation> {
    seconds("expires_in", asked, longest)
}

/// Validates a number of seconds from 1 to `longest`, which is also the default.
pub(crate) fn seconds(field: &str, asked: Option<i32>, longest: Duration) -> Result<Duration, Violation> {
    let Some(seconds) = asked else {
        return Ok(longest);
    };
    u64::try_from(seconds)
        .ok()
        .map(Duration::from_secs)
        .filter(|asked| !asked.is_zero() && *asked <= longest)
        .ok_or_else(|| Violation::new(field, format!("must be 1 to {}", Amount::seconds(longest.as_secs()))))
}

pub(crate) fn content_length(bytes: i64) -> Result<u64, Violation> {
    not_negative("content_length", bytes)
}

pub(crate) fn not_negative(field: &str, bytes: i64) -> Result<u64, Violation> {
    u64::try_from(bytes).map_err(|_| Violation::new(field, "must not be negative"))
}

pub(crate) fn checksum(base64: &str) -> Result<Sha256, Violation> {
    base64
        .parse()
        .map_err(|_| Violation::new("checksum_sha256", "must be 32 bytes in standard base64, padded"))
}

pub(crate) fn content_type(text: &str) -> Result<MediaType, Violation> {
    text.parse()
        .map_err(|error: InvalidMediaType| Violation::new("content_type", error.to_string()))
}

pub(crate) fn metadata(metadata: &BTreeMap<String, String>) -> Result<(), Violation> {
    for (name, value) in metadata {
        let field = || format!("metadata.{name}");
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(Violation::new(
                field(),
                "must have a name of a-z, 0-9, '-', '_' and '.'",
            ));
        }
        if name.starts_with(MARKER_PREFIX) {
            let rule = format!("must not begin with '{MARKER_PREFIX}', which is reserved for the server");
            return Err(Violation::new(field(), rule));
        }
        let printable = value.bytes().all(|b| (b' '..=b'~').contains(&b));
        if value.is_empty() || !printable || value.trim() != value {
            let rule = "must be printable ASCII, not empty, without space at either end";
            return Err(Violation::new(field(), rule));
        }
    }
    if metadata.len() > MAX_METADATA_ENTRIES {
        let rule = format!("must have at most {MAX_METADATA_ENTRIES} entries");
        return Err(Violation::new("metadata", rule));
    }
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_METADATA_BYTES {
        let rule = format!("must be at most {MAX_METADATA_BYTES} bytes, names and values together");
        return Err(Violation::new("metadata", rule));
    }
    Ok(())
}

/// Validates the number of drafts in a call.
pub(crate) fn batch(uploads: usize) -> Result<(), Violation> {
    if (1..=MAX_BATCH).contains(&uploads) {
        Ok(())
    } else {
        Err(Violation::new("uploads", format!("must be 1 to {MAX_BATCH}")))
    }
}

pub(crate) fn etag(field: &str, text: &str) -> Result<ETag, Violation> {
    let rule = "must be one ETag, in quotes or bare, not weak and not '*'";
    text.parse().map_err(|_| Violation::new(field, rule))
}

pub(crate) fn draft_id(text: &str) -> Result<DraftId, Violation> {
    let rule = "must be the draft_id that upload-url gave";
    text.parse().map_err(|_| Violation::new("draft_id", rule))
}

pub(crate) fn version_id(text: &str) -> Result<VersionId, Violation> {
    if (1..=MAX_VERSION_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(VersionId::new(text))
    } else {
        let rule = format!("must be 1 to {MAX_VERSION_ID_BYTES} visible ASCII characters");
        Err(Violation::new("version_id", rule))
    }
}

/// Validates a part number from 1 to `last`.
pub(crate) fn part_number(number: i32, last: u16) -> Result<u16, Violation> {
    let number = u16::try_from(number).ok().filter(|number| (1..=last).contains(number));
    number.ok_or_else(|| Violation::new("part_number", format!("must be 1 to {last}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validity_is_capped_and_defaults_to_the_cap() {
        let hour = Duration::from_secs(3600);
        assert_eq!(expires_in(None, hour), Ok(hour));
        assert_eq!(expires_in(Some(1), hour), Ok(Duration::from_secs(1)));
        assert_eq!(expires_in(Some(3600), hour), Ok(hour));
        for bad in [0, -1, 3601, i32::MIN, i32::MAX] {
            let violation = expires_in(Some(bad), hour).expect_err("refused");
            assert_eq!(violation.rule, "must be 1 to 3600 seconds");
        }
    }

    #[test]
    fn metadata_fits_in_headers_and_cannot_set_the_marker() {
        let one = |name: &str, value: &str| metadata(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        assert!(one("author", "Ada L.").is_ok());
        for (name, value) in [
            ("", "x"),
            ("Author", "x"),
            ("a b", "x"),
            ("draftstore-draft", "x"),
            ("a", ""),
            ("a", " x"),
            ("a", "é"),
            ("a", "x\r\ny: z"),
        ] {
            assert!(one(name, value).is_err(), "{name:?}: {value:?}");
        }
        let violation = one("a", &"x".repeat(MAX_METADATA_BYTES)).expect_err("too much");
        assert_eq!(violation.field, "metadata");
        let entries = |count: usize| metadata(&(0..count).map(|n| (format!("k{n}"), "x".to_owned())).collect());
        assert!(entries(MAX_METADATA_ENTRIES).is_ok());
        let violation = entries(MAX_METADATA_ENTRIES + 1).expect_err("too many");
        assert_eq!(
            (violation.field.as_ref(), violation.rule.as_ref()),
            ("metadata", "must have at most 50 entries")
        );
    }
}
