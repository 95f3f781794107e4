//! Tests of `manifest/iam/cronjob.json`, `cronjob-complete.json` and `cronjob-destinations.json` against the requests that the
//! cronjob sends.

use std::collections::BTreeSet;
use std::time::Instant;

use draftstore_storage::{ListUploads, Operation};
use draftstore_testing::TestBuckets;
use draftstore_testing::proxy::{FaultProxy, Request};

use crate::idle::{leave_upload, sweep_until_completed};
use crate::policy::{Policy, Right};
use crate::{SHORT_LIVED, TIMEOUT, cronjob, run, sweep_until_expired, variables};

pub(crate) const POLICY: &str = include_str!("../../../../manifest/iam/cronjob.json");
const COMPLETING: &str = include_str!("../../../../manifest/iam/cronjob-complete.json");
const DESTINATIONS: &str = include_str!("../../../../manifest/iam/cronjob-destinations.json");

/// Returns the rights that AWS requires for a request.
///
/// Sources: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>, and for conditional
/// deletes <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-delete-enforce.html>
pub(crate) fn needed(world: &TestBuckets, request: &Request) -> Vec<Right> {
    let bucket = if request.bucket == *world.draft.name() {
        "main-draft"
    } else if request.bucket == *world.main.name() {
        "main"
    } else {
        "files-archive"
    };
    // The log has no keys of bodies and no sources of copies, so any draft stands for them.
    let key = request.key.as_ref().map_or("any/draft", |key| key.as_str());
    let right = |action: &str, resource: String| Right {
        action: action.to_owned(),
        resource,
    };
    let object = |action| right(action, format!("arn:aws:s3:::{bucket}/{key}"));
    let whole = |action| right(action, format!("arn:aws:s3:::{bucket}"));
    match request.operation {
        // Without ListBucket a missing object is 403 instead of 404.
        Operation::HeadObject | Operation::GetObject => vec![object("s3:GetObject"), whole("s3:ListBucket")],
        Operation::PutObject
        | Operation::CreateMultipartUpload
        | Operation::UploadPart
        | Operation::CompleteMultipartUpload => vec![object("s3:PutObject")],
        Operation::CopyObject | Operation::UploadPartCopy => vec![object("s3:PutObject"), object("s3:GetObject")],
        // A delete with If-Match needs the right to read.
        Operation::DeleteObject | Operation::DeleteObjects => vec![object("s3:DeleteObject"), object("s3:GetObject")],
        Operation::AbortMultipartUpload => vec![object("s3:AbortMultipartUpload")],
        Operation::ListObjectsV2 => vec![whole("s3:ListBucket")],
        Operation::ListMultipartUploads => vec![whole("s3:ListBucketMultipartUploads")],
        Operation::ListParts => vec![object("s3:ListMultipartUploadParts")],
        Operation::GetBucketLifecycleConfiguration => vec![whole("s3:GetLifecycleConfiguration")],
        Operation::GetBucketVersioning => vec![whole("s3:GetBucketVersioning")],
        Operation::GetObjectLockConfiguration => vec![whole("s3:GetBucketObjectLockConfiguration")],
        Operation::GetObjectTagging => vec![object("s3:GetObjectTagging")],
        Operation::HeadBucket
        | Operation::CreateBucket
        | Operation::PutBucketCors
        | Operation::RestoreObject
        | Operation::ListObjectVersions
        | Operation::PutObjectLegalHold
        | Operation::PutBucketLifecycleConfiguration
        | Operation::Presign
        | Operation::Other => panic!("the cronjob must not send {:?}", request.operation),
    }
}

/// Creates everything that a sweep removes, and waits until it has expired: a draft, an upload, and a staged copy with its note,
/// as a crash leaves them.
pub(crate) async fn leave_some_of_all(world: &TestBuckets) {
    world.draft("old", "draft").await;
    world.begin_upload("half").await;
    world
        .draft(".drafts/staging/00000000000000000000000001/large.iso", "note")
        .await;
    world.begin_upload_in(world.main.name(), "large.iso").await;
    sweep_until_expired(world, &["--dry-run"], 3);
}

