//! Objects of the server's own.

use draftstore_storage::{Attributes, PutDraft};

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
