//! Multipart uploads.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;

use crate::harness::{BUCKET, MIB, TestStore, blob_files, noise, rejection};

struct TestUpload<'s> {
    store: &'s TestStore,
    key: &'s str,
    id: String,
}

impl<'s> TestUpload<'s> {
    async fn create(store: &'s TestStore, key: &'s str) -> Self {
        let create = store
            .s3
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .content_type("a/b")
            .metadata("c", "d");
        Self {
            store,
            key,
            id: create.send().await.unwrap().upload_id.unwrap(),
        }
    }

    async fn part(&self, number: i32, body: impl Into<Bytes>) -> CompletedPart {
        let part = self
            .store
            .s3
            .upload_part()
            .bucket(BUCKET)
            .key(self.key)
            .upload_id(&self.id)
            .part_number(number);
        let part = part.body(ByteStream::from(body.into())).send().await.unwrap();
        completed(number, part.e_tag.unwrap())
    }

    fn complete(
        &self,
        parts: Vec<CompletedPart>,
    ) -> aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self
            .store
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(self.key)
            .upload_id(&self.id);
        complete.multipart_upload(parts)
    }
}

fn completed(number: i32, etag: String) -> CompletedPart {
    CompletedPart::builder().part_number(number).e_tag(etag).build()
}

#[tokio::test]
async fn parts_are_joined_in_the_order_of_their_numbers() {
    let store = TestStore::start().await;
    let bodies = [noise(1, 5 * MIB), noise(2, 6 * MIB), noise(3, 100)];
    let upload = TestUpload::create(&store, "k").await;
    let initiated = store
        .s3
        .list_multipart_uploads()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap()
        .uploads()[0]
        .initiated;
    // Parts arrive in any order, with gaps in their numbers, and one is sent twice.
    let last = upload.part(9, bodies[2].clone()).await;
    upload.part(2, "to be replaced").await;
    let middle = upload.part(2, bodies[1].clone()).await;
    let first = upload.part(1, bodies[0].clone()).await;
    upload.part(5, "never used").await;
    assert_eq!(store.get("k").await, None);
    let done = upload.complete(vec![first, middle, last]).send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-3\""));
    assert_eq!(store.get("k").await.unwrap(), bodies.concat());

    let head = store.s3.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(head.e_tag(), done.e_tag());
    assert_eq!(head.content_type(), Some("a/b"));
    assert_eq!(head.metadata().unwrap()["c"], "d");
    assert_eq!(head.last_modified().copied(), initiated);
    let second = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .part_number(2)
        .send()
        .await
        .unwrap();
    assert_eq!(second.parts_count(), Some(3));
    assert_eq!(second.body.collect().await.unwrap().into_bytes(), bodies[1]);
    let across = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("k")
        .range("bytes=5242870-5242889")
        .send()
        .await
        .unwrap();
    assert_eq!(
        across.body.collect().await.unwrap().into_bytes(),
        bodies.concat()[5_242_870..5_242_890]
    );

    let other = upload.complete(vec![completed(1, "x".into())]).send().await;
    assert_eq!(rejection(other), (404, "NoSuchUpload".into()));
    let dir = store.stop().await;
    // The last part is inline, and has no file.
    assert_eq!(blob_files(dir.path()).len(), 2);
}

#[tokio::test]
async fn repeated_completion_is_answered_until_the_object_is_replaced() {
    let store = TestStore::start().await;
    let upload = TestUpload::create(&store, "k").await;
    let parts = vec![
        upload.part(1, noise(1, 5 * MIB)).await,
        upload.part(2, noise(2, 9)).await,
    ];
    let complete = |parts: &[CompletedPart]| upload.complete(parts.to_vec());
    let first = complete(&parts).send().await.unwrap();
    let again = complete(&parts).send().await.unwrap();
    assert_eq!(again.e_tag(), first.e_tag());
    let gone = || (404, "NoSuchUpload".to_owned());
    assert_eq!(rejection(complete(&parts[..1]).send().await), gone(), "another request");
    let absent = complete(&parts).if_none_match("*").send().await;
    assert_eq!(rejection(absent).0, 412);

    let other = TestUpload::create(&store, "k").await;
    let parts_of_other = vec![other.part(1, noise(1, 5 * MIB)).await, other.part(2, noise(2, 9)).await];
    other.complete(parts_of_other).send().await.unwrap();
    assert_eq!(
        rejection(complete(&parts).send().await),
        gone(),
        "the same bytes of another upload"
    );
    store.put("k", noise(3, 9)).await;
    assert_eq!(rejection(complete(&parts).send().await), gone());
}

