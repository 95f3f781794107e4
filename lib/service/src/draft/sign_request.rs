//! Signing of the requests of a multipart upload, for clients that speak S3 themselves.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_protocol::upload::{MAX_PARTS, has_ended};
use draftstore_storage::{Attributes, PresignPart, PresignStep, PresignedRequest, UploadId, UploadStep};

use super::Drafts;
use super::attributes::RequestedAttributes;
use super::draft_ref::DraftRef;
use super::identity::{Free, NewDraft, Way};
use crate::fields::part_number;
use crate::violation::Violations;
use crate::{Error, Missing, Scope, UrlKind, Violation};

/// The maximum length of an upload ID. Longer than the IDs of any known store.
const MAX_UPLOAD_ID_BYTES: usize = 1024;

/// A request to sign an S3 request of a multipart upload, not yet validated.
#[derive(Debug, Clone)]
pub struct SignRequest {
    /// The [`ObjectName`](crate::ObjectName) of the draft, or the whole key of a unique draft, which includes its ID.
    pub object_name: String,
    /// The S3 request to sign.
    pub request: S3Request,
}

/// An S3 request that a client sends to the store. Upload IDs are those of the store.
#[derive(Debug, Clone)]
pub enum S3Request {
    /// Begins a multipart upload.
    CreateMultipartUpload {
        /// The media type that the client will send, which is signed. If unset, the client may send any.
        content_type: Option<String>,
        /// `true` for a unique draft, which has an ID of its own.
        unique: bool,
    },
    /// Uploads one part of a multipart upload.
    UploadPart {
        /// The ID of the upload.
        upload_id: String,
        /// The number of the part.
        part_number: i32,
    },
    /// Lists the parts that have arrived.
    ListParts {
        /// The ID of the upload.
        upload_id: String,
    },
    /// Joins the parts into a draft.
    CompleteMultipartUpload {
        /// The ID of the upload.
        upload_id: String,
    },
    /// Aborts an upload and frees its parts.
    AbortMultipartUpload {
        /// The ID of the upload.
        upload_id: String,
    },
}

/// A signed S3 request.
#[derive(Debug, Clone)]
pub struct RequestSigned {
    /// The presigned request for the client.
    pub request: PresignedRequest,
    /// The name by which the caller refers to the draft: the whole key of a unique draft, or else its object name.
    pub name: String,
}

impl Drafts {
    /// Signs one S3 request of a multipart upload, with the validity of an upload URL. Does not call the store.
    ///
    /// The store knows no limit on the size of a multipart upload, and no limit on their number. So callers with these limits
    /// are refused.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if the upload of a unique
    /// draft has ended, or [`Error::StoreCredentials`] if there are no credentials to sign with.
    pub async fn sign_request(&self, asked: &SignRequest) -> Result<RequestSigned, Error> {
        let signed = self.sign_asked(asked).await?;
        self.observe_issued(UrlKind::Step, 1);
        Ok(signed)
    }

