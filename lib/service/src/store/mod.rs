//! The object store as an installation uses it: which buckets, and what can be relied on there.

mod profile;
mod weakness;

use std::sync::Arc;

use draftstore_protocol::RESERVED_PREFIX;
use draftstore_storage::{
    Administration, Capabilities, DraftBucket, Error, MainBucket, ObjectKey, Objects, Presign, Storage,
};
use tokio::sync::Mutex;
use ulid::Ulid;

pub use profile::StoreProfile;
pub use weakness::{Replicas, Weakness, weaknesses};

/// The two buckets of an installation.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// The bucket that clients upload to.
    pub draft: DraftBucket,
    /// The bucket that holds what was confirmed.
    pub main: MainBucket,
}

/// A store, its two buckets, and what is known of it. Clones share what becomes known.
#[derive(Debug, Clone)]
pub struct Store {
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Where drafts and confirmed objects are.
    pub buckets: Buckets,
    /// What it enforces.
    pub profile: StoreProfile,
    /// Held by whoever finds that out for the others.
    probing: Arc<Mutex<()>>,
}

impl Store {
    /// A store of which nothing is known yet: nothing is relied on before [`Store::probe`].
    pub fn new(storage: Arc<dyn Storage>, buckets: Buckets) -> Self {
        Self {
            storage,
            buckets,
            profile: StoreProfile::default(),
            probing: Arc::default(),
        }
    }

    /// The same, of which this is known.
    #[must_use]
    pub fn with_profile(self, profile: StoreProfile) -> Self {
        Self { profile, ..self }
    }

    /// Reads and writes objects.
    pub(crate) fn objects(&self) -> &dyn Objects {
        &*self.storage
    }

    /// Signs requests.
    pub(crate) fn presign(&self) -> &dyn Presign {
        &*self.storage
    }

    /// Sets buckets up.
    pub(crate) fn administration(&self) -> &dyn Administration {
        &*self.storage
    }

    /// Finds out what the store enforces where that is not known yet; of many who ask at once, one does. Until then nothing
    /// may be relied on, and there are stores on which little can be done so: Garage copies no part of under 5 MiB.
    pub(crate) async fn probe_if_unknown(&self) {
        if self.profile.probed().is_some() {
            return;
        }
        let _probing = self.probing.lock().await;
        if self.profile.probed().is_none()
            && let Err(error) = self.probe().await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the store cannot be probed: no condition is relied on");
        }
    }

    /// Finds out what the store enforces, and relies on it from then on. Costs some thirty calls.
    ///
    /// # Errors
    /// The errors of [`draftstore_storage::Administration::probe`]; then what was known stays known.
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
