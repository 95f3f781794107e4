//! Where one upload is, in each stage.

use draftstore_storage::ObjectKey;

use super::id::DraftId;
use crate::ObjectName;

/// The key of a draft, and the key that it has or gets in main.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) draft: ObjectKey,
    pub(super) main: ObjectKey,
}

impl Keys {
    /// Of the draft that was uploaded under this name, unique if it has an ID, and kept under its own name or another.
    pub(super) fn new(name: &ObjectName, draft_id: Option<DraftId>, destination: Option<&ObjectName>) -> Self {
        Self {
            draft: draft_id.map_or_else(|| name.key().clone(), |id| id.key(name)),
            main: destination.unwrap_or(name).key().clone(),
        }
    }
}
