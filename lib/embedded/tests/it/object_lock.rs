//! Object lock: a locked version is not deleted, whoever asks and in whichever way.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    BucketVersioningStatus, DefaultRetention, Delete, ObjectIdentifier, ObjectLockConfiguration, ObjectLockEnabled,
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
    ObjectLockRule, VersioningConfiguration,
};

use crate::harness::{BUCKET, TestStore, for_an_hour, rejection};

const LOCKED: &str = "locked";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn denied() -> (u16, String) {
    (403, "AccessDenied".into())
}

fn in_future(by: Duration) -> DateTime {
    DateTime::from(SystemTime::now() + by)
}

async fn start() -> TestStore {
    let store = TestStore::start().await;
    let create = store
        .s3
        .create_bucket()
        .bucket(LOCKED)
        .object_lock_enabled_for_bucket(true);
    create.send().await.unwrap();
    store
}

fn retention(mode: ObjectLockRetentionMode, by: Duration) -> ObjectLockRetention {
    ObjectLockRetention::builder()
        .mode(mode)
        .retain_until_date(in_future(by))
        .build()
}

impl TestStore {
    async fn put_locked(&self, key: &str, mode: Option<ObjectLockMode>) -> String {
        let until = mode.as_ref().map(|_| in_future(HOUR));
        let put = self
            .s3
            .put_object()
            .bucket(LOCKED)
            .key(key)
            .body(b"locked".to_vec().into());
        let put = put.set_object_lock_mode(mode).set_object_lock_retain_until_date(until);
        put.send().await.unwrap().version_id.unwrap()
    }

    async fn try_delete(&self, key: &str, id: &str, bypass: bool) -> Result<(), (u16, String)> {
        let delete = self.s3.delete_object().bucket(LOCKED).key(key).version_id(id);
        let delete = delete
            .set_bypass_governance_retention(bypass.then_some(true))
            .send()
            .await;
        if delete.is_ok() { Ok(()) } else { Err(rejection(delete)) }
    }
}

#[tokio::test]
async fn locked_version_outlives_every_delete() {
    let store = start().await;
    let id = store.put_locked("k", Some(ObjectLockMode::Compliance)).await;
    let head = store.s3.head_object().bucket(LOCKED).key("k").send().await.unwrap();
    assert_eq!(head.object_lock_mode(), Some(&ObjectLockMode::Compliance));
    assert!(head.object_lock_retain_until_date().is_some());

    assert_eq!(store.try_delete("k", &id, false).await, Err(denied()));
    assert_eq!(store.try_delete("k", &id, true).await, Err(denied()));
    let object = ObjectIdentifier::builder().key("k").version_id(&id).build().unwrap();
    let delete = Delete::builder().objects(object).build().unwrap();
    let many = store
        .s3
        .delete_objects()
        .bucket(LOCKED)
        .delete(delete)
        .bypass_governance_retention(true);
    assert_eq!(many.send().await.unwrap().errors()[0].code(), Some("AccessDenied"));
    // An overwrite and a delete marker hide it, and remove nothing.
    store.put_locked("k", None).await;
    store.s3.delete_object().bucket(LOCKED).key("k").send().await.unwrap();
    let got = store
        .s3
        .get_object()
        .bucket(LOCKED)
        .key("k")
        .version_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), "locked");

    store.advance(HOUR + Duration::from_secs(1));
    assert_eq!(store.try_delete("k", &id, false).await, Ok(()));
}

#[tokio::test]
async fn governance_is_bypassed_only_by_name() {
    let store = start().await;
    let id = store.put_locked("k", Some(ObjectLockMode::Governance)).await;
    assert_eq!(store.try_delete("k", &id, false).await, Err(denied()));
    let put = |new| store.s3.put_object_retention().bucket(LOCKED).key("k").retention(new);
    let shorter = retention(ObjectLockRetentionMode::Governance, HOUR / 2);
    assert_eq!(rejection(put(shorter.clone()).send().await), denied());
    put(shorter).bypass_governance_retention(true).send().await.unwrap();
    put(retention(ObjectLockRetentionMode::Governance, HOUR))
        .send()
        .await
        .unwrap();
    assert_eq!(store.try_delete("k", &id, true).await, Ok(()));
}

