//! The profile of a store.

use std::sync::{Arc, PoisonError, RwLock};

use draftstore_storage::{Capabilities, Condition, Support};

use super::{Weakness, weaknesses};

/// The conditions that a store enforces, known or found by a probe. None are relied on before a probe. Clones share the profile.
#[derive(Debug, Clone, Default)]
pub struct StoreProfile(Arc<RwLock<Option<Capabilities>>>);

impl StoreProfile {
    /// Creates the profile of a store with known capabilities.
    pub fn known(capabilities: Capabilities) -> Self {
        let profile = Self::default();
        profile.learn(capabilities);
        profile
    }

    pub(super) fn learn(&self, capabilities: Capabilities) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(capabilities);
    }

    /// Notes that a condition does not hold although the probe took it for honoured: the store checks it and acts later.
    pub fn distrust(&self, condition: Condition) {
        if let Some(found) = self.probed().filter(|found| found.honours(condition)) {
            self.learn(found.with(condition, Support::NotAtomic));
        }
    }

    /// Returns the capabilities that may be relied on now: [`Capabilities::NONE`] before a probe.
    pub fn capabilities(&self) -> Capabilities {
        self.probed().unwrap_or(Capabilities::NONE)
    }

    /// Returns the capabilities that are known or were probed, or `None` before a successful probe.
    pub fn probed(&self) -> Option<Capabilities> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the weaknesses of the store. Empty before a successful probe.
    pub fn weaknesses(&self) -> Vec<Weakness> {
        self.probed().map(|found| weaknesses(&found)).unwrap_or_default()
    }
}