pub(crate) async fn rights(world: &mut TestBuckets) -> BTreeSet<Right> {
    leave_some_of_all(world).await;
    // An endpoint wants the event of the draft.
    world.draft(".drafts/events/.wanted/draft.expired", "").await;
    let proxy = FaultProxy::start(&world.endpoint);
    world.endpoint = proxy.endpoint();
    let printed = sweep_until_expired(world, &[], 4);
    assert!(printed.contains("store honours every condition"), "{printed}");
    assert!(printed.contains("deleted 4, failed 0"), "{printed}");
    assert_eq!(world.main_uploads().await, 0);
    let counting = [("USAGE_LISTS", "9")];
    let (_, counted) = run(cronjob(&[&variables(world)[..], &counting].concat()));
    assert!(!counted.contains("usage not counted"), "{counted}");
    let requests = proxy.requests();
    requests.iter().flat_map(|request| needed(world, request)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_allows_exactly_the_requests_of_a_sweep() {
    let mut world = TestBuckets::embedded().await;
    let needed_rights = rights(&mut world).await;
    let policy = Policy::read(POLICY);
    for right in &needed_rights {
        assert!(policy.allows(right), "missing: {right:?}");
    }
    for (granted, rest) in policy.without_each() {
        assert!(
            needed_rights.iter().any(|right| !rest.allows(right)),
            "not needed: {granted:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_allows_exactly_the_requests_that_complete_an_upload() {
    let mut world = TestBuckets::embedded().await;
    leave_upload(&world).await;
    let proxy = FaultProxy::start(&world.endpoint);
    world.endpoint = proxy.endpoint();
    sweep_until_completed(&world);
    let requests = proxy.requests();
    let needed_rights: BTreeSet<_> = requests.iter().flat_map(|request| needed(&world, request)).collect();
    let sweep = Policy::read(POLICY);
    let policy = Policy::read(COMPLETING);
    for right in &needed_rights {
        assert!(sweep.clone().and(&policy).allows(right), "missing: {right:?}");
    }
    for (granted, rest) in policy.without_each() {
        let rest = sweep.clone().and(&rest);
        assert!(
            needed_rights.iter().any(|right| !rest.allows(right)),
            "not needed: {granted:?}"
        );
    }
}

/// A crashed server has left a staged copy and a copy of a replaced object there.
#[tokio::test(flavor = "multi_thread")]
async fn iam_policy_allows_exactly_the_requests_in_the_bucket_of_a_destination() {
    let mut world = TestBuckets::embedded().await;
    let bucket = format!("{}-archive", world.main.name());
    let created = world.sdk().create_bucket().bucket(&bucket).send().await;
    created.expect("created");
    let old = ".replaced/a/replaced-ffffffffffff0000000000000001";
    let put = world.sdk().put_object().bucket(&bucket).key(old).send().await;
    put.expect("put");
    let note = format!(".drafts/staging/00000000000000000000000001@{bucket}/large.iso");
    world.draft(&note, "note").await;
    let destination = bucket.parse().expect("a name");
    world.begin_upload_in(&destination, "large.iso").await;
    let proxy = FaultProxy::start(&world.endpoint);
    world.endpoint = proxy.endpoint();
    let settings = [
        ("DESTINATION_BUCKETS", bucket.as_str()),
        ("KEEP_REPLACED", "true"),
        ("REPLACED_LIFETIME", "60"),
    ];
    let begun = Instant::now();
    loop {
        let (output, printed) = run(cronjob(&[&variables(&world)[..], &SHORT_LIVED, &settings].concat()));
        assert!(output.status.success(), "{printed}");
        let left = world.storage.list_uploads(&destination, &ListUploads::default()).await;
        if left.expect("listed").uploads.is_empty() {
            break;
        }
        assert!(begun.elapsed() < TIMEOUT, "{printed}");
    }
    let left = world.sdk().list_objects_v2().bucket(&bucket).send().await;
    assert_eq!(left.expect("listed").key_count(), Some(0));

    let requests = proxy
        .requests()
        .into_iter()
        .filter(|request| request.bucket == destination);
    let needed_rights: BTreeSet<_> = requests.flat_map(|request| needed(&world, &request)).collect();
    let (sweep, policy) = (Policy::read(POLICY), Policy::read(DESTINATIONS));
    for right in &needed_rights {
        assert!(sweep.clone().and(&policy).allows(right), "missing: {right:?}");
    }
    for (granted, rest) in policy.without_each() {
        let rest = sweep.clone().and(&rest);
        assert!(
            needed_rights.iter().any(|right| !rest.allows(right)),
            "not needed: {granted:?}"
        );
    }
}

#[test]
fn iam_policy_denies_writes_and_deletes_in_main_despite_other_policies() {
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