#[tokio::test]
async fn invalid_completion_changes_nothing() {
    let store = TestStore::start().await;
    store.put("k", "old").await;
    let upload = TestUpload::create(&store, "k").await;
    let (small, last) = (upload.part(1, "small").await, upload.part(2, "last").await);
    let complete = |parts| upload.complete(parts);
    let other = completed(1, "\"00000000000000000000000000000000\"".into());
    let cases = [
        (
            complete(vec![small.clone(), last.clone()]).send().await,
            (400, "EntityTooSmall"),
        ),
        (
            complete(vec![last.clone(), small.clone()]).send().await,
            (400, "InvalidPartOrder"),
        ),
        (
            complete(vec![small.clone(), small.clone()]).send().await,
            (400, "InvalidPartOrder"),
        ),
        (complete(vec![other]).send().await, (400, "InvalidPart")),
        (
            complete(vec![completed(3, small.e_tag.clone().unwrap())]).send().await,
            (400, "InvalidPart"),
        ),
        (complete(vec![]).send().await, (400, "MalformedXML")),
        (
            complete(vec![small.clone()]).mpu_object_size(4).send().await,
            (400, "InvalidRequest"),
        ),
        (
            complete(vec![small.clone()]).if_none_match("*").send().await,
            (412, "PreconditionFailed"),
        ),
        (
            complete(vec![small.clone()]).if_match("\"other\"").send().await,
            (412, "PreconditionFailed"),
        ),
    ];
    for (result, (status, code)) in cases {
        assert_eq!(rejection(result), (status, code.to_owned()));
    }
    assert_eq!(store.get("k").await.unwrap(), "old");
    complete(vec![small]).mpu_object_size(5).send().await.unwrap();
    assert_eq!(store.get("k").await.unwrap(), "small");
}

#[tokio::test]
async fn part_can_be_a_copy_of_an_object_or_of_a_range() {
    let store = TestStore::start().await;
    let source = noise(4, 11 * MIB);
    let etag = store.put("source", source.clone()).await;
    let upload = TestUpload::create(&store, "k").await;
    let copy = |number| {
        let copy = store
            .s3
            .upload_part_copy()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&upload.id)
            .part_number(number);
        copy.copy_source(format!("{BUCKET}/source"))
    };
    let first = copy(1)
        .copy_source_if_match(&etag)
        .send()
        .await
        .unwrap()
        .copy_part_result
        .unwrap();
    assert_eq!(first.e_tag(), Some(etag.as_str()));
    let second = copy(2)
        .copy_source_range("bytes=100-10485859")
        .send()
        .await
        .unwrap()
        .copy_part_result
        .unwrap();
    let rejected = copy(3).copy_source_if_match("\"other\"").send().await;
    assert_eq!(rejection(rejected), (412, "PreconditionFailed".into()));
    let rejected = copy(3).copy_source_range("bytes=0-99999999").send().await;
    assert_eq!(rejection(rejected), (400, "InvalidArgument".into()));
    // The ETag of a copied range is the MD5 of its bytes, like that of an uploaded part.
    assert_eq!(second.e_tag, upload.part(3, source.slice(100..10_485_860)).await.e_tag);
    store
        .s3
        .delete_object()
        .bucket(BUCKET)
        .key("source")
        .send()
        .await
        .unwrap();

    let parts = vec![completed(1, first.e_tag.unwrap()), completed(2, second.e_tag.unwrap())];
    upload.complete(parts).send().await.unwrap();
    let whole = [&source[..], &source[100..10_485_860]].concat();
    assert_eq!(store.get("k").await.unwrap(), whole);
    // A source may also have several blobs.
    let again = TestUpload::create(&store, "again").await;
    let copy = store
        .s3
        .upload_part_copy()
        .bucket(BUCKET)
        .key("again")
        .upload_id(&again.id)
        .part_number(1);
    let copy = copy
        .copy_source(format!("{BUCKET}/k"))
        .copy_source_range("bytes=11534300-11534400");
    let part = copy.send().await.unwrap().copy_part_result.unwrap();
    again
        .complete(vec![completed(1, part.e_tag.unwrap())])
        .send()
        .await
        .unwrap();
    assert_eq!(store.get("again").await.unwrap(), whole[11_534_300..=11_534_400]);
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 1);
}

