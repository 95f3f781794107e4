//! Reads of properties: what is true of a store without versions, tags, rules and further owners.

use aws_sdk_s3::types::ObjectAttributes;

use crate::harness::{BUCKET, MIB, TestStore, noise, rejection};

#[tokio::test]
async fn object_has_no_tags_and_one_owner() {
    let store = TestStore::start().await;
    store.put("k", "x").await;
    let s3 = &store.s3;
    let tags = s3.get_object_tagging().bucket(BUCKET).key("k").send().await.unwrap();
    assert!(tags.tag_set().is_empty());
    let acl = s3.get_object_acl().bucket(BUCKET).key("k").send().await.unwrap();
    let grant = &acl.grants()[0];
    assert_eq!(grant.permission().unwrap().as_str(), "FULL_CONTROL");
    assert_eq!(grant.grantee().unwrap().id(), acl.owner().unwrap().id());
    let missing = (404, "NoSuchKey".to_owned());
    assert_eq!(
        rejection(s3.get_object_tagging().bucket(BUCKET).key("no").send().await),
        missing
    );
    assert_eq!(
        rejection(s3.get_object_acl().bucket(BUCKET).key("no").send().await),
        missing
    );
}

#[tokio::test]
async fn bucket_has_no_versions_tags_policy_and_rules() {
    let store = TestStore::start().await;
    let s3 = &store.s3;
    let versioning = s3.get_bucket_versioning().bucket(BUCKET).send().await.unwrap();
    assert_eq!(versioning.status(), None);
    let acl = s3.get_bucket_acl().bucket(BUCKET).send().await.unwrap();
    assert_eq!(acl.grants().len(), 1);
    let code = |code: &str| (404, code.to_owned());
    assert_eq!(
        rejection(s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await),
        code("NoSuchLifecycleConfiguration")
    );
    assert_eq!(
        rejection(s3.get_bucket_policy().bucket(BUCKET).send().await),
        code("NoSuchBucketPolicy")
    );
    assert_eq!(
        rejection(s3.get_bucket_tagging().bucket(BUCKET).send().await),
        code("NoSuchTagSet")
    );
    let missing = code("NoSuchBucket");
    assert_eq!(
        rejection(s3.get_bucket_versioning().bucket("missing").send().await),
        missing
    );
    assert_eq!(
        rejection(s3.get_bucket_policy().bucket("missing").send().await),
        missing
    );
}

#[tokio::test]
async fn every_object_is_its_only_version() {
    let store = TestStore::start().await;
    for key in ["a", "b/1", "b/2", "c"] {
        store.put(key, key.to_owned()).await;
    }
    let list = || {
        store
            .s3
            .list_object_versions()
            .bucket(BUCKET)
            .delimiter("/")
            .max_keys(2)
    };
    let first = list().send().await.unwrap();
    let keys = |versions: &[aws_sdk_s3::types::ObjectVersion]| {
        let versions = versions.iter().map(|version| {
            assert_eq!((version.version_id(), version.is_latest()), (Some("null"), Some(true)));
            version.key().unwrap().to_owned()
        });
        versions.collect::<Vec<_>>()
    };
    assert_eq!(keys(first.versions()), ["a"]);
    assert_eq!(first.common_prefixes()[0].prefix(), Some("b/"));
    assert_eq!(first.is_truncated(), Some(true));
    let second = list()
        .set_key_marker(first.next_key_marker)
        .set_version_id_marker(first.next_version_id_marker);
    let second = second.send().await.unwrap();
    assert_eq!(
        (keys(second.versions()), second.is_truncated()),
        (vec!["c".to_owned()], Some(false))
    );
}

#[tokio::test]
async fn attributes_and_parts_are_those_of_the_object() {
    let store = TestStore::start().await;
    let s3 = &store.s3;
    let upload = s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id.unwrap();
    let mut parts = aws_sdk_s3::types::CompletedMultipartUpload::builder();
    for (number, bytes) in [(1, noise(1, 5 * MIB)), (2, noise(2, 10))] {
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .part_number(number);
        let part = part.body(bytes.into()).send().await.unwrap();
        let part = aws_sdk_s3::types::CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag);
        parts = parts.parts(part.build());
    }
    let complete = s3.complete_multipart_upload().bucket(BUCKET).key("k").upload_id(&id);
    let etag = complete
        .multipart_upload(parts.build())
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();

    let attributes = |max_parts| {
        let get = s3.get_object_attributes().bucket(BUCKET).key("k").max_parts(max_parts);
        let get = get.object_attributes(ObjectAttributes::Etag);
        let get = get.object_attributes(ObjectAttributes::ObjectParts);
        get.object_attributes(ObjectAttributes::ObjectSize).send()
    };
    let all = attributes(1000).await.unwrap();
    // S3 quotes it in every other response.
    assert_eq!(all.e_tag(), Some(etag.trim_matches('"')));
    assert_eq!(all.object_size(), Some(5 * 1024 * 1024 + 10));
    assert_eq!(all.storage_class(), None);
    let sizes =
        |parts: &[aws_sdk_s3::types::ObjectPart]| parts.iter().map(|part| part.size().unwrap()).collect::<Vec<_>>();
    let parts = all.object_parts().unwrap();
    assert_eq!(
        (sizes(parts.parts()), parts.total_parts_count()),
        (vec![5 * 1024 * 1024, 10], Some(2))
    );
    // The SDKs of Python and Java send one header.
    let joined = s3.get_object_attributes().bucket(BUCKET).key("k");
    let joined = joined.object_attributes(ObjectAttributes::Etag).customize();
    let joined = joined.mutate_request(|request| {
        let headers = request.headers_mut();
        headers.insert("x-amz-object-attributes", "ETag, ObjectSize,StorageClass");
    });
    let joined = joined.send().await.unwrap();
    assert_eq!((joined.e_tag(), joined.object_size()), (all.e_tag(), all.object_size()));
    assert!(joined.storage_class().is_some() && joined.object_parts().is_none());
    let first = attributes(1).await.unwrap();
    assert_eq!(first.object_parts().unwrap().next_part_number_marker(), Some("1"));

    let part = s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .part_number(2)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (part.parts_count(), part.content_range()),
        (Some(2), Some("bytes 5242880-5242889/5242890"))
    );
    assert_eq!(part.body.collect().await.unwrap().into_bytes(), noise(2, 10));
    let head = s3
        .head_object()
        .bucket(BUCKET)
        .key("k")
        .part_number(1)
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_length(), Some(5 * 1024 * 1024));
    let beyond = s3.get_object().bucket(BUCKET).key("k").part_number(3).send().await;
    assert_eq!(rejection(beyond), (416, "InvalidPartNumber".to_owned()));
}