#[tokio::test]
async fn compliance_only_grows() {
    let store = start().await;
    let id = store.put_locked("k", Some(ObjectLockMode::Compliance)).await;
    let put = |new: ObjectLockRetention| {
        let put = store.s3.put_object_retention().bucket(LOCKED).key("k").version_id(&id);
        put.retention(new).bypass_governance_retention(true).send()
    };
    for weaker in [
        retention(ObjectLockRetentionMode::Compliance, HOUR / 2),
        retention(ObjectLockRetentionMode::Governance, 2 * HOUR),
        ObjectLockRetention::builder().build(),
    ] {
        assert_eq!(rejection(put(weaker).await), denied());
    }
    put(retention(ObjectLockRetentionMode::Compliance, 2 * HOUR))
        .await
        .unwrap();
    store.advance(HOUR + HOUR / 2);
    assert_eq!(store.try_delete("k", &id, false).await, Err(denied()));
    let past = put(retention(ObjectLockRetentionMode::Compliance, HOUR)).await;
    assert_eq!(rejection(past), (400, "InvalidArgument".into()));
}

#[tokio::test]
async fn legal_hold_has_no_end_and_no_bypass() {
    let store = start().await;
    let id = store.put_locked("k", None).await;
    let get = || store.s3.get_object_legal_hold().bucket(LOCKED).key("k").send();
    let none = (404, "NoSuchObjectLockConfiguration".to_owned());
    assert_eq!(rejection(get().await), none);
    assert_eq!(
        rejection(store.s3.get_object_retention().bucket(LOCKED).key("k").send().await),
        none
    );
    let put = |status: ObjectLockLegalHoldStatus| {
        let hold = ObjectLockLegalHold::builder().status(status).build();
        store
            .s3
            .put_object_legal_hold()
            .bucket(LOCKED)
            .key("k")
            .legal_hold(hold)
            .send()
    };
    put(ObjectLockLegalHoldStatus::On).await.unwrap();
    store.advance(1000 * DAY);
    assert_eq!(store.try_delete("k", &id, true).await, Err(denied()));
    put(ObjectLockLegalHoldStatus::Off).await.unwrap();
    let hold = get().await.unwrap().legal_hold.unwrap();
    assert_eq!(hold.status(), Some(&ObjectLockLegalHoldStatus::Off));
    assert_eq!(rejection(put("MAYBE".into()).await), (400, "MalformedXML".into()));
    assert_eq!(store.try_delete("k", &id, false).await, Ok(()));
}

#[tokio::test]
async fn default_retention_is_that_of_new_objects_without_one() {
    let store = start().await;
    let before = store.put_locked("before", None).await;
    let configure = |retention: DefaultRetention| {
        let rule = ObjectLockRule::builder().default_retention(retention).build();
        let config = ObjectLockConfiguration::builder()
            .object_lock_enabled(ObjectLockEnabled::Enabled)
            .rule(rule);
        store
            .s3
            .put_object_lock_configuration()
            .bucket(LOCKED)
            .object_lock_configuration(config.build())
            .send()
    };
    let of = |mode| DefaultRetention::builder().mode(mode);
    configure(of(ObjectLockRetentionMode::Governance).days(2).build())
        .await
        .unwrap();
    let get = store
        .s3
        .get_object_lock_configuration()
        .bucket(LOCKED)
        .send()
        .await
        .unwrap();
    let rule = get
        .object_lock_configuration()
        .unwrap()
        .rule()
        .unwrap()
        .default_retention()
        .unwrap();
    assert_eq!((rule.days(), rule.years()), (Some(2), None));

    let put = store.put_locked("put", None).await;
    let copied = store
        .s3
        .copy_object()
        .bucket(LOCKED)
        .key("copied")
        .copy_source(format!("{LOCKED}/before"));
    let copied = copied.send().await.unwrap().version_id.unwrap();
    let upload = store
        .s3
        .create_multipart_upload()
        .bucket(LOCKED)
        .key("parts")
        .send()
        .await
        .unwrap();
    let upload = upload.upload_id.unwrap();
    let part = store
        .s3
        .upload_part()
        .bucket(LOCKED)
        .key("parts")
        .upload_id(&upload)
        .part_number(1);
    let part = part.send().await.unwrap();
    let part = aws_sdk_s3::types::CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.e_tag)
        .build();
    let parts = aws_sdk_s3::types::CompletedMultipartUpload::builder()
        .parts(part)
        .build();
    let complete = store
        .s3
        .complete_multipart_upload()
        .bucket(LOCKED)
        .key("parts")
        .upload_id(&upload);
    let parts = complete
        .multipart_upload(parts)
        .send()
        .await
        .unwrap()
        .version_id
        .unwrap();
    for (key, id) in [("put", &put), ("copied", &copied), ("parts", &parts)] {
        assert_eq!(store.try_delete(key, id, false).await, Err(denied()), "{key}");
    }
    assert_eq!(store.try_delete("before", &before, false).await, Ok(()));
    store.advance(2 * DAY + HOUR);
    for (key, id) in [("put", &put), ("copied", &copied), ("parts", &parts)] {
        assert_eq!(store.try_delete(key, id, false).await, Ok(()), "{key}");
    }

    let period = (400, "InvalidRetentionPeriod".to_owned());
    assert_eq!(
        rejection(configure(of(ObjectLockRetentionMode::Governance).days(0).build()).await),
        period
    );
    let malformed = (400, "MalformedXML".to_owned());
    let both = of(ObjectLockRetentionMode::Governance).days(1).years(1).build();
    assert_eq!(rejection(configure(both).await), malformed);
    assert_eq!(
        rejection(configure(of("other".into()).days(1).build()).await),
        malformed
    );
}

