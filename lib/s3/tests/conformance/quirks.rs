//! Stores that differ from S3: what a probe finds there, and what works all the same.

use draftstore_s3::{S3Storage, Settings};
use draftstore_storage::{
    Administration as _, Attributes, Capabilities, Condition, CopyToMain, DraftVersion, ErrorKind, IfDestination,
    Objects as _, Operation, StageCopy, StagedCopy, Support,
};
use draftstore_testing::proxy::{FaultProxy, StoreQuirk};
use draftstore_testing::{TestBuckets, connect, key, settings};

/// A probed client of an embedded store with these differences.
struct Quirky {
    world: TestBuckets,
    _proxy: FaultProxy,
    storage: S3Storage,
    found: Capabilities,
}

impl Quirky {
    async fn start(quirks: &[StoreQuirk]) -> Self {
        let world = TestBuckets::embedded().await;
        let proxy = FaultProxy::start(&world.endpoint);
        for quirk in quirks {
            proxy.imitate(*quirk);
        }
        let settings = Settings {
            endpoint: Some(proxy.endpoint().url),
            ..settings(&world.endpoint)
        };
        let storage = connect(settings).await;
        let found = storage.probe(&world.draft, &key(".probe")).await.expect("found out");
        Self {
            world,
            _proxy: proxy,
            storage,
            found,
        }
    }

    async fn stage(&self, draft: &DraftVersion) -> Result<StagedCopy, ErrorKind> {
        let copy = StageCopy {
            draft_bucket: &self.world.draft,
            draft_key: &draft.key,
            draft_etag: &draft.etag,
            size: 5,
            main_bucket: &self.world.main,
            main_key: &draft.key,
            attributes: &Attributes::default(),
        };
        self.storage.stage_copy(&copy).await.map_err(|error| error.kind)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_states_its_length() {
    let quirky = Quirky::start(&[StoreQuirk::RequiresLength]).await;
    assert_eq!(quirky.found, Capabilities::ALL);
    let draft = quirky.world.draft("draft", "bytes").await;
    let staged = quirky.stage(&draft).await.expect("staged");
    let completed = quirky
        .storage
        .complete_copy(&quirky.world.main, &draft.key, &staged, IfDestination::Absent);
    completed.await.expect("completed");
    assert_eq!(
        quirky.world.main_bytes(&draft.key).await.as_deref(),
        Some(&b"bytes"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_would_be_decoded_twice_is_not_copied_in_parts() {
    let quirky = Quirky::start(&[StoreQuirk::DecodesPartSourcesTwice]).await;
    assert_eq!(
        quirky.found,
        Capabilities::ALL.with(Condition::PartSourceKey, Support::Ignored)
    );
    quirky.world.draft("a b", "twins").await;
    let draft = quirky.world.draft("a%20b", "named").await;
    assert_eq!(quirky.stage(&draft).await.map(drop), Err(ErrorKind::Unsupported));
    let plain = quirky.world.draft("a+b ü", "plain").await;
    quirky.stage(&plain).await.expect("staged");
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_checks_before_it_copies_does_not_honour_the_condition() {
    let quirky = Quirky::start(&[StoreQuirk::ChecksThenCopies]).await;
    let expected = Capabilities::ALL
        .with(Condition::CopySource, Support::NotAtomic)
        .with(Condition::PartSource, Support::NotAtomic);
    assert_eq!(quirky.found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_of_parts_is_copied_where_its_etag_is_refused() {
    let quirky = Quirky::start(&[StoreQuirk::RefusesEtagsOfParts, StoreQuirk::ChecksThenCopies]).await;
    quirky.world.draft_in_parts("draft", b"bytes").await;
    let key = key("draft");
    let etag = quirky
        .storage
        .head(quirky.world.draft.name(), &key)
        .await
        .expect("it is there")
        .etag;
    quirky.stage(&DraftVersion { key, etag }).await.expect("staged");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_state_their_md5() {
    let quirky = Quirky::start(&[StoreQuirk::RequiresMd5]).await;
    assert_eq!(quirky.found, Capabilities::ALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_deleted_one_by_one_where_batches_do_not_work() {
    let quirky = Quirky::start(&[StoreQuirk::Lacks(Operation::DeleteObjects)]).await;
    assert_eq!(
        quirky.found,
        Capabilities::ALL.with(Condition::DeleteMany, Support::Failed)
    );
    let (a, mut b) = (quirky.world.draft("a", "1").await, quirky.world.draft("b", "2").await);
    b.etag = a.etag.clone();
    let failed = quirky
        .storage
        .delete_drafts(&quirky.world.draft, &[a, b])
        .await
        .expect("tried");
    let failed: Vec<_> = failed
        .iter()
        .map(|failure| (failure.key.as_str(), failure.kind))
        .collect();
    assert_eq!(failed, [("b", ErrorKind::PreconditionFailed)]);
    assert_eq!(quirky.world.draft_keys().await, ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn operation_that_does_not_work_has_failed() {
    let lacking = |lacking: &[Condition]| {
        let fail = |found: Capabilities, condition: &Condition| found.with(*condition, Support::Failed);
        lacking.iter().fold(Capabilities::ALL, fail)
    };
    let quirky = Quirky::start(&[StoreQuirk::Lacks(Operation::UploadPartCopy)]).await;
    let parts = [Condition::PartSource, Condition::PartSourceKey];
    assert_eq!(quirky.found, lacking(&parts));
    assert!(quirky.found.can_confirm() && !quirky.found.can_confirm_in_parts());
    let draft = quirky.world.draft("draft", "bytes").await;
    assert_eq!(quirky.stage(&draft).await.map(drop), Err(ErrorKind::Unsupported));

    let quirky = Quirky::start(&[StoreQuirk::Lacks(Operation::CopyObject)]).await;
    let copies = [Condition::CopySource, Condition::CopyToAbsent, Condition::CopyOver];
    assert_eq!(quirky.found, lacking(&copies));
    assert!(quirky.found.can_confirm());
}

/// Without its metadata, an object in main is not known to be a confirmed draft.
#[tokio::test(flavor = "multi_thread")]
async fn copy_that_loses_metadata_does_not_work() {
    let quirky = Quirky::start(&[StoreQuirk::DropsMetadata]).await;
    assert!(!quirky.found.can_confirm(), "{:?}", quirky.found);
    let draft = quirky.world.draft("draft", "bytes").await;
    assert_eq!(quirky.stage(&draft).await.map(drop), Err(ErrorKind::Unsupported));
    // A single copy is not refused by the client, which does not know what depends on the metadata.
    let copy = CopyToMain {
        draft_bucket: &quirky.world.draft,
        draft_key: &draft.key,
        draft_etag: &draft.etag,
        main_bucket: &quirky.world.main,
        main_key: &draft.key,
        if_destination: IfDestination::Absent,
        attributes: &Attributes::default(),
    };
    quirky.storage.copy_to_main(&copy).await.expect("copied");
}
