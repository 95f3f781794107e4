//! Start of a multipart upload.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::upload::{MARK, MAX_UPLOAD_BYTES, Mark, Token, ends_at, part_size};
use draftstore_storage::{Attributes, CreateUpload};

use crate::draft::Drafts;
use crate::draft::draft_ref::DraftRef;
use crate::draft::identity::{Free, NewDraft};
use crate::fields::{content_length, content_type, metadata};
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Scope};

/// A request to begin a multipart upload, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct CreateMultipart {
    /// The [`ObjectName`](crate::ObjectName) of the draft.
    pub object_name: String,
    /// The media type of the draft.
    pub content_type: Option<String>,
    /// The size of the whole draft, in bytes.
    pub content_length: Option<i64>,
    /// The user metadata of the draft.
    pub metadata: BTreeMap<String, String>,
    /// `true` for a unique draft, which has an ID of its own.
    pub unique: bool,
    /// The lifetime of a unique draft, in seconds from now.
    pub draft_lifetime: Option<i32>,
    /// `true` if every part will be sent with its SHA-256.
    pub part_checksums: bool,
}

/// An upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartCreated {
    /// The ID of the upload, for all further calls on it.
    pub upload_id: String,
    /// The ID of a unique draft.
    pub draft_id: Option<DraftId>,
    /// The size of every part except the last, in bytes.
    pub part_size: u64,
    /// The number of parts, if the size of the whole draft is known.
    pub part_count: Option<u16>,
    /// The time at which the upload ends.
    pub expires_at: SystemTime,
}

impl Drafts {
    /// Begins a multipart upload. Not idempotent: every call begins another upload. Abandoned ones are left to the
    /// sweep.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::TooLarge`] if the size does not fit
    /// in 10,000 parts, [`Error::NoMoreUploads`] if the caller has as many drafts as it may, or an error of the store.
    pub async fn create_multipart(&self, request: &CreateMultipart) -> Result<MultipartCreated, Error> {
        let now = self.shared.clock.now();
        self.caller.require(Scope::Upload)?;
        let mut broken = Violations::default();
        let name = broken.take(self.caller.name(&request.object_name));
        let media_type = broken.take_optional(request.content_type.as_deref().map(content_type));
        broken.take(self.caller.profile.check_content_type(media_type));
        let content_length = broken.take_optional(request.content_length.map(content_length));
        let lifetime = broken.take(self.draft_lifetime(request.unique, request.draft_lifetime, now));
        broken.take(metadata(&request.metadata));
        let (Some(name), Some(lifetime), []) = (name, lifetime, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        if content_length.is_some_and(|bytes| bytes > MAX_UPLOAD_BYTES) {
            return Err(Error::TooLarge {
                field: "content_length",
                limit: MAX_UPLOAD_BYTES,
            });
        }
        if let Some(bytes) = content_length {
            self.caller.profile.check_size("content_length", bytes)?;
        }

        let new = NewDraft {
            name: &name,
            unique: request.unique,
            lifetime,
            now,
        };
        let draft_id = self.identity(new, &mut Free::default()).await?;
        let draft = DraftRef::new(&self.caller, name, draft_id);
        let mark = Mark::new(rand::random());
        let mut attributes = Attributes {
            content_type: request.content_type.clone(),
            metadata: request.metadata.clone(),
            ..Attributes::default()
        };
        attributes.metadata.insert(MARK.to_owned(), mark.text());
        let create = CreateUpload {
            bucket: &self.shared.store.buckets.draft,
            key: &draft.key,
            attributes: &attributes,
            part_checksums: request.part_checksums,
        };
        let token = Token {
            upload_id: self.shared.store.objects().create_upload(&create).await?,
            mark,
            content_length,
            part_size: part_size(content_length),
            part_checksums: request.part_checksums,
            ends_at: ends_at(now, lifetime),
        };
        Ok(MultipartCreated {
            upload_id: self.seal(Purpose::Upload, &[draft.key.as_str()], &token.encode()),
            draft_id,
            part_size: token.part_size,
            part_count: token.part_count(),
            expires_at: token.ends_at,
        })
    }
}