#[tokio::test]
async fn bucket_without_object_lock_refuses_locks() {
    let store = TestStore::start().await;
    let refused = (400, "InvalidRequest".to_owned());
    let put = || store.s3.put_object().bucket(BUCKET).key("k");
    assert_eq!(
        rejection(
            put()
                .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On)
                .send()
                .await
        ),
        refused
    );
    let half = put().object_lock_mode(ObjectLockMode::Governance).send().await;
    assert_eq!(rejection(half), (400, "InvalidArgument".into()));
    let create = store.s3.create_multipart_upload().bucket(BUCKET).key("k");
    let create = create
        .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On)
        .send()
        .await;
    assert_eq!(rejection(create), refused);
    store.put("k", "x").await;
    let retain = store.s3.put_object_retention().bucket(BUCKET).key("k");
    let retain = retain
        .retention(retention(ObjectLockRetentionMode::Governance, HOUR))
        .send()
        .await;
    assert_eq!(rejection(retain), refused);
    let get = store.s3.get_object_lock_configuration().bucket(BUCKET).send().await;
    assert_eq!(rejection(get), (404, "ObjectLockConfigurationNotFoundError".into()));

    // Object lock needs versions, and then keeps them enabled.
    let config = ObjectLockConfiguration::builder()
        .object_lock_enabled(ObjectLockEnabled::Enabled)
        .build();
    let enable = || {
        let enable = store.s3.put_object_lock_configuration().bucket(BUCKET);
        enable.object_lock_configuration(config.clone()).send()
    };
    let state = (409, "InvalidBucketState".to_owned());
    assert_eq!(rejection(enable().await), state);
    store.set_versioning(BucketVersioningStatus::Enabled).await;
    enable().await.unwrap();
    let suspended = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Suspended)
        .build();
    let suspend = store
        .s3
        .put_bucket_versioning()
        .bucket(BUCKET)
        .versioning_configuration(suspended);
    assert_eq!(rejection(suspend.send().await), state);
    put()
        .object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn signed_locks_are_kept_and_unsigned_ones_refused() {
    let store = start().await;
    let put = store
        .s3
        .put_object()
        .bucket(LOCKED)
        .key("k")
        .object_lock_mode(ObjectLockMode::Governance);
    let put = put
        .object_lock_retain_until_date(in_future(HOUR))
        .presigned(for_an_hour())
        .await
        .unwrap();
    let response = store.send(&put, &[], "x").await;
    assert_eq!(response.status(), 200);
    let id = response.headers()["x-amz-version-id"].to_str().unwrap().to_owned();
    assert_eq!(store.try_delete("k", &id, false).await, Err(denied()));
    let plain = store
        .s3
        .put_object()
        .bucket(LOCKED)
        .key("other")
        .presigned(for_an_hour())
        .await
        .unwrap();
    let response = store.send(&plain, &[("x-amz-object-lock-legal-hold", "ON")], "x").await;
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn copy_does_not_take_the_locks_of_its_source() {
    let store = start().await;
    store.put_locked("source", Some(ObjectLockMode::Compliance)).await;
    let copy = |key: &str| {
        store
            .s3
            .copy_object()
            .bucket(LOCKED)
            .key(key)
            .copy_source(format!("{LOCKED}/source"))
    };
    let free = copy("free").send().await.unwrap().version_id.unwrap();
    assert_eq!(store.try_delete("free", &free, false).await, Ok(()));
    let held = copy("held").object_lock_legal_hold_status(ObjectLockLegalHoldStatus::On);
    let held = held.send().await.unwrap().version_id.unwrap();
    assert_eq!(store.try_delete("held", &held, true).await, Err(denied()));
}
