//! Lifecycle rules: what is due goes, and nothing else.

use std::time::Duration;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration,
    NoncurrentVersionTransition, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHoldStatus, StorageClass,
    Tag, Transition, TransitionStorageClass,
};

use crate::harness::{BUCKET, TestStore, blob_files, noise, rejection};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn rule(prefix: &str) -> aws_sdk_s3::types::builders::LifecycleRuleBuilder {
    let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
    LifecycleRule::builder()
        .status(ExpirationStatus::Enabled)
        .filter(filter)
}

fn after(days: i32) -> LifecycleExpiration {
    LifecycleExpiration::builder().days(days).build()
}

impl TestStore {
    async fn try_rules(&self, rules: Vec<LifecycleRule>) -> Result<(), (u16, String)> {
        let config = BucketLifecycleConfiguration::builder()
            .set_rules(Some(rules))
            .build()
            .unwrap();
        let put = self.s3.put_bucket_lifecycle_configuration().bucket(BUCKET);
        let put = put.lifecycle_configuration(config).send().await;
        if put.is_ok() { Ok(()) } else { Err(rejection(put)) }
    }

    async fn set_rule(&self, rule: aws_sdk_s3::types::builders::LifecycleRuleBuilder) {
        self.try_rules(vec![rule.build().unwrap()]).await.unwrap();
    }

    /// Sets the clock forward, and carries out what is due then.
    async fn pass(&self, days: u32) {
        self.advance(days * DAY);
        self.apply_lifecycle().await;
    }

    async fn keys(&self) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        listed
            .contents()
            .iter()
            .map(|object| object.key().unwrap().to_owned())
            .collect()
    }

    async fn classes(&self) -> Vec<String> {
        let listed = self.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
        let class = |object: &aws_sdk_s3::types::Object| object.storage_class().unwrap().as_str().to_owned();
        listed.contents().iter().map(class).collect()
    }

    async fn version_ids(&self, key: &str) -> Vec<String> {
        let listed = self
            .s3
            .list_object_versions()
            .bucket(BUCKET)
            .prefix(key)
            .send()
            .await
            .unwrap();
        listed
            .versions()
            .iter()
            .map(|version| version.version_id().unwrap().to_owned())
            .collect()
    }

    async fn delete_markers(&self) -> usize {
        let listed = self.s3.list_object_versions().bucket(BUCKET).send().await.unwrap();
        listed.delete_markers().len()
    }
}

#[tokio::test]
async fn objects_expire_by_prefix_when_their_days_are_over() {
    let store = TestStore::start().await;
    for key in ["a/1", "a/2", "b/1"] {
        store.put(key, noise(1, 20_000)).await;
    }
    store.set_rule(rule("a/").expiration(after(3))).await;
    store.pass(2).await;
    assert_eq!(store.keys().await.len(), 3);
    store.put("a/2", "newer").await;
    store.pass(2).await;
    assert_eq!(store.keys().await, ["a/2", "b/1"]);
    store.pass(2).await;
    assert_eq!(store.keys().await, ["b/1"]);
    assert_eq!(blob_files(store.stop().await.path()).len(), 1);
}

#[tokio::test]
async fn rule_that_is_disabled_or_deleted_does_nothing() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    store
        .set_rule(rule("").expiration(after(1)).status(ExpirationStatus::Disabled))
        .await;
    store.pass(9).await;
    store.set_rule(rule("").expiration(after(1))).await;
    store.s3.delete_bucket_lifecycle().bucket(BUCKET).send().await.unwrap();
    let get = store
        .s3
        .get_bucket_lifecycle_configuration()
        .bucket(BUCKET)
        .send()
        .await;
    assert_eq!(rejection(get), (404, "NoSuchLifecycleConfiguration".into()));
    store.pass(9).await;
    assert_eq!(store.keys().await, ["k"]);
}

