//! Making the parts one draft.

use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::upload::{MARK, MAX_PARTS, MIN_PART_BYTES};
use draftstore_storage as storage;
use draftstore_storage::{CompleteUpload, ETag, ErrorKind, ListedPart};

use super::{Upload, UploadName};
use crate::draft::Drafts;
use crate::fields::{etag, part_number};
use crate::violation::Violations;
use crate::{Error, Missing, Scope, Violation};

/// Which upload a caller wants to become a draft, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct CompleteMultipart {
    /// The upload.
    pub upload: UploadName,
    /// The parts that it shall have, in order. None: all that have arrived.
    pub parts: Vec<CompletedPart>,
}

/// A part that the draft shall have, as it came.
#[derive(Debug, Clone, Default)]
pub struct CompletedPart {
    /// Its number.
    pub part_number: i32,
    /// Its version.
    pub etag: String,
}

/// The draft that the parts became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartCompleted {
    /// The draft's version.
    pub etag: ETag,
    /// Size in bytes.
    pub size: u64,
    /// When the draft expires.
    pub expires_at: SystemTime,
}

/// A part that a caller insists on.
#[derive(Debug)]
struct Wanted {
    number: u16,
    etag: ETag,
}

impl Drafts {
    /// Makes the parts one draft, where they are all there and of the size that was said; otherwise nothing happens, and
    /// the parts stay.
    ///
    /// Idempotent while the draft is there: a repeat finds it by its mark, also when the first answer got lost, and also
    /// after the upload's end.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule; [`Error::PartMismatch`] when another version of a part has
    /// arrived than the caller insists on; [`Error::Incomplete`] when parts or bytes are missing, or too many;
    /// [`Missing::Upload`] when it was aborted, or has ended, and the draft is not there; or those of the store.
    pub async fn complete_multipart(&self, request: &CompleteMultipart) -> Result<MultipartCompleted, Error> {
        self.caller.may(Scope::Upload)?;
        let mut broken = Violations::default();
        let upload = self.upload_meant(&request.upload, &mut broken);
        let wanted = wanted(&request.parts, &mut broken);
        let (Some(upload), []) = (upload, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        if self.live(&upload).is_err() {
            return self.completed_before(&upload, Error::NotFound(Missing::Upload)).await;
        }
        let Some(arrived) = self.arrived(&upload).await? else {
            return self.completed_before(&upload, Error::NotFound(Missing::Upload)).await;
        };
        let parts = chosen(arrived, &wanted)?;
        whole(&parts, &upload, !wanted.is_empty())?;
        let bytes = parts.iter().map(|part| part.size).sum();
        self.caller.profile.holds("parts", bytes)?;
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
        match self.shared.store.objects().complete_upload(&complete).await {
            Ok(etag) => Ok(MultipartCompleted {
                etag,
                size: parts.iter().map(|part| part.size).sum(),
                expires_at: self.completed_expires_at(upload),
            }),
            Err(error) => {
                let unclear = is_unclear(&error);
                let otherwise = otherwise(error);
                if unclear {
                    self.completed_before(upload, otherwise).await
                } else {
                    Err(otherwise)
                }
            }
        }
    }

    /// The draft, if it is what this upload was completed to.
    async fn completed_before(&self, upload: &Upload, otherwise: Error) -> Result<MultipartCompleted, Error> {
        let draft = self.head_draft(&upload.draft.key).await?;
        let ours = draft.filter(|draft| draft.attributes.metadata.get(MARK) == Some(&upload.token.mark.text()));
        ours.map(|draft| MultipartCompleted {
            etag: draft.etag,
            size: draft.size,
            expires_at: self.completed_expires_at(upload),
        })
        .ok_or(otherwise)
    }

    /// A named draft lives as long again as its upload may take: see [`draftstore_protocol::sweep::Expiry`].
    fn completed_expires_at(&self, upload: &Upload) -> SystemTime {
        let named = || upload.ends_at() + self.shared.policy.object_lifetime();
        upload.draft.id.map_or_else(named, DraftId::expires_at)
    }
}

/// Whether only the draft tells what came of a completion.
fn is_unclear(error: &storage::Error) -> bool {
    match error.kind {
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::Unavailable
        | ErrorKind::Unexpected => true,
        ErrorKind::BucketNotFound | ErrorKind::TooLarge | ErrorKind::CredentialsRefused | ErrorKind::Unsupported => {
            false
        }
    }
}

/// What is answered where the draft is not this upload's.
fn otherwise(error: storage::Error) -> Error {
    match error.kind {
        ErrorKind::NotFound => Error::NotFound(Missing::Upload),
        // Only a unique draft insists on an empty key, and something else was put there.
        ErrorKind::PreconditionFailed => Error::PinMismatch { pin: "draft_id" },
        ErrorKind::Conflict
        | ErrorKind::Unavailable
        | ErrorKind::BucketNotFound
        | ErrorKind::TooLarge
        | ErrorKind::CredentialsRefused
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => error.into(),
    }
}

fn wanted(parts: &[CompletedPart], broken: &mut Violations) -> Vec<Wanted> {
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
            let order = Violation::new("part_number", "must be more than that of the part before");
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

/// The parts of the draft: all that have arrived, or those that the caller insists on.
fn chosen(arrived: Vec<ListedPart>, wanted: &[Wanted]) -> Result<Vec<ListedPart>, Error> {
    if wanted.is_empty() {
        return Ok(arrived);
    }
    let mut arrived = arrived.into_iter().peekable();
    let mut chosen = Vec::with_capacity(wanted.len());
    for (place, wanted) in wanted.iter().enumerate() {
        while arrived.next_if(|part| part.number < wanted.number).is_some() {}
        let Some(part) = arrived.next_if(|part| part.number == wanted.number) else {
            let rule = format!("part {} has not arrived", wanted.number);
            return Err(incomplete(format!("parts[{place}]"), rule));
        };
        if part.etag != wanted.etag {
            return Err(Error::PartMismatch { place });
        }
        chosen.push(part);
    }
    Ok(chosen)
}

/// Whether the parts make the whole that was said, and the store would take them.
fn whole(parts: &[ListedPart], upload: &Upload, named: bool) -> Result<(), Error> {
    let field = |place: usize| {
        if named {
            format!("parts[{place}]")
        } else {
            "parts".to_owned()
        }
    };
    let Some(last) = parts.len().checked_sub(1) else {
        return Err(incomplete("parts", "no part has arrived".to_owned()));
    };
    if let Some(bytes) = upload.token.content_length {
        let gap = parts
            .iter()
            .enumerate()
            .find(|(place, part)| usize::from(part.number) != place + 1);
        if let Some((place, part)) = gap {
            let rule = format!("part {} is missing before part {}", place + 1, part.number);
            return Err(incomplete(field(place), rule));
        }
        let there: u64 = parts.iter().map(|part| part.size).sum();
        if there != bytes {
            let rule = format!("was said to be {bytes} bytes, and the parts have {there}");
            return Err(incomplete("content_length", rule));
        }
    }
    let small = parts[..last]
        .iter()
        .enumerate()
        .find(|(_, part)| part.size < MIN_PART_BYTES);
    if let Some((place, part)) = small {
        let (number, size) = (part.number, part.size);
        let rule = format!("part {number} has {size} bytes: every part but the last has at least {MIN_PART_BYTES}");
        return Err(incomplete(field(place), rule));
    }
    Ok(())
}

fn incomplete(field: impl Into<String>, rule: String) -> Error {
    Error::Incomplete(vec![Violation::new(field, rule)])
}
