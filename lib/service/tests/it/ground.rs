//! The stores on which promises are tested.

use draftstore_service::{Buckets, Store};
use draftstore_storage::{Capabilities, Condition, Support};
use draftstore_testing::TestBuckets;

use crate::system::System;

/// The capabilities of Garage.
pub(crate) const SOURCES: Capabilities = Capabilities::NONE
    .with(Condition::CopySource, Support::Honoured)
    .with(Condition::PartSource, Support::Honoured);

/// A running store for several systems, each with its own buckets.
pub(crate) struct Ground {
    world: TestBuckets,
    /// The conditions that are passed on to the store. It never sees the others.
    honoured: Capabilities,
    /// The capabilities that the service knows of.
    known: Capabilities,
}

impl Ground {
    /// Starts an embedded store that honours every condition.
    pub(crate) async fn strong() -> Self {
        Self::honouring(Capabilities::ALL).await
    }

    /// Starts an embedded store that honours every condition but those of a call that deletes many drafts.
    pub(crate) async fn singly() -> Self {
        Self::honouring(Capabilities::ALL.with(Condition::DeleteMany, Support::Ignored)).await
    }

    /// Starts an embedded store that honours no condition.
    pub(crate) async fn weak() -> Self {
        Self::honouring(Capabilities::NONE).await
    }

    /// Starts an embedded store that honours only conditions on the source of a copy.
    pub(crate) async fn sources() -> Self {
        Self::honouring(SOURCES).await
    }

    /// Starts an embedded store that has, and is known to have, these capabilities.
    pub(crate) async fn honouring(capabilities: Capabilities) -> Self {
        Self {
            world: TestBuckets::embedded().await,
            honoured: capabilities,
            known: capabilities,
        }
    }

    /// Starts an embedded store that ignores conditions on the source of a copy, and is believed to honour them.
    pub(crate) async fn swapping() -> Self {
        Self {
            known: Capabilities::ALL,
            ..Self::honouring(Capabilities::ALL.with(Condition::CopySource, Support::Ignored)).await
        }
    }

    /// Starts an embedded store that honours no condition on a source, so that copies are made in parts.
    pub(crate) async fn staging() -> Self {
        let sources = [Condition::CopySource, Condition::PartSource];
        let ignore = |found: Capabilities, source| found.with(source, Support::Ignored);
        Self::honouring(sources.into_iter().fold(Capabilities::ALL, ignore)).await
    }

    /// Starts Garage, and probes its capabilities.
    pub(crate) async fn garage() -> Self {
        Self::probing(TestBuckets::garage().await).await
    }

    /// Creates buckets in SeaweedFS, and probes its capabilities.
    pub(crate) async fn seaweedfs() -> Self {
        Self::probing(TestBuckets::seaweedfs().await).await
    }

    async fn probing(world: TestBuckets) -> Self {
        let buckets = Buckets::new(world.draft.clone(), world.main.clone());
        let store = Store::new(world.storage.clone(), buckets);
        Self {
            known: store.probe().await.expect("the store can be probed"),
            honoured: Capabilities::ALL,
            world,
        }
    }

    /// Creates a service and a cleaner with empty buckets.
    pub(crate) async fn system(&self) -> System {
        System::new(self.world.beside().await, self.honoured, self.known)
    }

    /// Returns the capabilities that the service knows of.
    pub(crate) fn known(&self) -> Capabilities {
        self.known
    }
}
