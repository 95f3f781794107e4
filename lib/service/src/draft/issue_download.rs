//! Issuing download URLs.

use draftstore_protocol::Stage;
use draftstore_protocol::confirm::Agreement;
use draftstore_storage::{
    BucketName, ErrorKind, MediaType, ObjectHeader, ObjectHeaders, ObjectInfo, ObjectKey, PresignGet, PresignedRequest,
    StoredAttributes, VersionId,
};

use super::disposition::{Disposition, content_disposition};
use super::draft_ref::{DraftRef, Keys};
use super::object::{ArchiveState, StoredVersion};
use super::{Drafts, found};
use crate::fields::{expires_in, version_id};
use crate::limits::MAX_FILENAME_BYTES;
use crate::name::is_invisible;
use crate::violation::Violations;
use crate::{Error, Missing, Scope, UrlKind, Violation};

/// A request for a download URL, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct IssueDownload {
    /// An [`ObjectName`](crate::ObjectName), or the whole key of a unique draft, which includes its ID.
    pub object_name: String,
    /// The stage to read from. If unset: the draft if it exists and was not confirmed, else the object in main.
    pub stage: Option<Stage>,
    /// The duration of the URL's validity, in seconds.
    pub expires_in: Option<i32>,
    /// The file name under which a browser saves the object.
    pub filename: Option<String>,
    /// Signs the URL without checking that the object exists. Requires a stage.
    pub unchecked: bool,
    /// The ID of a unique draft.
    pub draft_id: Option<String>,
    /// The ID of a version in main. Requires that stage.
    pub version_id: Option<String>,
    /// The requested behaviour of a browser.
    pub disposition: Disposition,
}

/// A download URL and the object that it reads.
#[derive(Debug, Clone)]
pub struct DownloadIssued {
    /// The object name, even if the request had the whole key.
    pub object_name: String,
    /// The presigned request for the client.
    pub request: PresignedRequest,
    /// The stage of the object.
    pub stage: Stage,
    /// The metadata of the object. `None` if the request was unchecked.
    pub object: Option<ObjectInfo>,
    /// The media type that the object is served with. `None` if it has none, or if the request was unchecked.
    pub content_type: Option<MediaType>,
}

impl Drafts {
    /// Signs a download. Checks first that the object exists, unless the request is unchecked.
    ///
    /// The media type and the disposition of the response are signed too: what is uploaded later under the same key is
    /// served with the type that was checked here. An unchecked object is served as `application/octet-stream`.
    ///
    /// If the caller's profile has checks, a download of a draft requires the scope to inspect as well, whatever the verdict:
    /// a URL is for a key, and what is uploaded under it later has no verdict yet.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if there is no such
    /// object in the requested stage, [`Error::Archived`] if it cannot be read before it is restored, or an error of the store.
    pub async fn issue_download(&self, request: &IssueDownload) -> Result<DownloadIssued, Error> {
        self.caller.require(Scope::Download)?;
        let mut broken = Violations::default();
        let draft = self.read_draft(&request.object_name, request.draft_id.as_deref(), &mut broken);
        let expires_in = broken.take(expires_in(request.expires_in, self.shared.policy.download_ttl()));
        let filename = broken.take_optional(request.filename.as_deref().map(filename));
        let mut version = broken.take_optional(request.version_id.as_deref().map(version_id));
        if version.is_some() && request.stage != Some(Stage::Main) {
            let rule = "must not be given without the stage of confirmed objects: drafts have no versions";
            broken.take::<()>(Err(Violation::new("version_id", rule)));
        }
        if request.unchecked && request.stage.is_none() {
            let rule = "must not be given without a stage: the server must call the store to find the stage";
            broken.take::<()>(Err(Violation::new("unchecked", rule)));
        }
        let (Some(draft), Some(expires_in), []) = (draft, expires_in, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };

        let (place, object) = match (request.stage, request.unchecked) {
            (_, unchecked) if version.is_some() => {
                let mut place = self.place(&draft, Stage::Main);
                let stored = StoredVersion::of(place.key, version.as_ref());
                place.key = stored.key;
                version = stored.version;
                let object = if unchecked {
                    None
                } else {
                    Some(self.find_version(&mut place, version.as_ref()).await?)
                };
                (place, object)
            }
            (Some(stage), true) => (self.place(&draft, stage), None),
            (stage, _) => {
                let (place, object) = self.find(&draft, stage).await?;
                (place, Some(object))
            }
        };
        if place.is_archived {
            return Err(Error::Archived);
        }
        if place.stage == Stage::Draft && self.caller.profile.checks.is_some() {
            self.caller.require(Scope::Inspect)?;
        }
        let stored = object.as_ref().map(|object| &object.attributes);
        let content_type = stored.and_then(parsed_content_type);
        let agreed = stored.and_then(|stored| agreed_disposition(place.stage, stored));
        let disposition = content_disposition(request.disposition, filename, content_type.as_ref(), agreed.as_deref());
        let get = PresignGet {
            bucket: place.bucket,
            key: &place.key,
            version: version.as_ref(),
            if_match: None,
            response_content_type: content_type.as_ref().unwrap_or(MediaType::OCTET_STREAM),
            response_content_disposition: &disposition,
            now: self.shared.clock.now(),
            expires_in,
        };
        let request = self.shared.store.presign().presign_get(&get).await?;
        self.observe_issued(UrlKind::Download, 1);
        Ok(DownloadIssued {
            object_name: draft.name.to_string(),
            request,
            stage: place.stage,
            object,
            content_type,
        })
    }

