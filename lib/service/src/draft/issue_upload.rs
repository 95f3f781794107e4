//! Issuing upload URLs.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::{Condition, PresignPost, PresignPut, PresignedRequest, Sha256, Support};

use super::Drafts;
use super::confirm::{MARKER_PREFIX, MAX_BATCH};
use super::id::DraftId;
use super::identity::{Free, NewDraft};
use crate::violation::Violations;
use crate::{Error, Scope, UrlKind, Violation};

/// The largest object that one PUT or one form can carry: 5 GiB.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html>
const MAX_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// User metadata that a caller may give, names and values together, in bytes: S3's 2,048 less room for the marker that
/// a confirm adds.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
const MAX_METADATA_BYTES: usize = 1536;

/// Longer than any media type in use.
const MAX_CONTENT_TYPE_BYTES: usize = 255;

/// What a caller wants to upload, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct IssueUpload {
    /// See [`crate::ObjectName`].
    pub object_name: String,
    /// Exact media type.
    pub content_type: Option<String>,
    /// Exact size in bytes.
    pub content_length: Option<i64>,
    /// Largest size in bytes: the upload is then a form.
    pub max_content_length: Option<i64>,
    /// SHA-256 in base64.
    pub checksum_sha256: Option<String>,
    /// User metadata.
    pub metadata: BTreeMap<String, String>,
    /// Validity in seconds.
    pub expires_in: Option<i32>,
    /// Whether the draft gets an identity of its own, so that no other upload meets it.
    pub unique: bool,
    /// How long a unique draft lives, in seconds.
    pub draft_lifetime: Option<i32>,
}

/// An upload URL, and the draft that it leads to.
#[derive(Debug, Clone)]
pub struct UploadIssued {
    /// How to upload.
    pub request: PresignedRequest,
    /// The identity of a unique draft.
    pub draft_id: Option<DraftId>,
}

impl Drafts {
    /// Signs an upload of a draft, named or unique. Asks the store nothing, but for a caller whose drafts are limited in
    /// number: then it lists those that are there, and the draft is unique, asked for or not.
    ///
    /// A unique draft can be uploaded once, on stores that honour `If-None-Match`, unless it is by a form, which has no such
    /// condition: like a named one, it can then be uploaded again for as long as the form is valid. Nothing leans on
    /// uploads that happen once but the uploader: a confirm copies the version that it looked at, and can be pinned.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, [`Error::TooLarge`] for a size over 5 GiB,
    /// [`Error::NoMoreUploads`] when the caller has as many drafts as it may, or [`Error::StoreCredentials`] when there is
    /// nothing to sign with.
    pub async fn issue_upload(&self, request: &IssueUpload) -> Result<UploadIssued, Error> {
        self.issue(request, &mut Free::default()).await
    }

