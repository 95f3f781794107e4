//! Signing of single requests for clients that speak S3 themselves.

use draftstore_protocol::upload::MAX_PARTS;
use draftstore_storage::{Attributes, PresignPart, PresignPut, PresignStep, PresignedRequest, UploadId, UploadStep};

use super::Drafts;
use super::draft_ref::DraftRef;
use crate::caller::Profile;
use crate::fields::{content_type, part_number};
use crate::violation::Violations;
use crate::{Error, Scope, UrlKind, Violation};

/// The maximum length of an upload ID. Longer than the IDs of any known store.
const MAX_UPLOAD_ID_BYTES: usize = 1024;

/// A request to sign an S3 request on a named draft, not yet validated.
#[derive(Debug, Clone)]
pub struct SignRequest {
    /// The [`ObjectName`](crate::ObjectName) of the draft, which is also its key.
    pub object_name: String,
    /// The media type that the client will send. It is checked and not signed.
    pub content_type: Option<String>,
    /// The S3 request to sign.
    pub request: S3Request,
}

/// An S3 request that a client sends to the store. Upload IDs are those of the store.
#[derive(Debug, Clone)]
pub enum S3Request {
    /// Uploads the draft in one request.
    PutObject,
    /// Begins a multipart upload.
    CreateMultipartUpload,
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

impl Drafts {
    /// Signs one S3 request on a named draft, with the validity of an upload URL. Does not call the store.
    ///
    /// The host is the only signed header.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, or [`Error::StoreCredentials`] if there are
    /// no credentials to sign with.
    pub async fn sign_request(&self, asked: &SignRequest) -> Result<PresignedRequest, Error> {
        let signed = self.sign_asked(asked).await?;
        self.observe_issued(UrlKind::Step, 1);
        Ok(signed)
    }

    async fn sign_asked(&self, asked: &SignRequest) -> Result<PresignedRequest, Error> {
        self.caller.require(Scope::Upload)?;
        let mut broken = Violations::default();
        let name = broken.take(self.caller.name(&asked.object_name));
        let request = asked.request.check(&mut broken);
        broken.take_optional(asked.content_type.as_deref().map(content_type));
        if self.caller.profile != Profile::default() || self.caller.drafts.is_some() {
            let rule =
                "cannot be signed for these credentials: their limits on uploads cannot be part of the signature";
            broken.take::<()>(Err(Violation::new("method", rule)));
        }
        let (Some(name), Some(request), []) = (name, request, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let (presign, bucket) = (self.shared.store.presign(), &self.shared.store.buckets.draft);
        let key = &DraftRef::new(&self.caller, name, None).key;
        let (now, expires_in) = (self.shared.clock.now(), self.shared.policy.upload_ttl());
        let step = match &request {
            Checked::Put => {
                let put = PresignPut {
                    bucket,
                    key,
                    content_length: None,
                    checksum_sha256: None,
                    attributes: Attributes::NONE,
                    write_once: false,
                    now,
                    expires_in,
                };
                return Ok(presign.presign_put(&put).await?);
            }
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
            Checked::Create => UploadStep::Create,
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
    Put,
    Part(UploadId, u16),
    Create,
    ListParts(UploadId),
    Complete(UploadId),
    Abort(UploadId),
}

impl S3Request {
    fn check(&self, broken: &mut Violations) -> Option<Checked> {
        Some(match self {
            Self::PutObject => Checked::Put,
            Self::CreateMultipartUpload => Checked::Create,
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
