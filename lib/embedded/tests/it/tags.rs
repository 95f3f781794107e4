//! Object tags: signed with an upload, kept by copies, and those of each version.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{Tag, Tagging, TaggingDirective};

use crate::harness::{BUCKET, TestStore, for_an_hour, rejection};

fn tagging(tags: &[(&str, &str)]) -> Tagging {
    let tag = |(key, value): &(&str, &str)| Tag::builder().key(*key).value(*value).build().unwrap();
    Tagging::builder()
        .set_tag_set(Some(tags.iter().map(tag).collect()))
        .build()
        .unwrap()
}

impl TestStore {
    pub(crate) async fn tags(&self, key: &str, version: Option<&str>) -> BTreeMap<String, String> {
        let get = self.s3.get_object_tagging().bucket(BUCKET).key(key);
        let tags = get.set_version_id(version.map(str::to_owned)).send().await.unwrap();
        let pair = |tag: &Tag| (tag.key().to_owned(), tag.value().to_owned());
        tags.tag_set().iter().map(pair).collect()
    }
}

async fn presigned_head(store: &TestStore) -> String {
    let head = store.s3.head_object().bucket(BUCKET).key("k").presigned(for_an_hour());
    head.await.unwrap().uri().to_owned()
}

fn map(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn tags_are_put_replaced_and_deleted() {
    let store = TestStore::start().await;
    let etag = store.put("k", "x").await;
    assert!(store.tags("k", None).await.is_empty());
    for tags in [&[("a", "1"), ("b c", "é&=")][..], &[("d", "")]] {
        let put = store
            .s3
            .put_object_tagging()
            .bucket(BUCKET)
            .key("k")
            .tagging(tagging(tags));
        put.send().await.unwrap();
        assert_eq!(store.tags("k", None).await, map(tags));
    }
    let got = store.s3.get_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!((got.tag_count(), got.e_tag()), (Some(1), Some(etag.as_str())));
    let head = store.http.head(presigned_head(&store).await).send().await.unwrap();
    assert_eq!(head.headers()["x-amz-tagging-count"], "1");
    store
        .s3
        .delete_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert!(store.tags("k", None).await.is_empty());

    let missing = store
        .s3
        .put_object_tagging()
        .bucket(BUCKET)
        .key("no")
        .tagging(tagging(&[]));
    assert_eq!(rejection(missing.send().await), (404, "NoSuchKey".into()));
    let twice = store
        .s3
        .put_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .tagging(tagging(&[("a", "1"), ("a", "2")]));
    assert_eq!(rejection(twice.send().await), (400, "InvalidTag".into()));
    let many: Vec<_> = (0..11).map(|n| n.to_string()).collect();
    let many: Vec<_> = many.iter().map(|key| (key.as_str(), "")).collect();
    let many = store
        .s3
        .put_object_tagging()
        .bucket(BUCKET)
        .key("k")
        .tagging(tagging(&many));
    assert_eq!(rejection(many.send().await), (400, "InvalidTag".into()));
}

#[tokio::test]
async fn uploads_bring_their_tags() {
    let store = TestStore::start().await;
    let put = store.s3.put_object().bucket(BUCKET).key("put").tagging("a=1&b=x%20y");
    put.send().await.unwrap();
    assert_eq!(store.tags("put", None).await, map(&[("a", "1"), ("b", "x y")]));

    let create = store
        .s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("parts")
        .tagging("c=2");
    let id = create.send().await.unwrap().upload_id.unwrap();
    let part = store
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("parts")
        .upload_id(&id)
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
        .bucket(BUCKET)
        .key("parts")
        .upload_id(&id);
    complete.multipart_upload(parts).send().await.unwrap();
    assert_eq!(store.tags("parts", None).await, map(&[("c", "2")]));

    let bad = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("bad")
        .tagging("a=1&a=2")
        .send()
        .await;
    assert_eq!(rejection(bad), (400, "InvalidTag".into()));
    assert_eq!(store.get("bad").await, None);
}

#[tokio::test]
async fn signed_tags_bind_whoever_holds_the_url() {
    let store = TestStore::start().await;
    let put = store.s3.put_object().bucket(BUCKET).key("k").tagging("a=1");
    let put = put.presigned(for_an_hour()).await.unwrap();
    assert_eq!(store.send(&put, &[], "x").await.status(), 200);
    assert_eq!(store.tags("k", None).await, map(&[("a", "1")]));
    let unsigned = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("other")
        .presigned(for_an_hour())
        .await
        .unwrap();
    assert_eq!(
        store.send(&unsigned, &[("x-amz-tagging", "a=1")], "x").await.status(),
        403
    );
    assert_eq!(store.get("other").await, None);
}

#[tokio::test]
async fn copies_keep_or_replace_tags() {
    let store = TestStore::start().await;
    store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("source")
        .tagging("a=1")
        .send()
        .await
        .unwrap();
    let copy = |key: &str| {
        store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key(key)
            .copy_source(format!("{BUCKET}/source"))
    };
    copy("kept").send().await.unwrap();
    assert_eq!(store.tags("kept", None).await, map(&[("a", "1")]));
    // Without the directive, the header has no effect, as in S3.
    copy("ignored").tagging("b=2").send().await.unwrap();
    assert_eq!(store.tags("ignored", None).await, map(&[("a", "1")]));
    let replaced = copy("replaced")
        .tagging_directive(TaggingDirective::Replace)
        .tagging("b=2");
    replaced.send().await.unwrap();
    assert_eq!(store.tags("replaced", None).await, map(&[("b", "2")]));
    let bad = copy("bad")
        .tagging_directive(TaggingDirective::from("BOTH"))
        .send()
        .await;
    assert_eq!(rejection(bad), (400, "InvalidArgument".into()));
}

#[tokio::test]
async fn each_version_has_its_own_tags() {
    let store = TestStore::start_versioned().await;
    let first = store.put_version("k", "1").await;
    let second = store.put_version("k", "2").await;
    let put = |id: &str, tags: &[(&str, &str)]| {
        let put = store.s3.put_object_tagging().bucket(BUCKET).key("k").version_id(id);
        put.tagging(tagging(tags)).send()
    };
    let tagged = put(&first, &[("n", "1")]).await.unwrap();
    assert_eq!(tagged.version_id(), Some(first.as_str()));
    put(&second, &[("n", "2")]).await.unwrap();
    assert_eq!(store.tags("k", Some(&first)).await, map(&[("n", "1")]));
    assert_eq!(store.tags("k", None).await, map(&[("n", "2")]));
    let marker = store.delete("k").await.unwrap();
    assert_eq!(rejection(put(&marker, &[]).await), (405, "MethodNotAllowed".into()));
    assert_eq!(store.tags("k", Some(&first)).await, map(&[("n", "1")]));
}
