//! Uploads in parts: begun here, filled by presigned URLs, made a draft at once when all has arrived.
//!
//! The store keeps the parts and knows what has arrived; the `token` that callers hold says the rest. Nothing is kept here,
//! so any server goes on with any upload, and any client that knows its `upload_id` does.
//!
//! - The draft bears the upload's mark in its metadata, so that a completion whose answer got lost is told from an upload
//!   that was given up: by reading, not by guessing.
//! - An upload ends: a unique draft's at the moment that its ID says, a named one's [`Policy::object_lifetime`] after it was
//!   begun. No call goes on with it from then on, no URL is valid longer, and the sweep frees its parts.
//! - A named draft that came in parts lives for twice that time, counted from the beginning of its upload: so long an upload
//!   may take, and many stores date it by its beginning. See [`draftstore_protocol::sweep::Expiry`].
//!
//! [`Policy::object_lifetime`]: crate::Policy::object_lifetime

mod abort;
mod complete;
mod create;
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
use crate::violation::Violations;
use crate::{Error, Missing, Violation};

/// Names one upload, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct UploadName {
    /// As it was begun. See [`crate::ObjectName`]; or the whole key of a unique draft, which says its ID too.
    pub object_name: String,
    /// The draft, where it is a unique one.
    pub draft_id: Option<String>,
    /// What the caller was given for it.
    pub upload_id: String,
}

/// An upload that may be there.
#[derive(Debug)]
struct Upload {
    draft: DraftRef,
    token: Token,
}

impl Drafts {
    fn upload(&self, named: &UploadName) -> Result<Upload, Error> {
        let mut broken = Violations::default();
        let upload = self.upload_meant(named, &mut broken);
        upload.ok_or_else(|| Error::Invalid(broken.into_vec()))
    }

    /// Nothing where it names none: why is among the violations.
    fn upload_meant(&self, named: &UploadName, broken: &mut Violations) -> Option<Upload> {
        let draft = self.read_draft(&named.object_name, named.draft_id.as_deref(), broken)?;
        if !broken.as_slice().is_empty() {
            return None;
        }
        let token = Token::decode(&named.upload_id, &draft.key).ok_or_else(|| {
            let rule = "must be the upload_id that CreateMultipartUpload gave for this draft";
            Violation::new("upload_id", rule)
        });
        let token = broken.take(token)?;
        Some(Upload { draft, token })
    }

    /// # Errors
    /// [`Missing::Upload`] when it has ended.
    fn live(&self, upload: &Upload) -> Result<(), Error> {
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