#[tokio::test]
async fn rules_select_by_tags_and_sizes() {
    let store = TestStore::start().await;
    let put = async |key: &str, size: usize, tagging: &str| {
        let put = store.s3.put_object().bucket(BUCKET).key(key).tagging(tagging);
        put.body(vec![0; size].into()).send().await.unwrap();
    };
    put("both", 100, "a=1&b=2").await;
    put("tag", 100, "a=1").await;
    put("large", 300, "a=1&b=2").await;
    put("other", 100, "a=2&b=2").await;
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().unwrap();
    let and = LifecycleRuleAndOperator::builder()
        .tags(tag("a", "1"))
        .tags(tag("b", "2"))
        .object_size_less_than(200);
    let filter = LifecycleRuleFilter::builder().and(and.build()).build();
    store.set_rule(rule("").filter(filter).expiration(after(1))).await;
    store.pass(2).await;
    assert_eq!(store.keys().await, ["large", "other", "tag"]);
    let filter = LifecycleRuleFilter::builder().object_size_greater_than(299).build();
    store.set_rule(rule("").filter(filter).expiration(after(1))).await;
    store.pass(0).await;
    assert_eq!(store.keys().await, ["other", "tag"]);
    let filter = LifecycleRuleFilter::builder().tag(tag("a", "2")).build();
    store.set_rule(rule("").filter(filter).expiration(after(1))).await;
    store.pass(0).await;
    assert_eq!(store.keys().await, ["tag"]);
}

#[tokio::test]
async fn date_expires_everything_before_and_after() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let midnight = |day: i64| DateTime::from_secs(day * 24 * 3600);
    let by = |date| LifecycleExpiration::builder().date(date).build();
    store.set_rule(rule("").expiration(by(midnight(40_000)))).await;
    store.pass(0).await;
    assert_eq!(store.keys().await, ["k"]);
    store.set_rule(rule("").expiration(by(midnight(10_000)))).await;
    store.pass(0).await;
    assert!(store.keys().await.is_empty());
    let noon = rule("").expiration(by(DateTime::from_secs(3600))).build().unwrap();
    assert_eq!(store.try_rules(vec![noon]).await, Err((400, "InvalidArgument".into())));
}

#[tokio::test]
async fn expired_object_of_a_versioned_bucket_comes_back() {
    let store = TestStore::start_versioned().await;
    let id = store.put_version("k", "x").await;
    store.set_rule(rule("").expiration(after(1))).await;
    store.pass(2).await;
    assert!(store.keys().await.is_empty());
    assert_eq!(
        (store.version_ids("k").await, store.delete_markers().await),
        (vec![id], 1)
    );
    // A second pass adds no second marker.
    store.pass(2).await;
    assert_eq!(store.delete_markers().await, 1);
}

#[tokio::test]
async fn noncurrent_versions_expire_since_they_were_replaced() {
    let store = TestStore::start_versioned().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.insert(0, store.put_version("k", &n.to_string()).await);
    }
    let expiration = NoncurrentVersionExpiration::builder()
        .noncurrent_days(2)
        .newer_noncurrent_versions(1)
        .build();
    store.set_rule(rule("").noncurrent_version_expiration(expiration)).await;
    store.pass(1).await;
    assert_eq!(store.version_ids("k").await, ids);
    store.pass(2).await;
    assert_eq!(store.version_ids("k").await, ids[..2]);
    let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(2).build();
    store.set_rule(rule("").noncurrent_version_expiration(expiration)).await;
    store.pass(0).await;
    assert_eq!(store.version_ids("k").await, ids[..1]);
    assert_eq!(store.get("k").await.unwrap(), "4");
}

#[tokio::test]
async fn lone_delete_markers_are_removed() {
    let store = TestStore::start_versioned().await;
    let id = store.put_version("with-version", "x").await;
    for key in ["with-version", "alone"] {
        store.delete(key).await;
    }
    let markers = LifecycleExpiration::builder()
        .expired_object_delete_marker(true)
        .build();
    store.set_rule(rule("").expiration(markers)).await;
    store.pass(0).await;
    assert_eq!(store.delete_markers().await, 1);
    store.delete_version("with-version", &id).await;
    store.pass(0).await;
    assert_eq!(store.delete_markers().await, 0);
}

