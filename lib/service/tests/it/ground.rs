//! The stores that promises are tested on.

use draftstore_service::{Buckets, Store};
use draftstore_storage::{Capabilities, Condition, Support};
use draftstore_testing::TestBuckets;

use crate::system::System;

/// What Garage honours.
pub(crate) const SOURCES: Capabilities = Capabilities::NONE
    .with(Condition::CopySource, Support::Honoured)
    .with(Condition::PartSource, Support::Honoured);

/// A running store, for as many systems as a test needs, each with buckets of its own.
pub(crate) struct Ground {
    world: TestBuckets,
    /// Conditions that are left to the store; it is made to ignore the others.
    honoured: Capabilities,
    /// What the service knows that it honours.
    known: Capabilities,
}

impl Ground {
    /// An embedded store that honours every condition.
    pub(crate) async fn strong() -> Self {
        Self::honouring(Capabilities::ALL).await
    }

    /// An embedded store that honours none.
    pub(crate) async fn weak() -> Self {
        Self::honouring(Capabilities::NONE).await
    }

    /// An embedded store that honours conditions on the source of a copy, and no others.
    pub(crate) async fn sources() -> Self {
        Self::honouring(SOURCES).await
    }

    /// An embedded store that honours these, and of which this is known.
    pub(crate) async fn honouring(capabilities: Capabilities) -> Self {
        Self {
            world: TestBuckets::embedded().await,
            honoured: capabilities,
            known: capabilities,
        }
    }

    /// Garage as it is: a probe finds out what it honours.
    pub(crate) async fn garage() -> Self {
        let world = TestBuckets::garage().await;
        let buckets = Buckets {
            draft: world.draft.clone(),
            main: world.main.clone(),
        };
        let store = Store::new(world.storage.clone(), buckets);
        Self {
            known: store.probe().await.expect("a probe of Garage ends well"),
            honoured: Capabilities::ALL,
            world,
        }
    }

    /// A service and a cleaner with nothing in their buckets.
    pub(crate) async fn system(&self) -> System {
        System::new(self.world.beside().await, self.honoured, self.known)
    }

    /// What the service knows that the store honours.
    pub(crate) fn known(&self) -> Capabilities {
        self.known
    }
}
