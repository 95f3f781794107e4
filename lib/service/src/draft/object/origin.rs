//! The origin of a confirmed object, sealed in its metadata: the confirm's time, and the ID of a unique draft.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_protocol::DraftId;
use draftstore_protocol::confirm::Origin;
use draftstore_storage::{ObjectInfo, ObjectKey};

use crate::draft::draft_ref::Keys;
use crate::secrets::{Binding, Purpose, Secrets};

/// The origin of an object, as far as its metadata tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The time of the confirm.
    pub(crate) at: Option<SystemTime>,
    /// The ID of the draft, if it was unique.
    pub(crate) draft_id: Option<DraftId>,
    /// The `ETag` of the draft.
    pub(crate) draft_etag: Option<String>,
}

/// Seals the origin of the object that a confirm makes. It opens only with the metadata of this object.
pub(crate) fn seal(secrets: &Secrets, keys: &Keys, now: SystemTime) -> String {
    let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    let id = DraftId::in_key(&keys.draft).map(|id| id.to_string());
    let content = [&milliseconds.to_be_bytes(), id.unwrap_or_default().as_bytes()].concat();
    secrets.seal(binding(&[keys.main.as_str()]), &content)
}

/// Seals the origin of an object for its copy under another key. Returns `None` if no confirm made the object.
pub(crate) fn reseal(secrets: &Secrets, key: &ObjectKey, copy: &ObjectKey, object: &ObjectInfo) -> Option<String> {
    let origin = Origin::of(&object.attributes.metadata)?;
    let content = secrets.open(binding(&[key.as_str()]), origin.sealed)?;
    Some(secrets.seal(binding(&[copy.as_str()]), &content))
}

/// Opens the origin of an object in main.
pub(crate) fn open(secrets: &Secrets, key: &ObjectKey, object: &ObjectInfo) -> Confirmation {
    let Some(origin) = Origin::of(&object.attributes.metadata) else {
        return Confirmation::default();
    };
    let content = secrets.open(binding(&[key.as_str()]), origin.sealed);
    let content = content.as_deref().and_then(<[u8]>::split_first_chunk);
    let id = content.and_then(|(_, id)| std::str::from_utf8(id).ok());
    Confirmation {
        at: content.map(|(milliseconds, _)| UNIX_EPOCH + Duration::from_millis(u64::from_be_bytes(*milliseconds))),
        draft_id: id.and_then(|id| id.parse().ok()),
        draft_etag: Some(origin.draft_etag.to_owned()),
    }
}

fn binding<'a>(parts: &'a [&'a str]) -> Binding<'a> {
    Binding {
        purpose: Purpose::Origin,
        parts,
    }
}
