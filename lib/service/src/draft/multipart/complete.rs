//! Completion of a multipart upload.

use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::upload::{MARK, MAX_PARTS, MIN_PART_BYTES, may_have_completed};
use draftstore_storage as storage;
use draftstore_storage::{CompleteUpload, ETag, ErrorKind, ListedPart, ObjectKey};

use super::{Upload, UploadName};
use crate::draft::Drafts;
use crate::events::EventKind;
use crate::fields::{etag, part_number};
use crate::violation::Violations;
use crate::{Amount, Error, Missing, Scope, Violation};

/// A request to complete an upload, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct CompleteMultipart {
    /// The upload to complete.
    pub upload: UploadName,
    /// The parts of the draft, in order. If empty: all parts that have arrived.
    pub parts: Vec<CompletedPart>,
}

/// A part of the draft in a request, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct CompletedPart {
    /// The number of the part.
    pub part_number: i32,
    /// The expected `ETag` of the part.
    pub etag: String,
}

/// The draft of a completed upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartCompleted {
    /// The version of the draft.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The time at which the draft expires.
    pub expires_at: SystemTime,
}

/// A validated part of a request.
#[derive(Debug)]
struct Wanted {
    number: u16,
    etag: ETag,
}

impl Drafts {
    /// Joins the parts into a draft if they are complete and have the declared size. Otherwise keeps the parts
    /// unchanged.
    ///
    /// Idempotent while the draft exists: a repeat finds the draft by its mark, even if the first response got lost or
    /// the upload has ended.
    ///
    /// # Errors
    /// Returns
    /// - [`Error::Invalid`], which names every field that breaks a rule.
    /// - [`Error::PartMismatch`] if the store holds another version of a part than the request names.
    /// - [`Error::Incomplete`] if parts or bytes are missing, or if there are too many.
    /// - [`Missing::Upload`] if the upload was aborted or has ended, and the draft does not exist.
    /// - An error of the store.
    pub async fn complete_multipart(&self, request: &CompleteMultipart) -> Result<MultipartCompleted, Error> {
        self.caller.require(Scope::Upload)?;
        let mut broken = Violations::default();
        let upload = self.parse_upload(&request.upload, &mut broken);
        let wanted = parse_parts(&request.parts, &mut broken);
        let (Some(upload), []) = (upload, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        if self.check_live(&upload).is_err() {
            return self.completed_before(&upload, Error::NotFound(Missing::Upload)).await;
        }
        let Some(arrived) = self.arrived(&upload).await? else {
            return self.completed_before(&upload, Error::NotFound(Missing::Upload)).await;
        };
        let parts = match select_complete(arrived, &upload, &wanted) {
            Ok(parts) => parts,
            // Another call may be completing the upload. Some stores then list no parts, or a few of them.
            Err(error) => return self.completed_before(&upload, error).await,
        };
        let bytes = parts.iter().map(|part| part.size).sum();
        self.caller.profile.check_size("parts", bytes)?;
        self.complete(&upload, &parts).await
    }

    async fn complete(&self, upload: &Upload, parts: &[ListedPart]) -> Result<MultipartCompleted, Error> {
        let complete = CompleteUpload {
            bucket: &self.shared.store.buckets.draft,
            key: &upload.draft.key,
            upload_id: &upload.token.upload_id,
            parts,
            if_absent: upload.draft.id.is_some(),
        };
        let completed = self.shared.store.objects().complete_upload(&complete).await;
        self.shared.watched.changed(&upload.draft.key);
        match completed {
            Ok(etag) => {
                self.publish_completed(&upload.draft.key).await?;
                if self.caller.profile.auto_confirm {
                    self.look_at_in_background(&upload.draft.key);
                }
                Ok(MultipartCompleted {
                    etag,
                    size: parts.iter().map(|part| part.size).sum(),
                    expires_at: self.completed_expires_at(upload),
                })
            }
            Err(error) => {
                let unclear = may_have_completed(error.kind);
                let otherwise = to_error(error);
                if unclear {
                    self.completed_before(upload, otherwise).await
                } else {
                    Err(otherwise)
                }
            }
        }
    }

    /// Returns the draft if this upload created it, else the error `otherwise`.
    async fn completed_before(&self, upload: &Upload, otherwise: Error) -> Result<MultipartCompleted, Error> {
        let draft = self.head_draft(&upload.draft.key).await?;
        let ours = draft.filter(|draft| draft.attributes.metadata.get(MARK) == Some(&upload.token.mark.text()));
        if let Some(draft) = &ours {
            // The server may have ended before it published the event.
            self.courier().publish_uploaded(&upload.draft.key, draft).await?;
        }
        ours.map(|draft| MultipartCompleted {
            etag: draft.etag,
            size: draft.size,
            expires_at: self.completed_expires_at(upload),
        })
        .ok_or(otherwise)
    }

    /// Publishes the event of a completed upload. Without an endpoint that wants it, makes no call.
    async fn publish_completed(&self, key: &ObjectKey) -> Result<(), Error> {
        if !self.courier().is_wanted(EventKind::DraftUploaded) {
            return Ok(());
        }
        match self.head_draft(key).await? {
            Some(draft) => self.courier().publish_uploaded(key, &draft).await,
            // Confirmed meanwhile by somebody who did not wait for the answer.
            None => Ok(()),
        }
    }

    /// Returns the expiry of the completed draft. For named drafts, see [`draftstore_protocol::sweep::Expiry`].
    fn completed_expires_at(&self, upload: &Upload) -> SystemTime {
        let ends_at = upload.ends_at();
        let named = || {
            ends_at
                .checked_add(self.shared.policy.object_lifetime())
                .unwrap_or(ends_at)
        };
        upload.draft.id.map_or_else(named, DraftId::expires_at)
    }
}

/// Returns the error to report if this upload did not create the draft.
fn to_error(error: storage::Error) -> Error {
    match error.kind {
        ErrorKind::NotFound => Error::NotFound(Missing::Upload),
        // Only a unique draft requires that its key is free, and another upload took the key.
        ErrorKind::PreconditionFailed => Error::PinMismatch { pin: "draft_id" },
        ErrorKind::Conflict
        | ErrorKind::Unavailable
        | ErrorKind::BucketNotFound
        | ErrorKind::TooLarge
        | ErrorKind::CredentialsRefused
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => error.into(),
    }
}

fn parse_parts(parts: &[CompletedPart], broken: &mut Violations) -> Vec<Wanted> {
    if parts.len() > usize::from(MAX_PARTS) {
        let rule = format!("must be at most {MAX_PARTS} parts");
        broken.take::<()>(Err(Violation::new("parts", rule)));
        return Vec::new();
    }
    let mut wanted: Vec<Wanted> = Vec::with_capacity(parts.len());
    let mut before = 0;
    for (place, part) in parts.iter().enumerate() {
        let of_part = |violation: Violation| violation.within(format_args!("parts[{place}]"));
        let number = broken.take(part_number(part.part_number, MAX_PARTS).map_err(of_part));
        if number.is_some_and(|number| number <= before) {
            let order = Violation::new("part_number", "must be greater than that of the previous part");
            broken.take::<()>(Err(of_part(order)));
        }
        before = number.unwrap_or(before);
        let etag = etag("etag", &part.etag).map_err(of_part);
        if let (Some(number), Some(etag)) = (number, broken.take(etag)) {
            wanted.push(Wanted { number, etag });
        }
    }
    wanted
}

/// Returns the parts of the draft: those that the request names, or all that have arrived.
fn select_parts(arrived: Vec<ListedPart>, wanted: &[Wanted]) -> Result<Vec<ListedPart>, Error> {
    if wanted.is_empty() {
        return Ok(arrived);
    }
    let mut arrived = arrived.into_iter().peekable();
    let mut chosen = Vec::with_capacity(wanted.len());
    for (place, wanted) in wanted.iter().enumerate() {
        while arrived.next_if(|part| part.number < wanted.number).is_some() {}
        let Some(part) = arrived.next_if(|part| part.number == wanted.number) else {
            let rule = format!("names part {}, which has not arrived", wanted.number);
            return Err(incomplete(format!("parts[{place}]"), rule));
        };
        if part.etag != wanted.etag {
            return Err(Error::PartMismatch { place });
        }
        chosen.push(part);
    }
    Ok(chosen)
}

/// Returns the parts of the draft, if they are complete.
fn select_complete(arrived: Vec<ListedPart>, upload: &Upload, wanted: &[Wanted]) -> Result<Vec<ListedPart>, Error> {
    let parts = select_parts(arrived, wanted)?;
    check_complete(&parts, upload, !wanted.is_empty())?;
    Ok(parts)
}

/// Checks that the parts are complete, have the declared size, and are large enough for the store.
fn check_complete(parts: &[ListedPart], upload: &Upload, named: bool) -> Result<(), Error> {
    let field = |place: usize| {
        if named {
            format!("parts[{place}]")
        } else {
            "parts".to_owned()
        }
    };
    let Some(last) = parts.len().checked_sub(1) else {
        return Err(incomplete("parts", "are empty: no part has arrived".to_owned()));
    };
    if let Some(bytes) = upload.token.content_length {
        let gap = parts
            .iter()
            .enumerate()
            .find(|(place, part)| usize::from(part.number) != place + 1);
        if let Some((place, part)) = gap {
            let rule = format!("must have part {} before part {}", place + 1, part.number);
            return Err(incomplete(field(place), rule));
        }
        let there: u64 = parts.iter().map(|part| part.size).sum();
        if there != bytes {
            let rule = format!("was declared as {}, but the parts have {there}", Amount::bytes(bytes));
            return Err(incomplete("content_length", rule));
        }
    }
    let small = parts[..last]
        .iter()
        .enumerate()
        .find(|(_, part)| part.size < MIN_PART_BYTES);
    if let Some((place, part)) = small {
        let (number, size) = (part.number, part.size);
        let rule = format!(
            "must have at least {MIN_PART_BYTES} bytes each, except for the last part: part {number} has {size}"
        );
        return Err(incomplete(field(place), rule));
    }
    Ok(())
}

fn incomplete(field: impl Into<String>, rule: String) -> Error {
    Error::Incomplete(vec![Violation::new(field, rule)])
}
