//! Storage classes, and archives: nothing in one is read before it is restored.

use std::time::Duration;

use aws_sdk_s3::types::{ObjectAttributes, StorageClass};

use crate::harness::{BUCKET, RESTORE_WAIT, TestStore, for_an_hour, rejection};

const DAY: Duration = Duration::from_secs(24 * 3600);

impl TestStore {
    async fn put_in(&self, key: &str, class: StorageClass) {
        let put = self.s3.put_object().bucket(BUCKET).key(key).storage_class(class);
        put.body(b"archived".to_vec().into()).send().await.unwrap();
    }

    /// Returns the status of a restore for these days.
    async fn restore(&self, key: &str, days: i32) -> Result<u16, (u16, String)> {
        // The output of the SDK does not tell 200 from 202, so another request becomes this one before it is signed.
        let put = self.s3.put_object().bucket(BUCKET).key(key).customize();
        let put = put.mutate_request(|request| {
            request.set_method("POST").unwrap();
            request
                .set_uri(format!("{}?restore", request.uri().split('?').next().unwrap()))
                .unwrap();
        });
        let restore = put.presigned(for_an_hour()).await.unwrap();
        let body = format!("<RestoreRequest><Days>{days}</Days></RestoreRequest>");
        let response = self.send(&restore, &[], body).await;
        let status = response.status().as_u16();
        if status < 300 {
            return Ok(status);
        }
        let text = response.text().await.unwrap();
        let code = text
            .split("<Code>")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned();
        Err((status, code))
    }

    async fn restore_header(&self, key: &str) -> Option<String> {
        self.s3
            .head_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap()
            .restore
    }
}

#[tokio::test]
async fn classes_are_kept_returned_and_listed() {
    let store = TestStore::start().await;
    store.put("standard", "x").await;
    store.put_in("ia", StorageClass::StandardIa).await;
    let head = async |key: &str| {
        store
            .s3
            .head_object()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap()
            .storage_class
    };
    assert_eq!(head("standard").await, None);
    assert_eq!(head("ia").await, Some(StorageClass::StandardIa));
    let listed = store.s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    let classes: Vec<_> = listed
        .contents()
        .iter()
        .map(|object| object.storage_class().unwrap().as_str())
        .collect();
    assert_eq!(classes, ["STANDARD_IA", "STANDARD"]);
    let versions = store
        .s3
        .list_object_versions()
        .bucket(BUCKET)
        .prefix("ia")
        .send()
        .await
        .unwrap();
    assert_eq!(versions.versions()[0].storage_class().unwrap().as_str(), "STANDARD_IA");
    let attributes = store.s3.get_object_attributes().bucket(BUCKET).key("ia");
    let attributes = attributes
        .object_attributes(ObjectAttributes::StorageClass)
        .send()
        .await
        .unwrap();
    assert_eq!(attributes.storage_class(), Some(&StorageClass::StandardIa));
    let unknown = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .storage_class("COLD".into())
        .send()
        .await;
    assert_eq!(rejection(unknown), (400, "InvalidStorageClass".into()));

    // A copy has the class of its request, and may be onto itself to change it.
    let copy = store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("ia")
        .copy_source(format!("{BUCKET}/ia"));
    copy.storage_class(StorageClass::GlacierIr).send().await.unwrap();
    assert_eq!(head("ia").await, Some(StorageClass::GlacierIr));
    assert_eq!(store.get("ia").await.unwrap(), "archived");
    let upload = store
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("u")
        .storage_class(StorageClass::OnezoneIa);
    upload.send().await.unwrap();
    let uploads = store.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(uploads.uploads()[0].storage_class(), Some(&StorageClass::OnezoneIa));
}

#[tokio::test]
async fn archived_object_is_read_only_while_it_is_restored() {
    let store = TestStore::start().await;
    for (key, class) in [("glacier", StorageClass::Glacier), ("deep", StorageClass::DeepArchive)] {
        store.put_in(key, class).await;
        let archived = (403, "InvalidObjectState".to_owned());
        let get = || store.s3.get_object().bucket(BUCKET).key(key).send();
        assert_eq!(rejection(get().await), archived);
        let copy = || {
            store
                .s3
                .copy_object()
                .bucket(BUCKET)
                .key("copy")
                .copy_source(format!("{BUCKET}/{key}"))
        };
        assert_eq!(rejection(copy().send().await), archived);
        let upload = store
            .s3
            .create_multipart_upload()
            .bucket(BUCKET)
            .key("copy")
            .send()
            .await
            .unwrap();
        let part = store
            .s3
            .upload_part_copy()
            .bucket(BUCKET)
            .key("copy")
            .upload_id(upload.upload_id().unwrap());
        let part = part.part_number(1).copy_source(format!("{BUCKET}/{key}")).send().await;
        assert_eq!(rejection(part), archived);

        assert_eq!(store.restore(key, 1).await, Ok(202));
        assert_eq!(
            store.restore_header(key).await.as_deref(),
            Some("ongoing-request=\"true\"")
        );
        assert_eq!(
            store.restore(key, 1).await,
            Err((409, "RestoreAlreadyInProgress".into()))
        );
        assert_eq!(rejection(get().await), archived);

        store.advance(RESTORE_WAIT);
        assert!(
            store
                .restore_header(key)
                .await
                .unwrap()
                .starts_with("ongoing-request=\"false\", expiry-date=")
        );
        assert_eq!(
            get().await.unwrap().body.collect().await.unwrap().into_bytes(),
            "archived"
        );
        copy().send().await.unwrap();
        assert_eq!(store.restore(key, 10).await, Ok(200));
        store.advance(3 * DAY);
        get().await.unwrap();
        store.advance(9 * DAY);
        assert_eq!(rejection(get().await), archived);
        assert_eq!(store.restore_header(key).await, None);
        assert_eq!(store.restore(key, 1).await, Ok(202));
    }
}

#[tokio::test]
async fn only_archived_objects_are_restored() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    assert_eq!(store.restore("k", 1).await, Err((403, "InvalidObjectState".into())));
    assert_eq!(store.restore("missing", 1).await, Err((404, "NoSuchKey".into())));
    store.put_in("archived", StorageClass::Glacier).await;
    assert_eq!(store.restore("archived", 0).await, Err((400, "MalformedXML".into())));
    assert_eq!(store.restore_header("archived").await, None);
}

#[tokio::test]
async fn copy_onto_itself_takes_a_restored_object_out_of_the_archive() {
    let store = TestStore::start().await;
    store.put_in("k", StorageClass::Glacier).await;
    store.restore("k", 1).await.unwrap();
    store.advance(RESTORE_WAIT);
    let copy = store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("k")
        .copy_source(format!("{BUCKET}/k"));
    copy.storage_class(StorageClass::Standard).send().await.unwrap();
    store.advance(30 * DAY);
    assert_eq!(store.get("k").await.unwrap(), "archived");
}
