//! Reads of ranges of drafts.

use draftstore_storage::{Attributes, ETag, Error, ErrorKind, ObjectKey, PutDraft, ReadDraft};
use draftstore_testing::{TestBuckets, key};

async fn put(world: &TestBuckets, key: &ObjectKey, bytes: &[u8]) -> ETag {
    let put = PutDraft {
        bucket: &world.draft,
        key,
        bytes,
        attributes: Attributes::NONE,
        if_absent: false,
    };
    world.storage.put_draft(&put).await.expect("put")
}

async fn read(
    world: &TestBuckets,
    key: &ObjectKey,
    etag: &ETag,
    range: std::ops::Range<u64>,
) -> Result<Vec<u8>, Error> {
    let read = ReadDraft {
        bucket: &world.draft,
        key,
        etag,
        range,
    };
    world.storage.read_draft(&read).await
}

pub(crate) async fn a_range_of_a_draft_is_read(world: &TestBuckets) {
    let key = key("a b/ü +%20.bin");
    let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    let etag = put(world, &key, &bytes).await;
    let len = bytes.len() as u64;
    for range in [0..1, 0..len, 1..2, 70_001..200_003, len - 1..len] {
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).expect("small"));
        let found = read(world, &key, &etag, range.clone()).await.expect("read");
        assert!(found == bytes[start..end], "{range:?}: {} bytes", found.len());
    }
}

pub(crate) async fn a_read_of_another_version_is_refused(world: &TestBuckets) {
    let key = key("swapped.bin");
    let first = put(world, &key, b"the first").await;
    let second = put(world, &key, b"another").await;
    let refused = read(world, &key, &first, 0..3).await.expect_err("another version");
    assert_eq!(refused.kind, ErrorKind::PreconditionFailed);
    let found = read(world, &key, &second, 0..3).await.expect("this version");
    assert_eq!(found, b"ano");
}

pub(crate) async fn a_read_of_nothing_is_not_found(world: &TestBuckets) {
    let etag = "d41d8cd98f00b204e9800998ecf8427e".parse().expect("an ETag");
    let nothing = read(world, &key("nothing"), &etag, 0..1).await.expect_err("nothing");
    assert_eq!(nothing.kind, ErrorKind::NotFound);
}

pub(crate) async fn a_range_that_cannot_be_read_is_refused(world: &TestBuckets) {
    let key = key("short.bin");
    let etag = put(world, &key, b"0123456789").await;
    for range in [0..0, 10..11, 0..ReadDraft::MAX_BYTES + 1, 8..12] {
        let refused = read(world, &key, &etag, range.clone())
            .await
            .expect_err("no such range");
        assert_eq!(refused.kind, ErrorKind::Unexpected, "{range:?}");
    }
    let empty = put(world, &key, b"").await;
    let refused = read(world, &key, &empty, 0..1).await.expect_err("no bytes");
    assert_eq!(refused.kind, ErrorKind::Unexpected);
}