#[tokio::test]
async fn abort_releases_the_parts() {
    let store = TestStore::start().await;
    let upload = TestUpload::create(&store, "k").await;
    upload.part(1, noise(1, MIB)).await;
    let abort = || {
        store
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&upload.id)
            .send()
    };
    abort().await.unwrap();
    assert_eq!(rejection(abort().await), (404, "NoSuchUpload".into()));
    let part = store
        .s3
        .upload_part()
        .bucket(BUCKET)
        .key("k")
        .upload_id(&upload.id)
        .part_number(1)
        .send()
        .await;
    assert_eq!(rejection(part), (404, "NoSuchUpload".into()));
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 0);
}

#[tokio::test]
async fn part_numbers_are_limited() {
    let store = TestStore::start().await;
    let upload = TestUpload::create(&store, "k").await;
    upload.part(10_000, "x").await;
    for number in [0, 10_001] {
        let part = store
            .s3
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&upload.id)
            .part_number(number);
        assert_eq!(rejection(part.send().await), (400, "InvalidArgument".into()));
    }
}

#[tokio::test]
async fn parts_are_listed_in_pages() {
    let store = TestStore::start().await;
    let upload = TestUpload::create(&store, "k").await;
    let mut sent = Vec::new();
    for number in [1, 2, 3, 7, 10_000] {
        sent.push((number, upload.part(number, number.to_string()).await.e_tag.unwrap()));
    }
    let mut listed = Vec::new();
    let mut marker = None;
    loop {
        let page = store
            .s3
            .list_parts()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&upload.id)
            .max_parts(2);
        let page = page.set_part_number_marker(marker).send().await.unwrap();
        listed.extend(
            page.parts()
                .iter()
                .map(|p| (p.part_number().unwrap(), p.e_tag().unwrap().to_owned())),
        );
        marker = page.next_part_number_marker().map(str::to_owned);
        if page.is_truncated() != Some(true) {
            break;
        }
    }
    assert_eq!(listed, sent);
}

#[tokio::test]
async fn uploads_are_listed_in_pages() {
    let store = TestStore::start().await;
    let mut made = Vec::new();
    for key in ["a", "b/1", "b/1", "b/2", "c", "c", "c"] {
        made.push((key.to_owned(), TestUpload::create(&store, key).await.id));
    }
    made.sort();
    for size in [1, 2, 3, 100] {
        let mut listed = Vec::new();
        let (mut key, mut id) = (None, None);
        loop {
            let page = store.s3.list_multipart_uploads().bucket(BUCKET).max_uploads(size);
            let page = page.set_key_marker(key).set_upload_id_marker(id).send().await.unwrap();
            let line = |u: &aws_sdk_s3::types::MultipartUpload| (u.key.clone().unwrap(), u.upload_id.clone().unwrap());
            listed.extend(page.uploads().iter().map(line));
            if page.is_truncated() != Some(true) {
                break;
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
        assert_eq!(listed, made, "pages of {size}");
    }
    let of = |prefix: &str| store.s3.list_multipart_uploads().bucket(BUCKET).prefix(prefix).send();
    assert_eq!(of("b/").await.unwrap().uploads().len(), 3);
    assert_eq!(of("b/2").await.unwrap().uploads().len(), 1);
    assert!(of("d").await.unwrap().uploads().is_empty());
    let rolled = store
        .s3
        .list_multipart_uploads()
        .bucket(BUCKET)
        .delimiter("/")
        .send()
        .await
        .unwrap();
    assert_eq!(rolled.common_prefixes()[0].prefix(), Some("b/"));
    assert_eq!(rolled.uploads().len(), 4);
    let after = store
        .s3
        .list_multipart_uploads()
        .bucket(BUCKET)
        .key_marker("b/1")
        .send()
        .await
        .unwrap();
    assert_eq!(after.uploads().len(), 4);
}
