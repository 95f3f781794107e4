//! The object store as an installation uses it: which buckets, and what can be relied on there.

mod profile;
mod weakness;

use std::sync::Arc;

use draftstore_storage::{Capabilities, Error, ObjectKey, Storage};
use ulid::Ulid;

pub use profile::StoreProfile;
pub use weakness::{Replicas, Weakness, weaknesses};

use crate::Buckets;
use crate::name::RESERVED_PREFIX;

/// A store, its two buckets, and what is known of it. Clones share what becomes known.
#[derive(Debug, Clone)]
pub struct Store {
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Where drafts and confirmed objects are.
    pub buckets: Buckets,
    /// What it enforces.
    pub profile: StoreProfile,
}

impl Store {
    /// A store of which nothing is known yet: nothing is relied on before [`Store::probe`].
    pub fn new(storage: Arc<dyn Storage>, buckets: Buckets) -> Self {
        Self {
            storage,
            buckets,
            profile: StoreProfile::default(),
        }
    }

    /// Finds out what the store enforces, and relies on it from then on. Costs some thirty calls.
    ///
    /// # Errors
    /// Those of [`Storage::probe`]; then what was known stays known.
    pub async fn probe(&self) -> Result<Capabilities, Error> {
        let capabilities = self.storage.probe(&self.buckets.draft, &probe_key()).await?;
        self.profile.learn(capabilities);
        Ok(capabilities)
    }
}

/// Another for each probe: servers that start together must not look at each other's objects.
fn probe_key() -> ObjectKey {
    let key = format!("{RESERVED_PREFIX}probe/{}", Ulid::from_parts(0, rand::random()));
    ObjectKey::new(key).expect("a short key of letters and digits")
}
