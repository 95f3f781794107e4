//! Issuing upload URLs.

use std::collections::BTreeMap;
use std::time::Duration;

use draftstore_protocol::DraftId;
use draftstore_storage::{Attributes, Condition, ObjectHeader, PresignPost, PresignPut, PresignedRequest, Support};

use super::Drafts;
use super::attributes::RequestedAttributes;
use super::draft_ref::DraftRef;
use super::identity::{Free, NewDraft, Way};
use super::options::{RequestedOptions, check_sealed};
use crate::fields::{batch, checksum, content_length, expires_in, not_negative};
use crate::limits::MAX_PUT_BYTES;
use crate::violation::Violations;
use crate::{Error, Scope, UrlKind, Violation};

/// A request for an upload URL, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct IssueUpload {
    /// The [`ObjectName`](crate::ObjectName) of the draft.
    pub object_name: String,
    /// The exact media type.
    pub content_type: Option<String>,
    /// The exact size in bytes.
    pub content_length: Option<i64>,
    /// The maximum size in bytes. If set, the upload is a form.
    pub max_content_length: Option<i64>,
    /// The SHA-256 of the file, in base64.
    pub checksum_sha256: Option<String>,
    /// The other headers of the object.
    pub headers: BTreeMap<ObjectHeader, String>,
    /// The user metadata of the draft.
    pub metadata: BTreeMap<String, String>,
    /// The options of the confirmed object.
    pub options: RequestedOptions,
    /// The duration of the URL's validity, in seconds.
    pub expires_in: Option<i32>,
    /// `true` for a unique draft, which has an ID of its own and cannot collide with other uploads.
    pub unique: bool,
    /// The lifetime of a unique draft, in seconds.
    pub draft_lifetime: Option<i32>,
}

/// An upload URL and the ID of its draft.
#[derive(Debug, Clone)]
pub struct UploadIssued {
    /// The presigned request for the client.
    pub request: PresignedRequest,
    /// The ID of a unique draft.
    pub draft_id: Option<DraftId>,
}

impl Drafts {
    /// Signs the upload of a named or a unique draft.
    ///
    /// Does not call the store, except for a caller with a limited number of drafts: then it lists the existing ones,
    /// and the new draft is always unique.
    ///
    /// On stores that honour `If-None-Match`, a unique draft can be uploaded only once. A form has no such condition:
    /// like a named draft, it can be uploaded repeatedly while the form is valid. No guarantee of a confirm depends on
    /// this: a confirm copies the version that it checked, and can be pinned.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::TooLarge`] for a size over 5 GiB,
    /// [`Error::NoMoreUploads`] if the caller has as many drafts as it may, or [`Error::StoreCredentials`] if there are
    /// no credentials to sign with.
    pub async fn issue_upload(&self, request: &IssueUpload) -> Result<UploadIssued, Error> {
        self.issue(request, &mut Free::default()).await
    }

    async fn issue(&self, request: &IssueUpload, free: &mut Free) -> Result<UploadIssued, Error> {
        let now = self.shared.clock.now();
        self.caller.require(Scope::Upload)?;
        let mut broken = Violations::default();
        let name = broken.take(self.caller.name(&request.object_name));
        broken.take(self.check_copyable(&request.object_name));
        let requested = RequestedAttributes {
            content_type: request.content_type.as_deref(),
            headers: &request.headers,
            metadata: &request.metadata,
        };
        let mut attributes = requested.agree(&self.caller.profile, &mut broken);
        let mut options = request.options.check(&self.caller.profile, now, &mut broken);
        self.caller.profile.fixed_options.apply_to_upload(&mut options, now);
        broken.take(check_sealed(&options, &request.metadata));
        let content_length = broken.take_optional(request.content_length.map(content_length));
        let max_content_length = broken.take_optional(request.max_content_length.map(max_content_length));
        if request.content_length.is_some() && request.max_content_length.is_some() {
            broken.take::<()>(Err(Violation::new(
                "max_content_length",
                "must not be given together with content_length",
            )));
        }
        if request.content_length.is_none() && request.max_content_length.is_none() {
            broken.take(self.caller.profile.check_missing_size());
        }
        let checksum_sha256 = broken.take_optional(request.checksum_sha256.as_deref().map(checksum));
        let lifetime = broken.take(self.draft_lifetime(request.unique, request.draft_lifetime, now));
        let longest = self.shared.policy.upload_ttl().min(lifetime.unwrap_or(Duration::MAX));
        let expires_in = broken.take(expires_in(request.expires_in, longest));
        if request.max_content_length.is_some() {
            request.check_form(&attributes, &mut broken);
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
                self.caller.profile.check_size(field, bytes)?;
            }
        }
        self.require_options(&options).await?;

