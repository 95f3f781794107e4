//! Multipart uploads of drafts.
//!
//! The store keeps the parts. The `upload_id` that callers hold is a token with the other parameters of the upload. The
//! server keeps no state, so that any server can continue any upload.
//!
//! - The metadata of the draft contains the mark of its upload. The mark tells a completion whose response got lost
//!   from an upload that was aborted.
//! - The upload of a unique draft ends at the expiry in its draft ID. The upload of a named draft ends
//!   [`Policy::object_lifetime`] after its start. No call continues an upload that has ended, no URL is valid longer,
//!   and the sweep frees the parts.
//! - With [`Policy::complete_idle_after`], a small object in the store has the parameters of an upload that was begun with its size.
//!   The server then completes an upload whose client is gone: see [`draftstore_protocol::upload::Completion`].
//! - A named draft that was uploaded in parts expires two such lifetimes after the start of its upload. The upload may
//!   take one of them, and many stores date the object by the start of its upload. See [`draftstore_protocol::sweep::Expiry`].
//!
//! [`Policy::object_lifetime`]: crate::Policy::object_lifetime
//! [`Policy::complete_idle_after`]: crate::Policy::complete_idle_after

mod abort;
mod complete;
mod create;
mod idle;
mod list_parts;
mod sign_parts;

use std::time::SystemTime;

pub use complete::{CompleteMultipart, CompletedPart, MultipartCompleted};
pub use create::{CreateMultipart, MultipartCreated};
pub use list_parts::UploadStatus;
pub use sign_parts::{PartToSign, PartsSigned, SignParts, SignedPart};

use draftstore_protocol::upload::{Token, has_ended};

use super::Drafts;
use super::draft_ref::DraftRef;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::{Error, Missing, Violation};

/// The fields that identify an upload in a request, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct UploadName {
    /// The [`ObjectName`](crate::ObjectName) of the draft, or the whole key of a unique draft, which includes its ID.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<String>,
    /// The `upload_id` from the response that began the upload.
    pub upload_id: String,
}

/// A validated reference to an upload, which may no longer exist.
#[derive(Debug)]
struct Upload {
    draft: DraftRef,
    token: Token,
}

impl Drafts {
    fn upload(&self, named: &UploadName) -> Result<Upload, Error> {
        let mut broken = Violations::default();
        let upload = self.parse_upload(named, &mut broken);
        upload.ok_or_else(|| Error::Invalid(broken.into_vec()))
    }

    /// Parses the fields that identify an upload. Records the rules that they break, and then returns `None`.
    fn parse_upload(&self, named: &UploadName, broken: &mut Violations) -> Option<Upload> {
        let draft = self.read_draft(&named.object_name, named.draft_id.as_deref(), broken)?;
        if !broken.as_slice().is_empty() {
            return None;
        }
        let content = self.open(Purpose::Upload, &[draft.key.as_str()], &named.upload_id);
        let token = content.and_then(|content| Token::decode(&content)).ok_or_else(|| {
            let rule =
                "must be the upload_id from the response to CreateMultipartUpload, for the same caller and draft";
            Violation::new("upload_id", rule)
        });
        let token = broken.take(token)?;
        Some(Upload { draft, token })
    }

    /// Checks that an upload has not ended.
    ///
    /// # Errors
    /// Returns [`Missing::Upload`] if the upload has ended.
    fn check_live(&self, upload: &Upload) -> Result<(), Error> {
        if has_ended(self.shared.clock.now(), upload.ends_at()) {
            Err(Error::NotFound(Missing::Upload))
        } else {
            Ok(())
        }
    }
}

impl Upload {
    fn ends_at(&self) -> SystemTime {
        let ends_at = self.token.ends_at;
        self.draft.id.map_or(ends_at, |id| ends_at.min(id.expires_at()))
    }
}
