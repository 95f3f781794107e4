//! `manifest/iam/cronjob.json`, held against what the cronjob asks of its store.

use std::collections::BTreeSet;

use draftstore_storage::Operation;
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::{FaultProxy, Request};

use crate::policy::{Policy, Right};
use crate::sweep_until_expired;

const POLICY: &str = include_str!("../../../../manifest/iam/cronjob.json");

/// What AWS wants a caller to be allowed for a call.
///
/// Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>, and of deletes
/// under a condition <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html>
fn needed(world: &TestBuckets, request: &Request) -> Vec<Right> {
    let bucket = if request.bucket == *world.draft.name() {
        "main-draft"
    } else {
        "main"
    };
    // Keys in a body, and sources of copies, are not in the log: any draft will do.
    let key = request.key.as_ref().map_or("any/draft", |key| key.as_str());
    let right = |action: &str, resource: String| Right {
        action: action.to_owned(),
        resource,
    };
    let object = |action| right(action, format!("arn:aws:s3:::{bucket}/{key}"));
    let whole = |action| right(action, format!("arn:aws:s3:::{bucket}"));
    match request.operation {
        // What is not there is said to be forbidden to those who may not list.
        Operation::HeadObject | Operation::GetObject => vec![object("s3:GetObject"), whole("s3:ListBucket")],
        Operation::PutObject
        | Operation::CreateMultipartUpload
        | Operation::UploadPart
        | Operation::CompleteMultipartUpload => vec![object("s3:PutObject")],
        Operation::CopyObject | Operation::UploadPartCopy => vec![object("s3:PutObject"), object("s3:GetObject")],
        // By its ETag only what can be read is deleted.
        Operation::DeleteObject | Operation::DeleteObjects => vec![object("s3:DeleteObject"), object("s3:GetObject")],
        Operation::AbortMultipartUpload => vec![object("s3:AbortMultipartUpload")],
        Operation::ListObjects => vec![whole("s3:ListBucket")],
        Operation::ListMultipartUploads => vec![whole("s3:ListBucketMultipartUploads")],
        Operation::ListParts
        | Operation::HeadBucket
        | Operation::CreateBucket
        | Operation::PutBucketCors
        | Operation::GetBucketLifecycle
        | Operation::PutBucketLifecycle
        | Operation::Presign => panic!("the cronjob does not ask for {:?}", request.operation),
    }
}

/// Has all expire that a sweep removes: a draft, an upload, and the note on a staged copy, which a crash has left with it.
pub(crate) async fn leave_some_of_all(world: &TestBuckets) {
    world.draft("old", "draft").await;
    world.begin_upload("half").await;
    world
        .draft(".drafts/staging/00000000000000000000000001/large.iso", "note")
        .await;
    world.begin_upload_in(world.main.name(), "large.iso").await;
    sweep_until_expired(world, &["--dry-run"], 3);
}

async fn run(world: &mut TestBuckets) -> BTreeSet<Right> {
    leave_some_of_all(world).await;
    let proxy = FaultProxy::start(&world.endpoint);
    world.endpoint = proxy.endpoint();
    let said = sweep_until_expired(world, &[], 4);
    assert!(said.contains("store honours every condition"), "{said}");
    assert!(said.contains("deleted 4, failed 0"), "{said}");
    assert_eq!(world.main_uploads().await, 0);
    let requests = proxy.requests();
    requests.iter().flat_map(|request| needed(world, request)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_allows_what_a_sweep_asks_and_nothing_else() {
    let mut world = TestBuckets::embedded().await;
    let asked = run(&mut world).await;
    let policy = Policy::read(POLICY);
    for right in &asked {
        assert!(policy.allows(right), "missing: {right:?}");
    }
    for (granted, rest) in policy.without_each() {
        assert!(asked.iter().any(|right| !rest.allows(right)), "not needed: {granted:?}");
    }
}

#[test]
fn policy_lets_nobody_write_or_delete_in_main_whatever_else_does() {
    let all = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;
    let policy = Policy::read(POLICY).and(&Policy::read(all));
    let may = |action: &str, bucket: &str| {
        policy.allows(&Right {
            action: action.to_owned(),
            resource: format!("arn:aws:s3:::{bucket}/a/b"),
        })
    };
    for action in [
        "s3:PutObject",
        "s3:PutObjectAcl",
        "s3:PutObjectTagging",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:DeleteObjectTagging",
    ] {
        assert!(!may(action, "main"), "{action}");
        assert!(may(action, "main-draft"), "{action}");
    }
    assert!(may("s3:AbortMultipartUpload", "main"));
}
