//! Tests of `EXPECTED_BUCKET_OWNER` in all requests of the cronjob.

use draftstore_storage::Operation;
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::FaultProxy;

use crate::iam::leave_some_of_all;
use crate::{SHORT_LIVED, cronjob, run, variables};

/// The account that owns the buckets of the embedded store.
const ACCOUNT: &str = "000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_sweep_has_the_expected_bucket_owner() {
    for expected in [None, Some(ACCOUNT)] {
        let mut world = TestBuckets::embedded().await;
        leave_some_of_all(&world).await;
        let proxy = FaultProxy::start(&world.endpoint);
        world.endpoint = proxy.endpoint();
        let owner: Vec<_> = expected
            .map(|owner| ("EXPECTED_BUCKET_OWNER", owner))
            .into_iter()
            .collect();
        let (output, printed) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &owner].concat()));
        assert!(
            output.status.success() && printed.contains("deleted 4, failed 0"),
            "{printed}"
        );
        let requests = proxy.requests();
        assert!(!requests.is_empty());
        for request in requests {
            let copies = matches!(request.operation, Operation::CopyObject | Operation::UploadPartCopy);
            let source = expected.filter(|_| copies);
            assert_eq!(request.expected_owner.as_deref(), expected, "{request:?}");
            assert_eq!(request.expected_source_owner.as_deref(), source, "{request:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_another_owner_are_untouched() {
    let world = TestBuckets::embedded().await;
    leave_some_of_all(&world).await;
    let other = [("EXPECTED_BUCKET_OWNER", "012345678901")];
    let (output, printed) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &other].concat()));
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("bucket owner may differ") && printed.contains("012345678901"),
        "{printed}"
    );
    assert_eq!((world.draft_keys().await.len(), world.main_uploads().await), (2, 1));
}

#[test]
fn owner_must_be_an_account_id() {
    let (output, printed) = run(cronjob(&[("EXPECTED_BUCKET_OWNER", "draftstore")]));
    assert_eq!(output.status.code(), Some(64));
    assert!(printed.contains("EXPECTED_BUCKET_OWNER"), "{printed}");
}