        let new = NewDraft {
            name: &name,
            unique: request.unique,
            lifetime,
            now,
            way: Way::Whole,
        };
        let draft_id = self.identity(new, free).await?;
        let draft = DraftRef::new(&self.caller, name, draft_id);
        self.record(&mut attributes, &draft.key);
        self.seal_options(&mut attributes, &options, &draft.key);
        self.agree_on_auto_confirm(&mut attributes, &draft.key);
        let bucket = &self.shared.store.buckets.draft;
        let presign = self.shared.store.presign();
        let signed = if let Some(max_content_length) = max_content_length {
            let post = PresignPost {
                bucket,
                key: &draft.key,
                max_content_length,
                checksum_sha256,
                attributes: &attributes,
                now,
                expires_in,
            };
            presign.presign_post(&post).await?
        } else {
            let put = PresignPut {
                bucket,
                key: &draft.key,
                content_length,
                checksum_sha256,
                attributes: &attributes,
                write_once: draft_id.is_some()
                    && self.shared.store.profile.capabilities().of(Condition::UploadOnce) != Support::Refused,
                now,
                expires_in,
            };
            presign.presign_put(&put).await?
        };
        let kind = if max_content_length.is_some() {
            UrlKind::Form
        } else {
            UrlKind::Put
        };
        self.observe_issued(kind, 1);
        Ok(UploadIssued {
            request: signed,
            draft_id,
        })
    }

    /// Signs several uploads, and returns the result of each in the order of the request. Calls the store at most once.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if there are no uploads, or more than [`MAX_BATCH`](crate::limits::MAX_BATCH).
    pub async fn issue_uploads(&self, uploads: &[IssueUpload]) -> Result<Vec<Result<UploadIssued, Error>>, Error> {
        self.caller.require(Scope::Upload)?;
        batch(uploads.len()).map_err(|violation| Error::Invalid(vec![violation]))?;
        let mut free = Free::default();
        let mut issued = Vec::with_capacity(uploads.len());
        for upload in uploads {
            issued.push(self.issue(upload, &mut free).await);
        }
        Ok(issued)
    }
}

fn max_content_length(bytes: i64) -> Result<u64, Violation> {
    not_negative("max_content_length", bytes)
}

impl IssueUpload {
    /// Refuses `${filename}` in every field of a form. Stores replace it by the name of the uploaded file, so that the
    /// uploader would choose a value that was agreed on.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html>
    fn check_form(&self, attributes: &Attributes, broken: &mut Violations) {
        let rule =
            "must not contain '${filename}' with max_content_length: the store would replace it by the file's name";
        let content_type = attributes.content_type.iter();
        let content_type = content_type.map(|value| ("content_type".to_owned(), value.as_str()));
        let headers = attributes.headers.iter();
        let headers = headers.map(|(header, value)| (header.as_str().to_owned(), value));
        let metadata = attributes.metadata.iter();
        let metadata = metadata.map(|(name, value)| (format!("metadata.{name}"), value.as_str()));
        let name = [("object_name".to_owned(), self.object_name.as_str())];
        for (field, value) in name.into_iter().chain(content_type).chain(headers).chain(metadata) {
            if value.contains("${filename}") {
                broken.take::<()>(Err(Violation::new(field, rule)));
            }
        }
    }
}
