//! The service and the cleaner on an embedded store, through the faulty decorator.

use std::sync::Arc;
use std::time::Duration;

use draftstore_service::cleaner::Brakes;
use draftstore_service::draft::{ConfirmUpload, Confirmed};
use draftstore_service::{AllowedOrigins, Buckets, Cleaner, Drafts, Error, Policy, Store, SystemClock};
use draftstore_testing::{World, key};

use crate::faulty::Faulty;

pub(crate) struct System {
    pub(crate) world: Arc<World>,
    pub(crate) store: Arc<Faulty>,
    installed: Store,
    pub(crate) drafts: Drafts,
}

impl System {
    pub(crate) async fn start() -> Self {
        let world = Arc::new(World::embedded().await);
        let store = Arc::new(Faulty::new(Arc::clone(&world.storage)));
        let buckets = Buckets {
            draft: world.draft.clone(),
            main: world.main.clone(),
        };
        let clock = Arc::new(SystemClock);
        let installed = Store::new(store.clone(), buckets);
        let drafts = Drafts::new(installed.clone(), policy(3600), AllowedOrigins::default(), clock);
        Self {
            world,
            store,
            installed,
            drafts,
        }
    }

    /// A cleaner of drafts that live as long as this, in seconds.
    pub(crate) fn cleaner(&self, lifetime: u64) -> Cleaner {
        Cleaner::new(
            self.installed.clone(),
            policy(lifetime),
            Brakes::default(),
            Arc::new(SystemClock),
        )
    }

    pub(crate) async fn confirm(&self, name: &str) -> Result<Confirmed, Error> {
        self.confirm_pinned(name, None).await
    }

    pub(crate) async fn confirm_pinned(&self, name: &str, if_match: Option<String>) -> Result<Confirmed, Error> {
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            if_match,
            ..ConfirmUpload::default()
        };
        self.drafts.confirm(&request).await
    }

    /// What is in draft and in main under a name.
    pub(crate) async fn state(&self, name: &str) -> (Option<String>, Option<String>) {
        let text = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).expect("text"));
        let key = key(name);
        (
            text(self.world.draft_bytes(&key).await),
            text(self.world.main_bytes(&key).await),
        )
    }

    /// What a client does when it uploads again.
    pub(crate) fn upload_again(
        &self,
        name: &'static str,
        bytes: &'static str,
    ) -> impl Future<Output = ()> + Send + use<> {
        let world = Arc::clone(&self.world);
        async move {
            world.upload(&key(name), bytes).await;
        }
    }
}

/// Both sides of a state.
pub(crate) fn state(draft: Option<&str>, main: Option<&str>) -> (Option<String>, Option<String>) {
    (draft.map(str::to_owned), main.map(str::to_owned))
}

fn policy(lifetime: u64) -> Policy {
    let ttl = Duration::from_secs(1);
    Policy::new(ttl, ttl, Duration::from_secs(lifetime), Duration::ZERO).expect("a policy")
}
