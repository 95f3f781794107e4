//! Conditions are checked atomically with the write, even when many requests race.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use futures::future::join_all;

use crate::harness::{BUCKET, TestStore, rejection};

const RACERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_racing_puts_creates_the_object() {
    let store = TestStore::start().await;
    let racers = (0..RACERS).map(|n| {
        let put = store.s3.put_object().bucket(BUCKET).key("k").if_none_match("*");
        put.body(ByteStream::from(n.to_string().into_bytes())).send()
    });
    let results = join_all(racers).await;
    let winner = only_winner(&results.iter().map(Result::is_ok).collect::<Vec<_>>());
    assert_eq!(store.get("k").await.unwrap(), winner.to_string());
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(rejection(result), (412, "PreconditionFailed".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_racing_puts_replaces_an_etag() {
    let store = TestStore::start().await;
    let etag = store.put("k", "before").await;
    let racers = (0..RACERS).map(|n| {
        let put = store.s3.put_object().bucket(BUCKET).key("k").if_match(&etag);
        put.body(ByteStream::from(n.to_string().into_bytes())).send()
    });
    let won: Vec<bool> = join_all(racers).await.iter().map(Result::is_ok).collect();
    assert_eq!(store.get("k").await.unwrap(), only_winner(&won).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_racing_copies_creates_the_object() {
    let store = TestStore::start().await;
    for n in 0..RACERS {
        store.put(&format!("source/{n}"), n.to_string()).await;
    }
    let racers = (0..RACERS).map(|n| {
        let source = format!("{BUCKET}/source/{n}");
        store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key("k")
            .copy_source(source)
            .if_none_match("*")
            .send()
    });
    let won: Vec<bool> = join_all(racers).await.iter().map(Result::is_ok).collect();
    assert_eq!(store.get("k").await.unwrap(), only_winner(&won).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_racing_completions_creates_the_object() {
    let store = TestStore::start().await;
    let mut uploads = Vec::new();
    for n in 0..RACERS {
        let id = store
            .s3
            .create_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .send()
            .await
            .unwrap()
            .upload_id
            .unwrap();
        let part = store
            .s3
            .upload_part()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .part_number(1);
        let part = part
            .body(ByteStream::from(n.to_string().into_bytes()))
            .send()
            .await
            .unwrap();
        uploads.push((
            id,
            CompletedPart::builder()
                .part_number(1)
                .e_tag(part.e_tag.unwrap())
                .build(),
        ));
    }
    let racers = uploads.iter().map(|(id, part)| {
        let parts = CompletedMultipartUpload::builder().parts(part.clone()).build();
        let complete = store
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key("k")
            .upload_id(id);
        complete.multipart_upload(parts).if_none_match("*").send()
    });
    let won: Vec<bool> = join_all(racers).await.iter().map(Result::is_ok).collect();
    assert_eq!(store.get("k").await.unwrap(), only_winner(&won).to_string());
    // The losers keep their uploads, and can complete them without the condition.
    let left = store.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(left.uploads().len(), RACERS - 1);
}

fn only_winner(won: &[bool]) -> usize {
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    won.iter().position(|won| *won).unwrap()
}

#[tokio::test]
async fn copy_enforces_conditions_on_source_and_destination() {
    let store = TestStore::start().await;
    let etag = store.put("source", "new").await;
    store.put("existing", "old").await;
    let copy = |key: &str| {
        store
            .s3
            .copy_object()
            .bucket(BUCKET)
            .key(key)
            .copy_source(format!("{BUCKET}/source"))
    };
    for rejected in [
        copy("to").copy_source_if_match("\"other\"").send().await,
        copy("to").copy_source_if_none_match(&etag).send().await,
        copy("to")
            .copy_source_if_unmodified_since(aws_sdk_s3::primitives::DateTime::from_secs(1))
            .send()
            .await,
        copy("to")
            .copy_source_if_modified_since(aws_sdk_s3::primitives::DateTime::from_secs(9_000_000_000))
            .send()
            .await,
        copy("existing").if_none_match("*").send().await,
        copy("existing").if_match("\"other\"").send().await,
    ] {
        assert_eq!(rejection(rejected), (412, "PreconditionFailed".into()));
    }
    assert_eq!(store.get("to").await, None);
    assert_eq!(store.get("existing").await.unwrap(), "old");
    copy("to")
        .copy_source_if_match(&etag)
        .if_none_match("*")
        .send()
        .await
        .unwrap();
    assert_eq!(store.get("to").await.unwrap(), "new");
    let missing = store
        .s3
        .copy_object()
        .bucket(BUCKET)
        .key("to")
        .copy_source(format!("{BUCKET}/none"))
        .send()
        .await;
    assert_eq!(rejection(missing), (404, "NoSuchKey".into()));
}

#[tokio::test]
async fn delete_enforces_its_etag() {
    let store = TestStore::start().await;
    let etag = store.put("k", "x").await;
    let delete = |etag: &str| store.s3.delete_object().bucket(BUCKET).key("k").if_match(etag).send();
    assert_eq!(rejection(delete("\"other\"").await), (412, "PreconditionFailed".into()));
    assert!(store.get("k").await.is_some());
    delete(&etag).await.unwrap();
    assert_eq!(store.get("k").await, None);
    // A repetition fails, because another client may have deleted the object.
    assert_eq!(rejection(delete(&etag).await), (404, "NoSuchKey".into()));
    // Without a condition, deleting an object that does not exist succeeds.
    store.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
}

#[tokio::test]
async fn batch_delete_reports_each_key() {
    let store = TestStore::start().await;
    let etag = store.put("same", "x").await;
    store.put("changed", "x").await;
    let key = |key: &str, etag: Option<&str>| {
        ObjectIdentifier::builder()
            .key(key)
            .set_e_tag(etag.map(Into::into))
            .build()
            .unwrap()
    };
    let objects = vec![
        key("same", Some(&etag)),
        key("changed", Some("\"other\"")),
        key("gone", None),
        key("gone", Some(&etag)),
    ];
    let delete = |objects| {
        let delete = Delete::builder().set_objects(Some(objects)).build().unwrap();
        store.s3.delete_objects().bucket(BUCKET).delete(delete).send()
    };
    let deleted = delete(objects).await.unwrap();
    assert_eq!(
        deleted.deleted().iter().map(|d| d.key().unwrap()).collect::<Vec<_>>(),
        ["same", "gone"]
    );
    let errors: Vec<_> = deleted
        .errors()
        .iter()
        .map(|e| (e.key().unwrap(), e.code().unwrap()))
        .collect();
    assert_eq!(errors, [("changed", "PreconditionFailed"), ("gone", "NoSuchKey")]);
    assert!(store.get("changed").await.is_some());

    let many = |count: usize| (0..count).map(|n| key(&n.to_string(), None)).collect::<Vec<_>>();
    assert_eq!(delete(many(1000)).await.unwrap().deleted().len(), 1000);
    assert_eq!(rejection(delete(many(1001)).await), (400, "MalformedXML".into()));
}

#[tokio::test]
async fn put_with_if_match_requires_an_object() {
    let store = TestStore::start().await;
    let put = store
        .s3
        .put_object()
        .bucket(BUCKET)
        .key("k")
        .if_match("\"x\"")
        .send()
        .await;
    assert_eq!(rejection(put), (404, "NoSuchKey".into()));
}

#[tokio::test]
async fn reads_enforce_conditions() {
    let store = TestStore::start().await;
    let etag = store.put("k", "x").await;
    let get = || store.s3.get_object().bucket(BUCKET).key("k");
    assert_eq!(rejection(get().if_match("\"other\"").send().await).0, 412);
    assert_eq!(rejection(get().if_none_match(&etag).send().await).0, 304);
    assert_eq!(
        rejection(
            store
                .s3
                .head_object()
                .bucket(BUCKET)
                .key("k")
                .if_none_match(&etag)
                .send()
                .await
        )
        .0,
        304
    );
    get().if_match(&etag).if_none_match("\"other\"").send().await.unwrap();
    let modified = get().send().await.unwrap().last_modified.unwrap();
    assert_eq!(rejection(get().if_modified_since(modified).send().await).0, 304);
    get().if_unmodified_since(modified).send().await.unwrap();
}
