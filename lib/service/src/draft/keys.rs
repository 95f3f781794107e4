//! Where one upload is, in each stage.

use draftstore_storage::ObjectKey;

use super::id::DraftId;
use crate::ObjectName;
use crate::caller::Tenant;

/// The key of a draft, and the key that it has or gets in main.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub(super) draft: ObjectKey,
    pub(super) main: ObjectKey,
}

impl Keys {
    /// Of the draft that was uploaded under this name, unique if it has an ID, and kept under its own name or another.
    /// Names are the tenant's own, where there is one.
    pub(super) fn new(
        tenant: Option<&Tenant>,
        name: &ObjectName,
        draft_id: Option<DraftId>,
        destination: Option<&ObjectName>,
    ) -> Self {
        let named = within(tenant, name);
        Self {
            main: destination.map_or_else(|| named.clone(), |destination| within(tenant, destination)),
            draft: match draft_id {
                Some(id) => id.key(&named),
                None => named,
            },
        }
    }
}

fn within(tenant: Option<&Tenant>, name: &ObjectName) -> ObjectKey {
    let Some(tenant) = tenant else {
        return name.key().clone();
    };
    ObjectKey::new(format!("{}{name}", tenant.prefix())).expect("a name leaves room for a tenant in a key")
}