#[tokio::test]
async fn objects_move_to_colder_classes_and_never_back() {
    let store = TestStore::start_versioned().await;
    store.put_version("a", "x").await;
    store.put_version("b", "old").await;
    store.put_version("b", "new").await;
    let to = |days, class| Transition::builder().days(days).storage_class(class).build();
    let noncurrent = NoncurrentVersionTransition::builder().noncurrent_days(1);
    let noncurrent = noncurrent.storage_class(TransitionStorageClass::DeepArchive).build();
    let transitions = rule("")
        .transitions(to(30, TransitionStorageClass::StandardIa))
        .transitions(to(60, TransitionStorageClass::Glacier))
        .noncurrent_version_transitions(noncurrent);
    store.set_rule(transitions).await;
    store.pass(10).await;
    assert_eq!(store.classes().await, ["STANDARD", "STANDARD"]);
    let listed = store
        .s3
        .list_object_versions()
        .bucket(BUCKET)
        .prefix("b")
        .send()
        .await
        .unwrap();
    assert_eq!(listed.versions()[1].storage_class().unwrap().as_str(), "DEEP_ARCHIVE");
    store.pass(25).await;
    assert_eq!(store.classes().await, ["STANDARD_IA", "STANDARD_IA"]);
    store.pass(30).await;
    assert_eq!(store.classes().await, ["GLACIER", "GLACIER"]);
    assert_eq!(
        rejection(store.s3.get_object().bucket(BUCKET).key("a").send().await).0,
        403
    );
    store
        .set_rule(rule("").transitions(to(1, TransitionStorageClass::StandardIa)))
        .await;
    store.pass(1).await;
    assert_eq!(store.classes().await, ["GLACIER", "GLACIER"]);
}

