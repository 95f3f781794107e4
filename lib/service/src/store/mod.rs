//! The object store of an installation, with its buckets and its probed capabilities.

mod old_versions;
mod profile;
mod weakness;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};

use draftstore_protocol::RESERVED_PREFIX;
use draftstore_storage::{
    Administration, BucketName, Capabilities, DraftBucket, Error, Features, MainBucket, ObjectKey, Objects, Presign,
    Storage, Transition,
};
use tokio::sync::{Mutex, OnceCell};
use ulid::Ulid;

use self::old_versions::OldVersions;

pub use old_versions::KeptUntil;
pub use profile::StoreProfile;
pub use weakness::{Replicas, Weakness, weaknesses};

/// The buckets of an installation.
#[derive(Debug, Clone)]
pub struct Buckets {
    /// The bucket that clients upload to.
    pub draft: DraftBucket,
    /// The bucket that holds the confirmed objects.
    pub main: MainBucket,
    /// The other buckets that destinations of the policy may have.
    pub destinations: Vec<MainBucket>,
    /// The moves of objects to other storage classes, by bucket.
    pub transitions: BTreeMap<BucketName, Vec<Transition>>,
}

impl Buckets {
    /// Creates the buckets of an installation without destinations.
    pub fn new(draft: DraftBucket, main: MainBucket) -> Self {
        Self {
            draft,
            main,
            destinations: Vec::new(),
            transitions: BTreeMap::new(),
        }
    }

    /// Returns the buckets of confirmed objects: main, and those of destinations.
    pub fn confirmed(&self) -> impl Iterator<Item = &MainBucket> {
        std::iter::once(&self.main).chain(&self.destinations)
    }

    /// Returns the moves of the objects of a bucket to other storage classes.
    pub fn transitions_of(&self, bucket: &MainBucket) -> &[Transition] {
        self.transitions.get(bucket.name()).map_or(&[], Vec::as_slice)
    }
}

/// A store with its buckets and its profile. Clones share the profile.
#[derive(Debug, Clone)]
pub struct Store {
    /// The implementation of the store.
    pub storage: Arc<dyn Storage>,
    /// The draft bucket, the main bucket, and those of destinations.
    pub buckets: Buckets,
    /// The conditions that the store enforces.
    pub profile: StoreProfile,
    /// The lock of a running probe.
    probing: Arc<Mutex<()>>,
    /// The facts about the main bucket.
    facts: Facts,
    /// The facts about the buckets of destinations.
    others: Arc<std::sync::Mutex<HashMap<BucketName, Facts>>>,
}

/// The facts about a bucket of confirmed objects, once they were needed. Clones share them.
#[derive(Debug, Clone, Default)]
struct Facts {
    /// The features of the store and the bucket.
    features: Arc<OnceCell<Features>>,
    /// The lifecycle rules of older versions.
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
            facts: Facts::default(),
            others: Arc::default(),
        }
    }

    /// Replaces the profile of the store.
    #[must_use]
    pub fn with_profile(self, profile: StoreProfile) -> Self {
        Self { profile, ..self }
    }

    /// Returns the store with another bucket for confirmed objects, or `None` if it is neither the main bucket nor that of a
    /// destination.
    pub(crate) fn at(&self, bucket: &BucketName) -> Option<Self> {
        if self.buckets.main.name() == bucket {
            return Some(self.clone());
        }
        let main = self.buckets.destinations.iter().find(|main| main.name() == bucket)?;
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let facts = others.entry(bucket.clone()).or_default().clone();
        drop(others);
        let mut store = Self { facts, ..self.clone() };
        store.buckets.main = main.clone();
        Some(store)
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
        self.facts.features.get_or_try_init(probe).await.copied()
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