    async fn sign_asked(&self, asked: &SignRequest) -> Result<RequestSigned, Error> {
        self.caller.require(Scope::Upload)?;
        let now = self.shared.clock.now();
        let mut broken = Violations::default();
        if self.caller.profile.max_object_bytes.is_some() || self.caller.drafts.is_some() {
            let rule = "cannot be signed for these credentials, whose limits no signature of a multipart upload can hold: \
                        upload the object in one request";
            broken.take::<()>(Err(Violation::new("method", rule)));
        }
        let step = asked.request.check(&mut broken);
        let mut attributes = self.attributes(&asked.request, &mut broken);
        let draft = self.draft_to_sign(asked, now, &mut broken).await?;
        let (Some((draft, longest)), Some(step), []) = (draft, step, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        self.record(&mut attributes, &draft.key);
        let expires_in = self.shared.policy.upload_ttl().min(longest);
        let request = self
            .presign_checked(&draft, &step, &attributes, now, expires_in)
            .await?;
        let name = draft
            .id
            .map_or_else(|| draft.name.to_string(), |_| draft.key.to_string());
        Ok(RequestSigned { request, name })
    }

    /// Returns the headers to sign.
    fn attributes(&self, request: &S3Request, broken: &mut Violations) -> Attributes {
        let S3Request::CreateMultipartUpload { content_type, .. } = request else {
            return Attributes::NONE.clone();
        };
        let requested = RequestedAttributes {
            content_type: content_type.as_deref(),
            headers: &BTreeMap::new(),
            metadata: &BTreeMap::new(),
        };
        requested.agree(&self.caller.profile, broken)
    }

    /// Returns the draft of a request, a new one for the request that begins its upload, and how long it may still be uploaded.
    async fn draft_to_sign(
        &self,
        asked: &SignRequest,
        now: SystemTime,
        broken: &mut Violations,
    ) -> Result<Option<(DraftRef, Duration)>, Error> {
        let S3Request::CreateMultipartUpload { unique, .. } = asked.request else {
            let Some(draft) = self.read_draft(&asked.object_name, None, broken) else {
                return Ok(None);
            };
            let Some(id) = draft.id else {
                return Ok(Some((draft, Duration::MAX)));
            };
            if has_ended(now, id.expires_at()) {
                return Err(Error::NotFound(Missing::Upload));
            }
            let left = id.expires_at().duration_since(now).unwrap_or_default();
            return Ok(Some((draft, left)));
        };
        let name = broken.take(self.caller.name(&asked.object_name));
        broken.take(self.check_copyable(&asked.object_name));
        let lifetime = broken.take(self.draft_lifetime(unique, None, now));
        let (Some(name), Some(lifetime), []) = (name, lifetime, broken.as_slice()) else {
            return Ok(None);
        };
        let new = NewDraft {
            name: &name,
            unique,
            lifetime,
            now,
            way: Way::Parts,
        };
        let id = self.identity(new, &mut Free::default()).await?;
        Ok(Some((DraftRef::new(&self.caller, name, id), lifetime)))
    }

    async fn presign_checked(
        &self,
        draft: &DraftRef,
        step: &Checked,
        attributes: &Attributes,
        now: SystemTime,
        expires_in: Duration,
    ) -> Result<PresignedRequest, Error> {
        let (presign, bucket) = (self.shared.store.presign(), &self.shared.store.buckets.draft);
        let key = &draft.key;
        let step = match step {
            Checked::Part(upload_id, number) => {
                let part = PresignPart {
                    bucket,
                    key,
                    upload_id,
                    number: *number,
                    content_length: None,
                    checksum_sha256: None,
                    now,
                    expires_in,
                };
                return Ok(presign.presign_part(&part).await?);
            }
            Checked::Create => UploadStep::Create(attributes),
            Checked::ListParts(upload_id) => UploadStep::ListParts(upload_id),
            Checked::Complete(upload_id) => UploadStep::Complete(upload_id),
            Checked::Abort(upload_id) => UploadStep::Abort(upload_id),
        };
        let step = PresignStep {
            bucket,
            key,
            step,
            now,
            expires_in,
        };
        Ok(presign.presign_step(&step).await?)
    }
}

/// A validated S3 request.
#[derive(Debug)]
enum Checked {
    Part(UploadId, u16),
    Create,
    ListParts(UploadId),
    Complete(UploadId),
    Abort(UploadId),
}

impl S3Request {
    fn check(&self, broken: &mut Violations) -> Option<Checked> {
        Some(match self {
            Self::CreateMultipartUpload { .. } => Checked::Create,
            Self::UploadPart {
                upload_id: id,
                part_number: number,
            } => {
                let (id, number) = (broken.take(upload_id(id)), broken.take(part_number(*number, MAX_PARTS)));
                Checked::Part(id?, number?)
            }
            Self::ListParts { upload_id: id } => Checked::ListParts(broken.take(upload_id(id))?),
            Self::CompleteMultipartUpload { upload_id: id } => Checked::Complete(broken.take(upload_id(id))?),
            Self::AbortMultipartUpload { upload_id: id } => Checked::Abort(broken.take(upload_id(id))?),
        })
    }
}

fn upload_id(id: &str) -> Result<UploadId, Violation> {
    if (1..=MAX_UPLOAD_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(UploadId::new(id))
    } else {
        let rule = format!("must be the upload ID of the store, 1 to {MAX_UPLOAD_ID_BYTES} visible ASCII characters");
        Err(Violation::new("upload_id", rule))
    }
}