#[tokio::test]
async fn old_uploads_are_aborted_with_their_parts() {
    let store = TestStore::start().await;
    for key in ["a/1", "b/1"] {
        let upload = store
            .s3
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        let part = store
            .s3
            .upload_part()
            .bucket(BUCKET)
            .key(key)
            .upload_id(upload.upload_id().unwrap());
        part.part_number(1).body(noise(1, 20_000).into()).send().await.unwrap();
    }
    let abort = AbortIncompleteMultipartUpload::builder()
        .days_after_initiation(7)
        .build();
    store
        .set_rule(rule("a/").abort_incomplete_multipart_upload(abort))
        .await;
    let uploads = async || {
        let listed = store.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
        listed
            .uploads()
            .iter()
            .map(|upload| upload.key().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    store.pass(6).await;
    assert_eq!(uploads().await, ["a/1", "b/1"]);
    store.pass(2).await;
    assert_eq!(uploads().await, ["b/1"]);
    assert_eq!(blob_files(store.stop().await.path()).len(), 1);
}

#[tokio::test]
async fn locked_versions_stay() {
    let store = TestStore::start_versioned().await;
    let config = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .build();
    let enable = store
        .s3
        .put_object_lock_configuration()
        .bucket(BUCKET)
        .object_lock_configuration(config);
    enable.send().await.unwrap();
    let held = store.s3.put_object().bucket(BUCKET).key("k");
    let held = held
        .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On)
        .send()
        .await
        .unwrap();
    let held = held.version_id.unwrap();
    store.put_version("k", "free").await;
    let newest = store.put_version("k", "newest").await;
    let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(1).build();
    store.set_rule(rule("").noncurrent_version_expiration(expiration)).await;
    store.pass(2).await;
    assert_eq!(store.version_ids("k").await, [newest, held]);
}

#[tokio::test]
async fn many_keys_and_versions_are_handled_in_pages() {
    let store = TestStore::start_versioned().await;
    let put = |key: String| store.s3.put_object().bucket(BUCKET).key(key).send();
    // More than a page of keys, and one key with more versions than a group.
    futures::future::join_all((0..1100).map(|n| put(format!("k/{n:04}")))).await;
    for _ in 0..250 {
        put("many".into()).await.unwrap();
    }
    let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(1).build();
    store
        .set_rule(rule("").expiration(after(1)).noncurrent_version_expiration(expiration))
        .await;
    store.pass(2).await;
    assert!(store.keys().await.is_empty());
    assert_eq!(store.version_ids("many").await.len(), 1);
    // A day later the versions are gone that the first pass made noncurrent, and then their delete markers.
    store.pass(2).await;
    store.pass(2).await;
    assert!(store.version_ids("").await.is_empty());
    assert_eq!(store.delete_markers().await, 0);
}

#[tokio::test]
async fn rules_are_carried_out_when_the_store_starts() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let expiration = LifecycleExpiration::builder().date(DateTime::from_secs(0)).build();
    store.set_rule(rule("").expiration(expiration)).await;
    let store = TestStore::start_in(store.stop().await).await;
    while !store.keys().await.is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn configuration_is_returned_as_it_was_given() {
    let store = TestStore::start().await;
    let tag = Tag::builder().key("a&b").value("<é>").build().unwrap();
    let filter = LifecycleRuleFilter::builder().tag(tag).build();
    let given = [
        rule("a/").id("first").expiration(after(3)).build().unwrap(),
        rule("")
            .filter(filter)
            .id("second")
            .expiration(after(4))
            .build()
            .unwrap(),
    ];
    store.try_rules(given.to_vec()).await.unwrap();
    store.set_versioning(BucketVersioningStatus::Enabled).await;
    let store = TestStore::start_in(store.stop().await).await;
    let got = store
        .s3
        .get_bucket_lifecycle_configuration()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(got.rules(), given);
    store.set_rule(rule("").expiration(after(1))).await;
    let got = store
        .s3
        .get_bucket_lifecycle_configuration()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert!(got.rules()[0].id().is_some_and(|id| !id.is_empty()));
}

#[tokio::test]
async fn rules_that_mean_nothing_are_refused() {
    let store = TestStore::start().await;
    let invalid = Err((400, "InvalidArgument".to_owned()));
    let malformed = Err((400, "MalformedXML".to_owned()));
    let build = |rule: aws_sdk_s3::types::builders::LifecycleRuleBuilder| vec![rule.build().unwrap()];
    let tag = Tag::builder().key("a").value("1").build().unwrap();
    let by_tag = LifecycleRuleFilter::builder().tag(tag).build();
    let abort = AbortIncompleteMultipartUpload::builder()
        .days_after_initiation(1)
        .build();
    let to = |class| Transition::builder().days(1).storage_class(class).build();
    for (rules, expected) in [
        (build(rule("")), &invalid),
        (build(rule("").expiration(after(0))), &invalid),
        (
            build(rule("").expiration(LifecycleExpiration::builder().build())),
            &malformed,
        ),
        (build(rule("").expiration(after(1)).status("On".into())), &malformed),
        (build(rule("").expiration(after(1)).id("i".repeat(256))), &invalid),
        (
            [
                build(rule("").id("i").expiration(after(1))),
                build(rule("x").id("i").expiration(after(1))),
            ]
            .concat(),
            &invalid,
        ),
        (
            build(rule("").filter(by_tag).abort_incomplete_multipart_upload(abort)),
            &invalid,
        ),
        (
            build(rule("").transitions(to(TransitionStorageClass::from("WARM")))),
            &malformed,
        ),
        (
            build(rule("").transitions(to(TransitionStorageClass::from(StorageClass::Standard.as_str())))),
            &malformed,
        ),
    ] {
        assert_eq!(store.try_rules(rules.clone()).await, *expected, "{rules:?}");
    }
    let get = store
        .s3
        .get_bucket_lifecycle_configuration()
        .bucket(BUCKET)
        .send()
        .await;
    assert_eq!(rejection(get), (404, "NoSuchLifecycleConfiguration".into()));
}
