//! Beginning an upload.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::upload::{MARK, MAX_UPLOAD_BYTES, Mark, Token, ends_at, part_size};
use draftstore_storage::{Attributes, CreateUpload};

use crate::draft::Drafts;
use crate::draft::draft_ref::DraftRef;
use crate::draft::identity::{Free, NewDraft};
use crate::fields::{content_length, content_type, metadata};
use crate::violation::Violations;
use crate::{Error, Scope};

/// What a caller wants to upload in parts, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct CreateMultipart {
    /// See [`crate::ObjectName`].
    pub object_name: String,
    /// The media type that the draft gets.
    pub content_type: Option<String>,
    /// Size of the whole in bytes.
    pub content_length: Option<i64>,
    /// User metadata.
    pub metadata: BTreeMap<String, String>,
    /// Whether the draft gets an identity of its own.
    pub unique: bool,
    /// How long a unique draft lives, in seconds from now.
    pub draft_lifetime: Option<i32>,
    /// Whether every part will come with its SHA-256.
    pub part_checksums: bool,
}

/// An upload that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartCreated {
    /// What the other calls find it by.
    pub upload_id: String,
    /// The identity of a unique draft.
    pub draft_id: Option<DraftId>,
    /// The size of every part but the last.
    pub part_size: u64,
    /// How many parts that makes, where the size of the whole is known.
    pub part_count: Option<u16>,
    /// When the upload ends.
    pub expires_at: SystemTime,
}

impl Drafts {
    /// Begins an upload in parts. Not idempotent: every call begins another, and those that nobody goes on with are the
    /// sweep's.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, [`Error::TooLarge`] for more than 10,000 parts hold,
    /// [`Error::NoMoreUploads`] when the caller has as many drafts as it may, or those of the store.
    pub async fn create_multipart(&self, request: &CreateMultipart) -> Result<MultipartCreated, Error> {
        let now = self.shared.clock.now();
        self.caller.may(Scope::Upload)?;
        let mut broken = Violations::default();
        let name = broken.take(self.caller.name(&request.object_name));
        let media_type = broken.take_optional(request.content_type.as_deref().map(content_type));
        broken.take(self.caller.profile.allows(media_type));
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
            self.caller.profile.holds("content_length", bytes)?;
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
            upload_id: token.encode(&draft.key),
            draft_id,
            part_size: token.part_size,
            part_count: token.part_count(),
            expires_at: token.ends_at,
        })
    }
}
