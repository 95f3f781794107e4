//! Issuing download URLs.

use draftstore_storage::{BucketName, ObjectInfo, ObjectKey, PresignGet, PresignedRequest};

use super::disposition::{Disposition, content_disposition};
use super::draft_ref::DraftRef;
use super::{Drafts, found};
use crate::fields::expires_in;
use crate::limits::MAX_FILENAME_BYTES;
use crate::name::is_invisible;
use crate::violation::Violations;
use crate::{Error, Missing, Scope, UrlKind, Violation};

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Uploaded, not confirmed.
    Draft,
    /// Confirmed.
    Main,
}

/// What a caller wants to read, as it came: nothing is checked yet.
#[derive(Debug, Clone, Default)]
pub struct IssueDownload {
    /// See [`crate::ObjectName`]; or the whole key of a unique draft, which says its ID too.
    pub object_name: String,
    /// Where to look; unset: the draft if there is one, else main.
    pub stage: Option<Stage>,
    /// Validity in seconds.
    pub expires_in: Option<i32>,
    /// The name that a browser saves it under.
    pub filename: Option<String>,
    /// Sign without asking the store; needs a stage.
    pub unchecked: bool,
    /// The draft, where it is a unique one.
    pub draft_id: Option<String>,
    /// Whether a browser shows or saves it.
    pub disposition: Disposition,
}

/// A download URL, and what it leads to.
#[derive(Debug, Clone)]
pub struct DownloadIssued {
    /// The object's name, also where it was asked for by a whole key.
    pub object_name: String,
    /// How to read it.
    pub request: PresignedRequest,
    /// Where it is.
    pub stage: Stage,
    /// What is there; none when it was not asked.
    pub object: Option<ObjectInfo>,
}

impl Drafts {
    /// Signs a download, after looking whether there is anything to read, unless told not to.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule, [`Error::NotFound`] when there is no such object in
    /// the stage asked for, or those of the store.
    pub async fn issue_download(&self, request: &IssueDownload) -> Result<DownloadIssued, Error> {
        self.caller.may(Scope::Download)?;
        let mut broken = Violations::default();
        let draft = self.read_draft(&request.object_name, request.draft_id.as_deref(), &mut broken);
        let expires_in = broken.take(expires_in(request.expires_in, self.shared.policy.download_ttl()));
        let filename = broken.take_optional(request.filename.as_deref().map(filename));
        if request.unchecked && request.stage.is_none() {
            let rule = "must go with a stage: without one the store has to be asked";
            broken.take::<()>(Err(Violation::new("unchecked", rule)));
        }
        let (Some(draft), Some(expires_in), []) = (draft, expires_in, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };

        let (place, object) = match (request.stage, request.unchecked) {
            (Some(stage), true) => (self.place(&draft, stage), None),
            (stage, _) => {
                let (place, object) = self.find(&draft, stage).await?;
                (place, Some(object))
            }
        };
        let content_type = object.as_ref().and_then(|o| o.attributes.content_type.as_deref());
        let disposition = content_disposition(request.disposition, filename, content_type);
        let get = PresignGet {
            bucket: place.bucket,
            key: &place.key,
            response_content_disposition: disposition.as_deref(),
            now: self.shared.clock.now(),
            expires_in,
        };
        let request = self.shared.store.presign().presign_get(&get).await?;
        self.tell_issued(UrlKind::Download, 1);
        Ok(DownloadIssued {
            object_name: draft.name.to_string(),
            request,
            stage: place.stage,
            object,
        })
    }

    async fn find(&self, draft: &DraftRef, stage: Option<Stage>) -> Result<(Place<'_>, ObjectInfo), Error> {
        let stages: &[Stage] = match stage {
            Some(Stage::Draft) => &[Stage::Draft],
            Some(Stage::Main) => &[Stage::Main],
            None => &[Stage::Draft, Stage::Main],
        };
        for &stage in stages {
            let place = self.place(draft, stage);
            if let Some(object) = found(self.shared.store.objects().head(place.bucket, &place.key).await)? {
                return Ok((place, object));
            }
        }
        Err(Error::NotFound(Missing::Object))
    }

    fn place(&self, draft: &DraftRef, stage: Stage) -> Place<'_> {
        let (bucket, key) = match stage {
            Stage::Draft => (self.shared.store.buckets.draft.name(), draft.key.clone()),
            Stage::Main => (self.shared.store.buckets.main.name(), self.caller.key(&draft.name)),
        };
        Place { stage, bucket, key }
    }
}

/// Where an object is, or is looked for.
#[derive(Debug)]
struct Place<'a> {
    stage: Stage,
    bucket: &'a BucketName,
    key: ObjectKey,
}

fn filename(name: &str) -> Result<&str, Violation> {
    let printable = !name.chars().any(|c| is_invisible(c) || matches!(c, '/' | '\\'));
    if printable && (1..=MAX_FILENAME_BYTES).contains(&name.len()) {
        Ok(name)
    } else {
        let rule = "must be 1 to 255 bytes of UTF-8 without control or bidirectional characters, '/' and '\\'";
        Err(Violation::new("filename", rule))
    }
}
