//! A confirm, a copy and a move of what is too large for one copy, with the default thresholds, part sizes and timeouts.

use draftstore_service::draft::{ConfirmUpload, CopyObject};
use draftstore_storage::{ErrorKind, Operation};
use draftstore_testing::{LARGE, assert_large_copy, key, large_draft};

use crate::system::System;

#[tokio::test(flavor = "multi_thread")]
async fn draft_of_six_gib_is_confirmed() {
    let system = System::start().await;
    let draft = large_draft(&system.world, "film").await;
    let request = ConfirmUpload {
        object_name: "film".to_owned(),
        if_match: Some(draft.etag.to_string()),
        content_length: i64::try_from(LARGE).ok(),
        ..ConfirmUpload::default()
    };
    // The note and the draft are kept for now, so that main can be compared with the draft.
    for delete in [Operation::DeleteObject, system.deleting()] {
        system.store.fail(delete, ErrorKind::Unavailable);
    }
    let confirmed = system.drafts.confirm(&request).await.expect("confirmed");
    assert_eq!((confirmed.size, confirmed.replayed), (LARGE, false));
    system.drafts.drain().await;
    assert_large_copy(&system.world, "film", "film").await;
    assert_eq!(system.world.main_uploads().await, 0);

    let again = system.drafts.confirm(&request).await.expect("confirmed again");
    assert_eq!((again.etag, again.replayed), (confirmed.etag, true));
    system.drafts.drain().await;
    let drafts = system.world.draft_keys().await;
    assert!(!drafts.contains(&"film".to_owned()), "{drafts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn object_of_six_gib_is_copied_and_moved() {
    let system = System::start().await;
    large_draft(&system.world, "film").await;
    let request = ConfirmUpload {
        object_name: "film".to_owned(),
        ..ConfirmUpload::default()
    };
    // The draft is kept, so that the copies can be compared with it.
    system.store.fail(system.deleting(), ErrorKind::Unavailable);
    system.drafts.confirm(&request).await.expect("confirmed");
    system.drafts.drain().await;
    let to = |from: &str, name: &str| CopyObject {
        object_name: from.to_owned(),
        destination_name: name.to_owned(),
        ..CopyObject::default()
    };
    let copied = system.drafts.copy_object(&to("film", "copy")).await.expect("copied");
    assert_eq!((copied.size, copied.replayed), (LARGE, false));
    assert_large_copy(&system.world, "film", "copy").await;
    let moved = system.drafts.move_object(&to("copy", "moved")).await.expect("moved");
    assert_eq!((moved.size, moved.replayed), (LARGE, false));
    assert_large_copy(&system.world, "film", "moved").await;
    let left = system.world.storage.head(system.world.main.name(), &key("copy")).await;
    assert_eq!(left.expect_err("moved").kind, ErrorKind::NotFound);
    assert_eq!(system.world.main_uploads().await, 0);
}
