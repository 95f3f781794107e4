//! Multipart uploads in progress can be found and ended.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{ErrorKind, ListUploads, ListedUpload, UploadId};

use draftstore_testing::{TestBuckets, bucket, key};

/// Begins an upload, with one part.
async fn begin(world: &TestBuckets, name: &str) -> UploadId {
    let (sdk, draft) = (world.sdk(), world.draft.name().as_str());
    let begun = sdk
        .create_multipart_upload()
        .bucket(draft)
        .key(name)
        .send()
        .await
        .expect("begun");
    let id = begun.upload_id().expect("an ID");
    let part = sdk.upload_part().bucket(draft).key(name).upload_id(id).part_number(1);
    part.body(ByteStream::from_static(b"part"))
        .send()
        .await
        .expect("a part");
    UploadId::new(id)
}

async fn all(world: &TestBuckets, max_uploads: u16) -> Vec<ListedUpload> {
    let mut request = ListUploads {
        max_uploads: Some(max_uploads),
        ..ListUploads::default()
    };
    let mut uploads = Vec::new();
    loop {
        let page = world
            .storage
            .list_uploads(world.draft.name(), &request)
            .await
            .expect("a page");
        assert!(page.uploads.len() <= usize::from(max_uploads));
        uploads.extend(page.uploads);
        let Some(next) = page.next else { return uploads };
        request.after = Some(next);
    }
}

/// SeaweedFS does not say where to go on after a page, and may begin elsewhere. What is on the first page can be ended.
pub(crate) async fn uploads_in_progress_are_listed_up_to_the_first_page(world: &TestBuckets) {
    for name in ["a", "a", "b +%20&.bin", "c/ü"] {
        begin(world, name).await;
    }
    assert_eq!(all(world, 10).await.len(), 4);
    assert!(all(world, 2).await.len() >= 2);
}

pub(crate) async fn uploads_in_progress_are_listed_page_by_page(world: &TestBuckets) {
    let before = SystemTime::now();
    let mut begun = BTreeSet::new();
    for name in ["a", "a", "a", "b +%20&.bin", "c/ü", "d"] {
        begun.insert((name.to_owned(), begin(world, name).await.as_str().to_owned()));
    }
    let listed = all(world, 2).await;
    assert_eq!(listed.len(), begun.len());
    let pair = |upload: &ListedUpload| (upload.key.as_str().to_owned(), upload.upload_id.as_str().to_owned());
    assert_eq!(listed.iter().map(pair).collect::<BTreeSet<_>>(), begun);
    let second = Duration::from_secs(1);
    for upload in listed {
        assert!(upload.initiated >= before - second && upload.initiated <= SystemTime::now() + second);
    }
    let page = world
        .storage
        .list_uploads(world.draft.name(), &ListUploads::default())
        .await
        .expect("a page");
    assert_eq!((page.uploads.len(), page.next), (6, None));
    assert!(page.store_time.expect("the store says what time it is") >= before - second);
}

pub(crate) async fn an_upload_in_progress_is_no_object(world: &TestBuckets) {
    begin(world, "unfinished").await;
    let nothing = world
        .storage
        .head(world.draft.name(), &key("unfinished"))
        .await
        .expect_err("nothing");
    assert_eq!(nothing.kind, ErrorKind::NotFound);
}

pub(crate) async fn an_aborted_upload_is_gone(world: &TestBuckets) {
    let (kept, ended) = (begin(world, "kept").await, begin(world, "ended").await);
    world
        .storage
        .abort_upload(&world.draft, &key("ended"), &ended)
        .await
        .expect("aborted");
    let left = all(world, 10).await;
    assert_eq!(
        left.into_iter().map(|upload| upload.upload_id).collect::<Vec<_>>(),
        [kept]
    );
    world
        .storage
        .abort_upload(&world.draft, &key("ended"), &ended)
        .await
        .expect("what is gone is no error");
}

pub(crate) async fn uploads_of_a_missing_bucket_say_so(world: &TestBuckets) {
    let nowhere = bucket("no-such-bucket");
    let missing = world
        .storage
        .list_uploads(&nowhere, &ListUploads::default())
        .await
        .expect_err("missing");
    assert_eq!(missing.kind, ErrorKind::BucketNotFound);
}
