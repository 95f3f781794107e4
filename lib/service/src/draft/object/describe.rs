//! The description of a confirmed object.

use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::confirm::MARKER_PREFIX;
use draftstore_storage::{ErrorKind, MediaType, ObjectDescription};

use super::origin;
use super::replaced::StoredVersion;
use crate::draft::Drafts;
use crate::fields::version_id;
use crate::violation::Violations;
use crate::{Error, Missing, Scope};

/// The object to describe, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct DescribeObject {
    /// The name of the object.
    pub object_name: String,
    /// The ID of a version. `None` is the current one.
    pub version_id: Option<String>,
}

/// Everything about a confirmed object.
#[derive(Debug, Clone)]
pub struct ObjectDescribed {
    /// The name of the object.
    pub object_name: String,
    /// The properties of the object, without the server's own metadata.
    pub description: ObjectDescription,
    /// The media type that the object is served with, if it has one.
    pub content_type: Option<MediaType>,
    /// The tags of the object.
    pub tags: BTreeMap<String, String>,
    /// The time of the confirm.
    pub confirmed_at: SystemTime,
    /// The ID of the draft, if it was unique.
    pub draft_id: Option<DraftId>,
    /// The `ETag` of the draft.
    pub draft_etag: Option<String>,
}

impl Drafts {
    /// Returns everything about a confirmed object, by one call to the store. The tags of an object that has some need
    /// another call.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if the object does not
    /// exist, or an error of the store.
    pub async fn describe_object(&self, object: &DescribeObject) -> Result<ObjectDescribed, Error> {
        self.caller.require(Scope::Inspect)?;
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&object.object_name));
        let version = broken.take_optional(object.version_id.as_deref().map(version_id));
        let (Some(name), []) = (name, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let key = self.main_key(&name);
        let store = &self.shared.store;
        let main = &store.buckets.main;
        let stored = StoredVersion::of(key.clone(), version.as_ref());
        let of_store = stored.version.as_ref();
        let mut description = match store.objects().describe(main, &stored.key, of_store).await {
            Err(error) if version.is_some() => return Err(self.version_error(error).await),
            described => described?,
        };
        let tags = if description.has_tags {
            match store.objects().tags(main.name(), &stored.key, of_store).await {
                Err(error) if error.kind == ErrorKind::NotFound => return Err(Error::NotFound(Missing::Object)),
                tags => tags?,
            }
        } else {
            BTreeMap::new()
        };
        let confirmation = origin::open(&self.shared.secrets.current(), &key, &description.info);
        description.info.version_id = description.info.version_id.or(version);
        let attributes = &mut description.info.attributes;
        attributes.metadata.retain(|name, _| !name.starts_with(MARKER_PREFIX));
        let content_type = attributes.content_type.as_deref();
        Ok(ObjectDescribed {
            object_name: name.to_string(),
            content_type: content_type.map(|text| MediaType::of_stored(Some(text))),
            tags,
            confirmed_at: confirmation.at.unwrap_or(description.info.last_modified),
            draft_id: confirmation.draft_id,
            draft_etag: confirmation.draft_etag,
            description,
        })
    }
}