    async fn issue(&self, request: &IssueUpload, free: &mut Free) -> Result<UploadIssued, Error> {
        let now = self.shared.clock.now();
        self.caller.may(Scope::Upload)?;
        let mut broken = Violations::default();
        let name = broken.take(self.caller.name(&request.object_name));
        let content_type = broken.take_optional(request.content_type.as_deref().map(content_type));
        broken.take(self.caller.profile.allows(content_type));
        let content_length = broken.take_optional(request.content_length.map(content_length));
        let max_content_length = broken.take_optional(request.max_content_length.map(max_content_length));
        if request.content_length.is_some() && request.max_content_length.is_some() {
            broken.take::<()>(Err(Violation::new(
                "max_content_length",
                "must not go with content_length",
            )));
        }
        if request.content_length.is_none() && request.max_content_length.is_none() {
            broken.take(self.caller.profile.needs_no_size());
        }
        let checksum_sha256 = broken.take_optional(request.checksum_sha256.as_deref().map(checksum));
        let lifetime = broken.take(self.draft_lifetime(request.unique, request.draft_lifetime, now));
        let longest = self.shared.policy.upload_ttl().min(lifetime.unwrap_or(Duration::MAX));
        let expires_in = broken.take(expires_in(request.expires_in, longest));
        broken.take(metadata(&request.metadata));
        if request.max_content_length.is_some() {
            broken.take(form_name(&request.object_name));
        }
        let (Some(name), Some(lifetime), Some(expires_in), []) = (name, lifetime, expires_in, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        for (field, bytes) in [
            ("content_length", content_length),
            ("max_content_length", max_content_length),
        ] {
            if bytes.is_some_and(|bytes| bytes > MAX_PUT_BYTES) {
                let limit = MAX_PUT_BYTES;
                return Err(Error::TooLarge { field, limit });
            }
            if let Some(bytes) = bytes {
                self.caller.profile.holds(field, bytes)?;
            }
        }

        let new = NewDraft {
            name: &name,
            unique: request.unique,
            lifetime,
            now,
        };
        let draft_id = self.identity(new, free).await?;
        let keys = self.keys(&name, draft_id, None);
        let bucket = &self.shared.store.buckets.draft;
        let storage = &self.shared.store.storage;
        let signed = if let Some(max_content_length) = max_content_length {
            let post = PresignPost {
                bucket,
                key: &keys.draft,
                max_content_length,
                content_type,
                checksum_sha256,
                metadata: &request.metadata,
                now,
                expires_in,
            };
            storage.presign_post(&post).await?
        } else {
            let put = PresignPut {
                bucket,
                key: &keys.draft,
                content_length,
                content_type,
                checksum_sha256,
                metadata: &request.metadata,
                write_once: draft_id.is_some()
                    && self.shared.store.profile.capabilities().of(Condition::UploadOnce) != Support::Refused,
                now,
                expires_in,
            };
            storage.presign_put(&put).await?
        };
        let kind = if max_content_length.is_some() {
            UrlKind::Form
        } else {
            UrlKind::Put
        };
        self.tell_issued(kind, 1);
        Ok(UploadIssued {
            request: signed,
            draft_id,
        })
    }

    /// Signs many uploads, and says of each what came of it, in the order of the request. Asks the store no
    /// more than for one.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are none or more than [`MAX_BATCH`].
    pub async fn issue_uploads(&self, uploads: &[IssueUpload]) -> Result<Vec<Result<UploadIssued, Error>>, Error> {
        self.caller.may(Scope::Upload)?;
        if uploads.is_empty() || uploads.len() > MAX_BATCH {
            let rule = format!("must be 1 to {MAX_BATCH}");
            return Err(Error::Invalid(vec![Violation::new("uploads", rule)]));
        }
        let mut free = Free::default();
        let mut issued = Vec::with_capacity(uploads.len());
        for upload in uploads {
            issued.push(self.issue(upload, &mut free).await);
        }
        Ok(issued)
    }

    /// How long the draft lives; a named one is dated by the store, and cannot have a lifetime of its own, and one of a
    /// limited number has that of all of them.
    pub(super) fn draft_lifetime(
        &self,
        unique: bool,
        asked: Option<i32>,
        now: SystemTime,
    ) -> Result<Duration, Violation> {
        if let Some(slots) = &self.caller.drafts {
            let rule = "must not be given: the ticket says when all its drafts expire";
            return match asked {
                Some(_) => Err(Violation::new("draft_lifetime", rule)),
                None => Ok(slots.lifetime(now)),
            };
        }
        if asked.is_some() && !unique {
            return Err(Violation::new("draft_lifetime", "must go with unique"));
        }
        let longest = self.shared.policy.object_lifetime();
        match self.caller.profile.max_draft_lifetime {
            Some(most) if most < longest && !unique => {
                let rule = "must be true: this caller's drafts live for a shorter time than named ones do";
                Err(Violation::new("unique", rule))
            }
            most => seconds("draft_lifetime", asked, most.unwrap_or(longest).min(longest)),
        }
    }
}

/// How long a URL is valid.
pub(super) fn expires_in(asked: Option<i32>, longest: Duration) -> Result<Duration, Violation> {
    seconds("expires_in", asked, longest)
}

/// Seconds between 1 and the longest allowed, which is also the default.
fn seconds(field: &str, asked: Option<i32>, longest: Duration) -> Result<Duration, Violation> {
    let Some(seconds) = asked else {
        return Ok(longest);
    };
    u64::try_from(seconds)
        .ok()
        .map(Duration::from_secs)
        .filter(|asked| !asked.is_zero() && *asked <= longest)
        .ok_or_else(|| Violation::new(field, format!("must be 1 to {} seconds", longest.as_secs())))
}

pub(super) fn content_length(bytes: i64) -> Result<u64, Violation> {
    not_negative("content_length", bytes)
}

fn max_content_length(bytes: i64) -> Result<u64, Violation> {
    not_negative("max_content_length", bytes)
}

fn not_negative(field: &str, bytes: i64) -> Result<u64, Violation> {
    u64::try_from(bytes).map_err(|_| Violation::new(field, "must not be negative"))
}

/// Stores replace this, anywhere in a form's key, by the name of the form's file.
fn form_name(object_name: &str) -> Result<(), Violation> {
    if object_name.contains("${filename}") {
        let rule = "must not contain '${filename}' with max_content_length: the store would put the file's name there";
        return Err(Violation::new("object_name", rule));
    }
    Ok(())
}

pub(super) fn checksum(base64: &str) -> Result<Sha256, Violation> {
    base64
        .parse()
        .map_err(|_| Violation::new("checksum_sha256", "must be 32 bytes in standard base64, padded"))
}

/// `type/subtype`, with parameters or without.
pub(super) fn content_type(text: &str) -> Result<&str, Violation> {
    let printable = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let well_formed = essence
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if printable && well_formed && text.len() <= MAX_CONTENT_TYPE_BYTES && text.trim() == text {
        Ok(text)
    } else {
        Err(Violation::new(
            "content_type",
            "must be a media type such as 'image/jpeg', at most 255 characters of printable ASCII",
        ))
    }
}

/// Source: RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(allowed)
}

pub(super) fn metadata(metadata: &BTreeMap<String, String>) -> Result<(), Violation> {
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
            let rule = format!("must not begin with '{MARKER_PREFIX}', which the server keeps for itself");
            return Err(Violation::new(field(), rule));
        }
        let printable = value.bytes().all(|b| (b' '..=b'~').contains(&b));
        if value.is_empty() || !printable || value.trim() != value {
            let rule = "must be printable ASCII, not empty, without space at either end";
            return Err(Violation::new(field(), rule));
        }
    }
    let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > MAX_METADATA_BYTES {
        let rule = format!("must be at most {MAX_METADATA_BYTES} bytes, names and values together");
        return Err(Violation::new("metadata", rule));
    }
    Ok(())
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
    fn content_types_are_media_types() {
        for good in ["image/jpeg", "text/html; charset=utf-8", "application/vnd.api+json"] {
            assert_eq!(content_type(good), Ok(good));
        }
        for bad in [
            "",
            "jpeg",
            "/",
            "image/",
            "a b/c",
            "image/jpeg\r\nx: y",
            " image/png",
            "image/ü",
        ] {
            assert!(content_type(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn metadata_fits_in_headers_and_leaves_the_marker_alone() {
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
    }
}
