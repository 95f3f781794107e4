//! Stores that differ from S3, by imitation: a confirm keeps its promises, or is refused and changes nothing.

use std::sync::Arc;

use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::draft::{CompleteMultipart, ConfirmUpload, CreateMultipart, PartToSign, SignParts, UploadName};
use draftstore_service::{AllowedOrigins, Buckets, Cleaner, Drafts, Error, Policy, Store, SystemClock};
use draftstore_storage::Operation;
use draftstore_testing::proxy::{FaultProxy, StoreQuirk};
use draftstore_testing::{SignedRequest, TestBuckets, connect, key, settings};
use futures::future::join_all;

use crate::system::{LONG_AGO, unique};

/// Confirms that race with uploads of the same draft.
const RACES: usize = 40;

struct Quirky {
    world: TestBuckets,
    _proxy: FaultProxy,
    store: Store,
    drafts: Drafts,
}

impl Quirky {
    async fn start(quirks: &[StoreQuirk]) -> Self {
        let world = TestBuckets::embedded().await;
        let proxy = FaultProxy::start(&world.endpoint);
        for quirk in quirks {
            proxy.imitate(*quirk);
        }
        let storage = connect(settings(&proxy.endpoint())).await;
        let buckets = Buckets::new(world.draft.clone(), world.main.clone());
        let store = Store::new(Arc::new(storage), buckets);
        let drafts = Drafts::new(
            store.clone(),
            policy(),
            AllowedOrigins::default(),
            Arc::new(SystemClock),
        );
        Self {
            world,
            _proxy: proxy,
            store,
            drafts,
        }
    }

    async fn confirm(&self, name: &str, if_match: Option<String>) -> Result<(), Error> {
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            if_match,
            ..ConfirmUpload::default()
        };
        self.drafts.confirm(&request).await.map(drop)
    }
}

fn policy() -> Policy {
    let hour = std::time::Duration::from_secs(3600);
    Policy::new(hour, hour, hour, std::time::Duration::ZERO).expect("a policy")
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_version_is_kept_where_copies_are_checked_before_they_are_made() {
    let quirky = Quirky::start(&[StoreQuirk::ChecksThenCopies, StoreQuirk::RefusesEtagsOfParts]).await;
    let races = (0..RACES).map(|race| {
        let quirky = &quirky;
        async move {
            let name = format!("draft-{race}");
            let pinned = quirky.world.draft(&name, "pinned").await;
            let confirm = quirky.confirm(&name, Some(pinned.etag.to_string()));
            let (confirmed, _) = tokio::join!(confirm, quirky.world.draft(&name, "other!"));
            (confirmed, quirky.world.main_bytes(&key(&name)).await)
        }
    });
    for (confirmed, main) in join_all(races).await {
        match confirmed {
            Ok(()) => assert_eq!(main.as_deref(), Some(&b"pinned"[..])),
            Err(error) => assert_eq!(main, None, "{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_of_parts_is_confirmed_where_its_etag_is_refused() {
    let quirky = Quirky::start(&[StoreQuirk::ChecksThenCopies, StoreQuirk::RefusesEtagsOfParts]).await;
    quirky.world.draft_in_parts("draft", b"bytes").await;
    quirky.confirm("draft", None).await.expect("confirmed");
    assert_eq!(
        quirky.world.main_bytes(&key("draft")).await.as_deref(),
        Some(&b"bytes"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_confirmed_where_main_would_lose_the_marker() {
    let quirky = Quirky::start(&[StoreQuirk::DropsMetadata]).await;
    quirky.world.draft("draft", "bytes").await;
    for _ in 0..2 {
        let refused = quirky.confirm("draft", None).await.expect_err("refused");
        assert!(matches!(refused, Error::StoreUnsupported(_)), "{refused:?}");
    }
    assert_eq!(quirky.world.main_bytes(&key("draft")).await, None);
    assert!(quirky.world.draft_bytes(&key("draft")).await.is_some());
    let said: Vec<_> = quirky
        .store
        .profile
        .weaknesses()
        .iter()
        .map(|weakness| weakness.effect)
        .collect();
    assert!(said.contains(&"no draft can be confirmed"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn name_that_would_be_decoded_twice_is_refused_where_only_parts_are_copied() {
    let quirks = [
        StoreQuirk::DecodesPartSourcesTwice,
        StoreQuirk::Lacks(Operation::CopyObject),
    ];
    let store = Quirky::start(&quirks).await;
    store.world.draft("a b", "twin!").await;
    store.world.draft("a%20b", "named").await;
    // The first confirm probes the store, and is refused by its client.
    for _ in 0..2 {
        let refused = store.confirm("a%20b", None).await.expect_err("refused");
        assert!(
            matches!(refused, Error::StoreUnsupported(_) | Error::Invalid(_)),
            "{refused:?}"
        );
    }
    let refused = store.confirm("a%20b", None).await.expect_err("refused");
    let Error::Invalid(violations) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        violations[0].rule.contains('%') && violations[0].field == "object_name",
        "{violations:?}"
    );
    store.confirm("a b", None).await.expect("confirmed");
    assert_eq!(
        store.world.main_bytes(&key("a b")).await.as_deref(),
        Some(&b"twin!"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_drafts_are_swept_where_batches_do_not_work() {
    for quirk in [StoreQuirk::RequiresMd5, StoreQuirk::Lacks(Operation::DeleteObjects)] {
        let quirky = Quirky::start(&[quirk]).await;
        let (_, unique) = unique(LONG_AGO, 1);
        quirky.world.draft(&unique, "expired").await;
        quirky.store.probe().await.expect("probed");
        let brakes = Brakes::default();
        let cleaner = Cleaner::new(quirky.store.clone(), policy(), brakes, Arc::new(SystemClock));
        let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
        assert_eq!((swept.deleted, swept.failed), (1, 0), "{quirk:?}");
        assert_eq!(quirky.world.draft_keys().await, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completion_is_repeated_where_no_parts_are_listed_after_it() {
    let quirky = Quirky::start(&[StoreQuirk::ListsEndedUploads]).await;
    let create = CreateMultipart {
        object_name: "film".to_owned(),
        ..CreateMultipart::default()
    };
    let created = quirky.drafts.create_multipart(&create).await.expect("begun");
    let upload = UploadName {
        object_name: create.object_name,
        draft_id: None,
        upload_id: created.upload_id,
    };
    let sign = SignParts {
        upload: upload.clone(),
        parts: vec![PartToSign {
            part_number: 1,
            ..PartToSign::default()
        }],
        expires_in: None,
    };
    let part = quirky.drafts.sign_parts(&sign).await.expect("signed").parts.remove(0);
    let sent = quirky.world.send(&SignedRequest::from(part.request), "part").await;
    assert_eq!(sent.status(), 200);

    let complete = CompleteMultipart {
        upload: upload.clone(),
        parts: Vec::new(),
    };
    let first = quirky.drafts.complete_multipart(&complete).await.expect("completed");
    let listed = quirky.drafts.list_parts(&upload).await.expect("listed");
    assert!(listed.parts.is_empty());
    let again = quirky.drafts.complete_multipart(&complete).await;
    assert_eq!(again.expect("completed before"), first);

    quirky.world.draft("film", "of another upload").await;
    let refused = quirky.drafts.complete_multipart(&complete).await;
    assert!(matches!(refused, Err(Error::Incomplete(_))), "{refused:?}");
}
