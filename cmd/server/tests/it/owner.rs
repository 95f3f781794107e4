//! Tests of `EXPECTED_BUCKET_OWNER` in all requests of the server.

use draftstore_storage::Operation;
use draftstore_testing::Embedded;
use draftstore_testing::http_client;
use draftstore_testing::proxy::FaultProxy;
use serde_json::json;

use crate::front::Front;
use crate::iam::{all_calls, call, server};
use crate::server::command;

/// The account that owns the buckets of the embedded store.
const ACCOUNT: &str = "000000000000";

#[tokio::test(flavor = "multi_thread")]
async fn every_request_has_the_expected_bucket_owner_and_no_url_does() {
    for expected in [None, Some(ACCOUNT)] {
        let store = Embedded::start().await;
        let (calls, urls) = (
            FaultProxy::start(&store.endpoint()),
            FaultProxy::start(&store.endpoint()),
        );
        let owner: Vec<_> = expected
            .map(|owner| ("EXPECTED_BUCKET_OWNER", owner))
            .into_iter()
            .collect();
        let setup = server(&calls.endpoint(), &urls.endpoint(), &owner);
        call(&setup, "draft-bucket", json!({})).await;
        drop(setup);
        let server = server(&calls.endpoint(), &urls.endpoint(), &owner);
        all_calls(&server).await;

        let (calls, urls) = (calls.requests(), urls.requests());
        assert!(calls.len() > urls.len() && !urls.is_empty());
        for request in calls {
            let copies = matches!(request.operation, Operation::CopyObject | Operation::UploadPartCopy);
            // A bucket that does not exist has no owner.
            let owner = expected.filter(|_| request.operation != Operation::CreateBucket);
            assert_eq!(request.expected_owner.as_deref(), owner, "{request:?}");
            let source = expected.filter(|_| copies);
            assert_eq!(request.expected_source_owner.as_deref(), source, "{request:?}");
        }
        for request in urls {
            assert_eq!(request.expected_owner, None, "{request:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_another_owner_are_logged_and_not_ready() {
    let store = Embedded::start().await;
    let made = server(&store.endpoint(), &store.endpoint(), &[]);
    call(&made, "draft-bucket", json!({})).await;
    let other = [("EXPECTED_BUCKET_OWNER", "012345678901")];
    let server = server(&store.endpoint(), &store.endpoint(), &other);
    let ready = http_client()
        .get(format!("http://{}/health/ready", server.http))
        .send()
        .await;
    assert_eq!(ready.expect("an answer").status(), 503);
    let refused = Front::Rest.call(&server, "list-drafts", json!({})).await;
    refused.expect_err("the buckets are another's");
    let (_, log) = server.stop();
    let told = |line: &&str| line.contains("bucket owner may differ") && line.contains("012345678901");
    assert!(log.lines().any(|line| told(&line)), "{log}");
}

#[test]
fn owner_must_be_an_account_id() {
    let ended = command()
        .env("EXPECTED_BUCKET_OWNER", "draftstore")
        .output()
        .expect("runs");
    assert_eq!(ended.status.code(), Some(64));
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    assert!(said.contains("EXPECTED_BUCKET_OWNER"), "{said}");
}
