//! The comparison of both buckets with the responses that clients got.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::{Buckets, Cleaner, Clock, Policy, Store};
use draftstore_storage::{BucketName, DraftBucket, ListObjects, ListUploads, Objects, Storage};
use draftstore_testing::proxy::FaultProxy;
use draftstore_testing::{SignedRequest, StoreEndpoint, bucket, connect, get, http_client, key, settings};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::clients::Ledger;

const SIDE_BY_SIDE: usize = 16;

/// The prefix of copies of what was replaced or deleted.
pub(super) const COPIES: &str = ".replaced/";

/// A clock at which everything has expired.
#[derive(Debug)]
struct MuchLater;

impl Clock for MuchLater {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_secs(40 * 86_400)
    }
}

/// Asserts that main contains exactly the confirmed objects, and that two sweeps leave nothing in the draft bucket.
pub(super) async fn audit(store: &StoreEndpoint, main: &str, ledger: &Ledger) {
    let storage = connect(settings(store)).await;
    let found = objects(&storage, &bucket(main)).await;
    for (name, bytes) in &ledger.kept {
        match found.get(name) {
            Some(found) => assert!(found == bytes, "{name} holds other bytes than were confirmed"),
            None => panic!("{name} was confirmed and is lost"),
        }
    }
    for name in found.keys() {
        assert!(ledger.kept.contains_key(name), "nobody confirmed {name}");
    }

    nothing_is_left(store, main).await;
    assert_eq!(objects(&storage, &bucket(main)).await.len(), ledger.kept.len());
}

/// Sweeps at a time when everything has expired, and asserts that no draft, no copy of a replaced object and no upload is left.
pub(super) async fn nothing_is_left(store: &StoreEndpoint, main: &str) {
    let (drafts, main) = DraftBucket::pair(bucket(&format!("{main}-draft")), bucket(main)).expect("they differ");
    let proxy = FaultProxy::start(store);
    proxy.hide_clock();
    let storage = Arc::new(connect(settings(&proxy.endpoint())).await);
    let hour = Duration::from_secs(3600);
    let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
    let policy = policy.keeping_replaced_for(Some(hour));
    let buckets = Buckets::new(drafts.clone(), main.clone());
    let store = Store::new(storage.clone(), buckets);
    let cleaner = Cleaner::new(store, policy, Brakes::default(), Arc::new(MuchLater));
    for _ in 0..2 {
        let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
        assert_eq!(swept.failed, 0);
        let swept = cleaner.sweep_replaced(Mode::Delete, &mut |_| {}).await.expect("swept");
        assert_eq!(swept.failed, 0);
    }
    assert_eq!(keys(storage.as_ref(), drafts.name()).await, [""; 0]);
    for bucket in [drafts.name(), main.name()] {
        let uploads = storage.list_uploads(bucket, &ListUploads::default()).await;
        assert_eq!(uploads.expect("listed").uploads, []);
    }
    let left = keys(storage.as_ref(), main.name()).await;
    assert!(left.iter().all(|key| !key.starts_with(COPIES)), "{left:?}");
}

/// Returns the objects that callers have kept, with their bytes.
pub(super) async fn objects(storage: &dyn Storage, bucket: &BucketName) -> BTreeMap<String, Vec<u8>> {
    let http = http_client();
    let download = async |name: String| {
        let signed: SignedRequest = storage
            .presign_get(&get(bucket, &key(&name)))
            .await
            .expect("signed")
            .into();
        let answer = http.get(signed.url).send().await?.error_for_status()?;
        Ok::<_, reqwest::Error>((name, answer.bytes().await?.to_vec()))
    };
    let keys = keys(storage, bucket).await.into_iter();
    let downloads = stream::iter(keys.filter(|key| !key.starts_with(COPIES))).map(download);
    let objects = downloads.buffer_unordered(SIDE_BY_SIDE).try_collect().await;
    objects.expect("every object can be read")
}

async fn keys(storage: &dyn Objects, bucket: &BucketName) -> Vec<String> {
    let mut request = ListObjects::default();
    let mut keys = Vec::new();
    loop {
        let page = storage.list(bucket, &request).await.expect("listed");
        keys.extend(page.objects.into_iter().map(|object| object.key.to_string()));
        match page.next {
            Some(next) => request.continuation = Some(next),
            None => return keys,
        }
    }
}
