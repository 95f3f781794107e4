//! The object store of an installation, with its two buckets and its probed capabilities.

mod old_versions;
mod profile;
mod weakness;

use std::sync::Arc;

use draftstore_protocol::RESERVED_PREFIX;
use draftstore_storage::{
    Administration, Capabilities, DraftBucket, Error, Features, MainBucket, ObjectKey, Objects, Presign, Storage,
};
use tokio::sync::{Mutex, OnceCell};
use ulid::Ulid;

use self::old_versions::OldVersions;

pub use old_versions::KeptUntil;
pub use profile::StoreProfile;
pub use weakness::{Replicas, Weakness, weaknesses};

/// The two buckets of an installation.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// The bucket that clients upload to.
    pub draft: DraftBucket,
    /// The bucket that holds the confirmed objects.
    pub main: MainBucket,
}

/// A store with its two buckets and its profile. Clones share the profile.
#[derive(Debug, Clone)]
pub struct Store {
    /// The implementation of the store.
    pub storage: Arc<dyn Storage>,
    /// The draft and the main bucket.
    pub buckets: Buckets,
    /// The conditions that the store enforces.
    pub profile: StoreProfile,
    /// The lock of a running probe.
    probing: Arc<Mutex<()>>,
    /// The features of the store, once they were needed.
    features: Arc<OnceCell<Features>>,
    /// The lifecycle rules of older versions, once they were needed.
    old_versions: OldVersions,
}

impl Store {
    /// Creates a store that has not been probed. No condition is relied on before [`Store::probe`].
    pub fn new(storage: Arc<dyn Storage>, buckets: Buckets) -> Self {
        Self {
            storage,
            buckets,
            profile: StoreProfile::default(),
            probing: Arc::default(),
            features: Arc::default(),
            old_versions: OldVersions::default(),
        }
    }

    /// Replaces the profile of the store.
    #[must_use]
    pub fn with_profile(self, profile: StoreProfile) -> Self {
        Self { profile, ..self }
    }

    /// Returns the calls on objects.
    pub(crate) fn objects(&self) -> &dyn Objects {
        &*self.storage
    }

    /// Returns the signer of requests.
    pub(crate) fn presign(&self) -> &dyn Presign {
        &*self.storage
    }

    /// Returns the calls on buckets.
    pub(crate) fn administration(&self) -> &dyn Administration {
        &*self.storage
    }

    /// Probes the store unless it has been probed. Of several concurrent calls, one probes and the others wait for it.
    ///
    /// Without a probe no condition is relied on, and then some stores cannot confirm at all: Garage copies no part of
    /// less than 5 MiB.
    pub(crate) async fn probe_if_unknown(&self) {
        if self.profile.probed().is_some() {
            return;
        }
        let _probing = self.probing.lock().await;
        if self.profile.probed().is_none()
            && let Err(error) = self.probe().await
        {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the store cannot be probed");
        }
    }

    /// Returns the features of the store. The first call probes them, by about fifteen calls to the store.
    pub(crate) async fn features(&self) -> Result<Features, Error> {
        let probe = || async {
            self.storage
                .features(&self.buckets.draft, &self.buckets.main, &probe_key())
                .await
        };
        self.features.get_or_try_init(probe).await.copied()
    }

    /// Probes which conditions the store enforces, and updates the profile. Takes about thirty calls to the store.
    ///
    /// # Errors
    /// Returns the errors of [`draftstore_storage::Administration::probe`]. The profile is then unchanged.
    pub async fn probe(&self) -> Result<Capabilities, Error> {
        let capabilities = self.storage.probe(&self.buckets.draft, &probe_key()).await?;
        self.profile.learn(capabilities);
        Ok(capabilities)
    }
}

/// Returns a key that is unique to a probe, so that servers that start together do not see each other's objects.
fn probe_key() -> ObjectKey {
    let key = format!("{RESERVED_PREFIX}probe/{}", Ulid::from_parts(0, rand::random()));
    ObjectKey::new(key).expect("a short key of letters and digits")
}
