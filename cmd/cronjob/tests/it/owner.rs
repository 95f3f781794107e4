//! `EXPECTED_BUCKET_OWNER` in all that the cronjob asks of its store.

use draftstore_storage::Operation;
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::FaultProxy;

use crate::iam::leave_some_of_all;
use crate::{SHORT_LIVED, cronjob, run, variables};

/// Whose the buckets of the embedded store are.
const ACCOUNT: &str = "000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn every_call_of_a_sweep_says_whose_the_bucket_must_be_and_none_unless_asked_to() {
    for expected in [None, Some(ACCOUNT)] {
        let mut world = TestBuckets::embedded().await;
        leave_some_of_all(&world).await;
        let proxy = FaultProxy::start(&world.endpoint);
        world.endpoint = proxy.endpoint();
        let owner: Vec<_> = expected
            .map(|owner| ("EXPECTED_BUCKET_OWNER", owner))
            .into_iter()
            .collect();
        let (output, said) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &owner].concat()));
        assert!(
            output.status.success() && said.contains("deleted 4, failed 0"),
            "{said}"
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
async fn buckets_of_another_are_left_alone() {
    let world = TestBuckets::embedded().await;
    leave_some_of_all(&world).await;
    let other = [("EXPECTED_BUCKET_OWNER", "012345678901")];
    let (output, said) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &other].concat()));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("bucket owner may differ") && said.contains("012345678901"),
        "{said}"
    );
    assert_eq!((world.draft_keys().await.len(), world.main_uploads().await), (2, 1));
}

#[test]
fn owner_that_is_no_account_is_refused() {
    let (output, said) = run(cronjob(&[("EXPECTED_BUCKET_OWNER", "draftstore")]));
    assert_eq!(output.status.code(), Some(64));
    assert!(said.contains("EXPECTED_BUCKET_OWNER"), "{said}");
}
