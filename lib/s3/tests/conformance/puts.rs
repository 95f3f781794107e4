//! Objects of the server's own.

use draftstore_storage::{Attributes, Error, ErrorKind, PutDraft};

use draftstore_testing::{TestBuckets, key};

pub(crate) async fn what_the_server_puts_is_there(world: &TestBuckets) {
    let key = key(".probe/ü +%20");
    for bytes in [&b"before"[..], &b""[..], &b"after"[..]] {
        let put = PutDraft {
            bucket: &world.draft,
            key: &key,
            bytes,
            attributes: Attributes::NONE,
            if_absent: false,
        };
        let etag = world.storage.put_draft(&put).await.expect("put");
        let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
        assert_eq!((info.etag, info.size), (etag, bytes.len() as u64));
        assert_eq!(world.draft_bytes(&key).await.as_deref(), Some(bytes));
    }
}

/// Puts two objects with metadata under one key, each if there is none, and returns the metadata that is left, and how the second
/// ended.
async fn put_twice(world: &TestBuckets) -> (String, Result<(), Error>) {
    let key = key(".probe/once");
    let put = async |value: &str| {
        let attributes = Attributes {
            metadata: [("value".to_owned(), value.to_owned())].into(),
            ..Attributes::default()
        };
        let put = PutDraft {
            bucket: &world.draft,
            key: &key,
            bytes: b"",
            attributes: &attributes,
            if_absent: true,
        };
        world.storage.put_draft(&put).await.map(|_| ())
    };
    put("first").await.expect("there is none");
    let second = put("second").await;
    let info = world.storage.head(world.draft.name(), &key).await.expect("it is there");
    (info.attributes.metadata["value"].clone(), second)
}

pub(crate) async fn what_is_there_stays_where_none_must_be(world: &TestBuckets) {
    let (left, second) = put_twice(world).await;
    assert_eq!(left, "first");
    assert_eq!(second.expect_err("there is one").kind, ErrorKind::PreconditionFailed);
}

pub(crate) async fn what_is_there_is_replaced_where_none_must_be(world: &TestBuckets) {
    let (left, second) = put_twice(world).await;
    assert_eq!(left, "second");
    second.expect("it is replaced");
}
