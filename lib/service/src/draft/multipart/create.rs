//! Start of a multipart upload.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::upload::{
    MARK, MAX_PART_BYTES, MAX_PARTS, MAX_UPLOAD_BYTES, MIN_PART_BYTES, Mark, Token, ends_at, part_size,
};
use draftstore_storage::{Attributes, CreateUpload, ObjectHeader, StorageOptions, UploadId};

use crate::completion::StoredUpload;
use crate::draft::Drafts;
use crate::draft::attributes::RequestedAttributes;
use crate::draft::draft_ref::DraftRef;
use crate::draft::identity::{Free, NewDraft, Way};
use crate::draft::options::{RequestedOptions, check_sealed};
use crate::fields::content_length;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Scope, Violation};

/// The maximum number of slots that one call tries.
const MAX_ATTEMPTS: u8 = 3;

/// A request to begin a multipart upload, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct CreateMultipart {
    /// The [`ObjectName`](crate::ObjectName) of the draft.
    pub object_name: String,
    /// The media type of the draft.
    pub content_type: Option<String>,
    /// The size of the whole draft, in bytes.
    pub content_length: Option<i64>,
    /// The size of every part except the last, in bytes. If unset, the server chooses.
    pub part_size: Option<i64>,
    /// The other headers of the object.
    pub headers: BTreeMap<ObjectHeader, String>,
    /// The user metadata of the draft.
    pub metadata: BTreeMap<String, String>,
    /// The options of the confirmed object.
    pub options: RequestedOptions,
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
    /// in 10,000 parts or exceeds the caller's limit, [`Error::NoMoreUploads`] if the caller has as many drafts and uploads
    /// as it may, or an error of the store.
    pub async fn create_multipart(&self, request: &CreateMultipart) -> Result<MultipartCreated, Error> {
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
        if request.content_length.is_none() {
            broken.take(self.caller.profile.check_missing_length());
        }
        let part_size = match request.part_size {
            Some(bytes) => broken.take(valid_part_size(bytes, content_length)),
            None => Some(part_size(content_length)),
        };
        let lifetime = broken.take(self.draft_lifetime(request.unique, request.draft_lifetime, now));
        let (Some(name), Some(lifetime), Some(part_size), []) = (name, lifetime, part_size, broken.as_slice()) else {
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
        self.require_options(&options).await?;

        let new = NewDraft {
            name: &name,
            unique: request.unique,
            lifetime,
            now,
            way: Way::Parts,
        };
        if request.part_checksums {
            // Some stores complete only uploads that were begun without an algorithm.
            self.shared.store.probe_if_unknown().await;
        }
        let mark = Mark::new(rand::random());
        attributes.metadata.insert(MARK.to_owned(), mark.text());
        let (draft, upload_id) = self.begin(new, attributes, &options, request.part_checksums).await?;
        let draft_id = draft.id;
        let token = Token {
            upload_id,
            mark,
            content_length,
            part_size,
            part_checksums: request.part_checksums,
            ends_at: ends_at(now, lifetime),
        };
        if self.shared.policy.complete_idle_after().is_some() {
            let upload = StoredUpload {
                key: &draft.key,
                upload_id: &token.upload_id,
            };
            upload.write_plan(&self.shared.store, &token).await?;
        }
        Ok(MultipartCreated {
            upload_id: self.seal(Purpose::Upload, &[draft.key.as_str()], &token.encode()),
            draft_id,
            part_size: token.part_size,
            part_count: token.part_count(),
            expires_at: token.ends_at,
        })
    }

    /// Begins an upload in the store, for a caller with slots only if it is the only one in its slot.
    ///
    /// Two calls that get the same slot both begin an upload, and see that of the other. Each then aborts its own and
    /// tries another slot, so that no slot ever has two uploads whose parts can be signed, or one beside an upload URL.
    async fn begin(
        &self,
        new: NewDraft<'_>,
        mut attributes: Attributes,
        options: &StorageOptions,
        part_checksums: bool,
    ) -> Result<(DraftRef, UploadId), Error> {
        let (objects, bucket) = (self.shared.store.objects(), &self.shared.store.buckets.draft);
        let mut attempts_left = MAX_ATTEMPTS;
        loop {
            let draft_id = self.identity(new, &mut Free::default()).await?;
            let draft = DraftRef::new(&self.caller, new.name.clone(), draft_id);
            self.record(&mut attributes, &draft.key);
            self.seal_options(&mut attributes, options, &draft.key);
            self.agree_on_auto_confirm(&mut attributes, &draft.key);
            let create = CreateUpload {
                bucket,
                key: &draft.key,
                attributes: &attributes,
                part_checksums,
            };
            let upload_id = objects.create_upload(&create).await?;
            let (Some(slots), Some(id)) = (&self.caller.drafts, draft_id) else {
                return Ok((draft, upload_id));
            };
            match self.is_alone(id, &draft.key, &upload_id).await {
                Ok(true) => return Ok((draft, upload_id)),
                alone => {
                    objects.abort_upload(bucket, &draft.key, &upload_id).await?;
                    alone?;
                }
            }
            attempts_left -= 1;
            if attempts_left == 0 {
                return Err(Error::NoMoreUploads { most: slots.count() });
            }
        }
    }
}

/// Validates the size of every part except the last.
fn valid_part_size(bytes: i64, content_length: Option<u64>) -> Result<u64, Violation> {
    let least = content_length.map_or(0, |whole| whole.div_ceil(u64::from(MAX_PARTS)));
    let sizes = MIN_PART_BYTES.max(least)..=MAX_PART_BYTES;
    let bytes = u64::try_from(bytes).ok().filter(|bytes| sizes.contains(bytes));
    bytes.ok_or_else(|| {
        let rule = format!("must be {} to {} bytes", sizes.start(), sizes.end());
        Violation::new("part_size", rule)
    })
}
