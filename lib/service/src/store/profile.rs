//! What is known of the store.

use std::sync::{Arc, PoisonError, RwLock};

use draftstore_storage::Capabilities;

use super::{Weakness, weaknesses};

/// What the store was found to enforce. Unknown at first, which is as good as nothing. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct StoreProfile(Arc<RwLock<Option<Capabilities>>>);

impl StoreProfile {
    /// A store that is known to do this.
    pub fn known(capabilities: Capabilities) -> Self {
        let profile = Self::default();
        profile.learn(capabilities);
        profile
    }

    pub(super) fn learn(&self, capabilities: Capabilities) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(capabilities);
    }

    /// What may be relied on now.
    pub fn capabilities(&self) -> Capabilities {
        self.probed().unwrap_or(Capabilities::NONE)
    }

    /// What the store was found to do; none before a probe has ended well.
    pub fn probed(&self) -> Option<Capabilities> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the store's lacks weaken; nothing before it was probed.
    pub fn weaknesses(&self) -> Vec<Weakness> {
        self.probed().map(|found| weaknesses(&found)).unwrap_or_default()
    }
}