    /// Finds the object in a stage. Without one: the draft, unless it is missing or is the one that main was made from,
    /// because that one is about to be deleted.
    async fn find(&self, draft: &DraftRef, stage: Option<Stage>) -> Result<(Place<'_>, ObjectInfo), Error> {
        let missing = Error::NotFound(Missing::Object);
        if let Some(stage) = stage {
            return self.look(draft, stage).await?.ok_or(missing);
        }
        let in_draft = self.look(draft, Stage::Draft).await?;
        let in_main = self.look(draft, Stage::Main).await?;
        match (in_draft, in_main) {
            (Some((place, object)), Some((main, confirmed))) => {
                let keys = Keys {
                    draft: place.key.clone(),
                    main: main.key.clone(),
                };
                if self.was_confirmed(&keys, &object.etag, &confirmed).await? {
                    Ok((main, confirmed))
                } else {
                    Ok((place, object))
                }
            }
            (found, otherwise) => found.or(otherwise).ok_or(missing),
        }
    }

    async fn look(&self, draft: &DraftRef, stage: Stage) -> Result<Option<(Place<'_>, ObjectInfo)>, Error> {
        let mut place = self.place(draft, stage);
        let object = match stage {
            Stage::Draft => self.head_draft(&place.key).await?,
            Stage::Main => found(self.describe_at(&mut place, None).await)?,
        };
        Ok(object.map(|object| (place, object)))
    }

    /// Looks up an object in main, and if it is archived: both are in the answer to the same call.
    async fn describe_at(
        &self,
        place: &mut Place<'_>,
        version: Option<&VersionId>,
    ) -> Result<ObjectInfo, draftstore_storage::Error> {
        let store = &self.shared.store;
        let described = store
            .objects()
            .describe(&store.buckets.main, &place.key, version)
            .await?;
        place.is_archived = matches!(
            ArchiveState::of(&described),
            Some(ArchiveState::Archived | ArchiveState::Restoring)
        );
        Ok(described.info)
    }

    async fn find_version(&self, place: &mut Place<'_>, version: Option<&VersionId>) -> Result<ObjectInfo, Error> {
        match self.describe_at(place, version).await {
            Ok(object) => Ok(object),
            Err(error) if error.kind == ErrorKind::NotFound => Err(self.no_such_version().await),
            Err(error) => Err(error.into()),
        }
    }

    fn place(&self, draft: &DraftRef, stage: Stage) -> Place<'_> {
        let (bucket, key) = match stage {
            Stage::Draft => (self.shared.store.buckets.draft.name(), draft.key.clone()),
            Stage::Main => (self.shared.store.buckets.main.name(), self.main_key(&draft.name)),
        };
        Place {
            stage,
            bucket,
            key,
            is_archived: false,
        }
    }
}

/// Returns the media type that an object is served with.
fn parsed_content_type(stored: &StoredAttributes) -> Option<MediaType> {
    let text = stored.content_type.as_deref();
    text.map(|text| MediaType::of_stored(Some(text)))
}

/// Returns the disposition of an object, without one that the uploader of a draft added.
fn agreed_disposition(stage: Stage, stored: &StoredAttributes) -> Option<String> {
    let headers = match stage {
        Stage::Draft => Agreement::of(stored).kept.headers,
        Stage::Main => {
            let mut headers = ObjectHeaders::NONE;
            let value = stored.headers.get(&ObjectHeader::ContentDisposition)?;
            headers.set(ObjectHeader::ContentDisposition, value).ok()?;
            headers
        }
    };
    headers.get(ObjectHeader::ContentDisposition).map(ToOwned::to_owned)
}

/// The bucket and the key of an object in one stage.
#[derive(Debug)]
struct Place<'a> {
    stage: Stage,
    bucket: &'a BucketName,
    key: ObjectKey,
    /// Set if the object was found, and cannot be read before it is restored.
    is_archived: bool,
}

fn filename(name: &str) -> Result<&str, Violation> {
    let printable = !name.chars().any(|c| is_invisible(c) || matches!(c, '/' | '\\'));
    if printable && (1..=MAX_FILENAME_BYTES).contains(&name.len()) {
        Ok(name)
    } else {
        let rule = "must be 1 to 255 bytes of UTF-8 without control characters, bidirectional characters, '/' and '\\'";
        Err(Violation::new("filename", rule))
    }
}
