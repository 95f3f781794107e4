//! Tests of the completion of uploads whose clients are gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use draftstore_service::draft::{CreateMultipart, PartToSign, SignParts, UploadName};
use draftstore_service::{AllowedOrigins, Buckets, Drafts, Policy, Store, SystemClock};
use draftstore_testing::{SignedRequest, TestBuckets, key};

use crate::{TIMEOUT, cronjob, run, variables};

const COMPLETING: (&str, &str) = ("COMPLETE_IDLE_AFTER", "1");

/// Begins an upload of a draft named `film`, and sends all its parts, like a client that then goes away.
pub(crate) async fn leave_upload(world: &TestBuckets) {
    let buckets = Buckets::new(world.draft.clone(), world.main.clone());
    let (hour, second) = (Duration::from_secs(3600), Duration::from_secs(1));
    let policy = Policy::new(hour, hour, hour, second).and_then(|policy| policy.completing_idle_after(Some(second)));
    let store = Store::new(Arc::clone(&world.storage), buckets);
    let clock = Arc::new(SystemClock);
    let drafts = Drafts::new(store, policy.expect("valid"), AllowedOrigins::default(), clock);
    let create = CreateMultipart {
        object_name: "film".to_owned(),
        content_length: Some(5),
        ..CreateMultipart::default()
    };
    let created = drafts.create_multipart(&create).await.expect("upload begun");
    let sign = SignParts {
        upload: UploadName {
            object_name: create.object_name,
            draft_id: None,
            upload_id: created.upload_id,
        },
        parts: vec![PartToSign {
            part_number: 1,
            ..PartToSign::default()
        }],
        expires_in: None,
    };
    let part = drafts.sign_parts(&sign).await.expect("signed").parts.remove(0);
    let sent = world.send(&SignedRequest::from(part.request), "bytes").await;
    assert_eq!(sent.status(), 200);
}

/// Sweeps until an upload was completed.
pub(crate) fn sweep_until_completed(world: &TestBuckets) {
    let begun = Instant::now();
    loop {
        let (output, printed) = run(cronjob(&[&variables(world)[..], &[COMPLETING]].concat()));
        assert!(output.status.success(), "{printed}");
        if printed.contains("; completed 1 uploads") {
            return;
        }
        assert!(begun.elapsed() < TIMEOUT, "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_whose_client_is_gone_is_completed() {
    let world = TestBuckets::embedded().await;
    leave_upload(&world).await;
    let (output, printed) = run(cronjob(&variables(&world)));
    assert!(output.status.success() && !printed.contains("completed"), "{printed}");
    assert_eq!(world.uploads().await, 1, "without the setting it is left to its client");

    sweep_until_completed(&world);
    assert_eq!(world.uploads().await, 0);
    assert_eq!(world.draft_bytes(&key("film")).await.as_deref(), Some(&b"bytes"[..]));
}
