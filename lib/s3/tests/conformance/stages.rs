//! A copy in parts is invisible until it is completed, whole after, of the version that was meant, and under its
//! condition.

use draftstore_storage::{DraftVersion, ErrorKind, IfDestination, ObjectHeader, ObjectKey, StagedCopy};

use draftstore_testing::{TestBuckets, attributes, etag, key};

/// The size of all parts but the last.
const PART: usize = 5 * 1024 * 1024;

/// Three parts, the last of them shorter.
const SIZE: u32 = 12 * 1024 * 1024 + 1;

/// Other bytes in every part.
fn bytes() -> Vec<u8> {
    (0..SIZE)
        .map(|n| (n ^ (n >> 12) ^ (n >> 20)).to_le_bytes()[0])
        .collect()
}

/// A draft of a name, in a size that Garage copies as a part: not what it keeps beside the key.
fn body(name: &str) -> String {
    name.repeat(1000)
}

/// Uploads a draft with the body of that name, and stages its copy.
async fn stage(world: &TestBuckets, name: &str, main_key: &ObjectKey) -> StagedCopy {
    let body = body(name);
    let size = body.len() as u64;
    let draft = world.draft(name, body).await;
    world.stage(&draft, size, main_key).await.expect("staged")
}

async fn assert_main(world: &TestBuckets, main_key: &ObjectKey, name: &str) {
    let there = world.main_bytes(main_key).await.expect("it is there");
    assert!(there == body(name).as_bytes(), "it is not {name}");
}

pub(crate) async fn a_staged_copy_is_invisible_until_completed_and_whole_after(world: &TestBuckets) {
    let bytes = bytes();
    let draft = world.draft("raw/ü +%20?.bin", bytes.clone()).await;
    let headers = [
        (ObjectHeader::CacheControl, "max-age=60"),
        (ObjectHeader::ContentDisposition, "inline; filename=\"a b.mp4\""),
        (ObjectHeader::ContentLanguage, "de, en"),
    ];
    let attributes = attributes(Some("video/mp4"), headers, [("author", "ada")]);
    let main_key = key("album/ü +%20?.mp4");
    let staged = world.stage_with(&draft, u64::from(SIZE), &main_key, &attributes).await;
    let staged = staged.expect("staged");
    let numbers: Vec<_> = staged.parts.iter().map(|part| part.number).collect();
    assert_eq!((numbers, staged.size), (vec![1, 2, 3], u64::from(SIZE)));
    let nothing = world.storage.head(world.main.name(), &main_key).await;
    assert_eq!(nothing.expect_err("invisible").kind, ErrorKind::NotFound);
    assert_eq!(world.main_uploads().await, 1);

    let completed = world.complete(&main_key, &staged, IfDestination::Absent).await;
    let info = world.storage.head(world.main.name(), &main_key).await;
    let info = info.expect("it is there");
    assert_eq!((info.etag, info.size), (completed.expect("completed"), u64::from(SIZE)));
    assert_eq!(info.attributes, attributes.into());
    assert_eq!(world.main_bytes(&main_key).await, Some(bytes));
    assert_eq!(world.main_uploads().await, 0);
    assert!(world.draft_bytes(&draft.key).await.is_some(), "the draft is left");
}

/// Stages and completes the copy of an object of that size.
async fn copied_in_parts(world: &TestBuckets, bytes: &[u8]) {
    let size = bytes.len();
    let main_key = key(&format!("{size} bytes"));
    let draft = world.draft("raw", bytes.to_vec()).await;
    let staged = world.stage(&draft, size as u64, &main_key).await.expect("staged");
    assert_eq!(staged.parts.len(), size.div_ceil(PART).max(1));
    let completed = world.complete(&main_key, &staged, IfDestination::Absent).await;
    completed.expect("completed");
    let there = world.main_bytes(&main_key).await;
    assert!(there.as_deref() == Some(bytes), "{size} bytes");
}

pub(crate) async fn whole_parts_and_a_byte_more_can_be_staged(world: &TestBuckets) {
    let bytes = bytes();
    for size in [PART, PART + 1, 2 * PART] {
        copied_in_parts(world, &bytes[..size]).await;
    }
}

pub(crate) async fn the_smallest_objects_can_be_staged(world: &TestBuckets) {
    copied_in_parts(world, b"").await;
    copied_in_parts(world, b"1").await;
}

/// Garage's lack. Only what is over 5 GiB needs to be staged.
pub(crate) async fn the_smallest_objects_cannot_be_staged(world: &TestBuckets) {
    for bytes in ["", "1"] {
        let draft = world.draft("raw", bytes).await;
        let refused = world.stage(&draft, bytes.len() as u64, &key("target")).await;
        assert_eq!(refused.expect_err("refused").kind, ErrorKind::Unexpected);
        assert_eq!(world.main_uploads().await, 0);
    }
}

pub(crate) async fn a_staged_copy_of_another_version_is_refused_and_leaves_no_upload(world: &TestBuckets) {
    let mut bytes = bytes();
    let before = world.draft("changed", bytes.clone()).await;
    bytes.reverse();
    world.upload(&before.key, bytes).await;
    let refused = world.stage(&before, u64::from(SIZE), &key("target")).await;
    assert_eq!(refused.expect_err("refused").kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.main_uploads().await, 0);
    assert_eq!(world.main_bytes(&key("target")).await, None);
}

pub(crate) async fn a_staged_copy_of_nothing_is_not_found(world: &TestBuckets) {
    let draft = DraftVersion {
        key: key("nothing"),
        etag: etag("d41d8cd98f00b204e9800998ecf8427e"),
    };
    let refused = world.stage(&draft, u64::from(SIZE), &draft.key).await;
    assert_eq!(refused.expect_err("refused").kind, ErrorKind::NotFound);
    assert_eq!(world.main_uploads().await, 0);
}

pub(crate) async fn a_completion_onto_an_object_is_refused_where_none_must_be(world: &TestBuckets) {
    let main_key = key("target");
    let (first, second) = (
        stage(world, "first", &main_key).await,
        stage(world, "second", &main_key).await,
    );
    let completed = world.complete(&main_key, &first, IfDestination::Absent).await;
    completed.expect("completed");
    let refused = world.complete(&main_key, &second, IfDestination::Absent).await;
    assert_eq!(refused.expect_err("refused").kind, ErrorKind::PreconditionFailed);
    assert_main(world, &main_key, "first").await;
    assert_eq!(world.main_uploads().await, 1, "the upload stays");
}

/// Garage's lack. It ends other uploads of a key with one's completion, so they come one after the other here.
pub(crate) async fn a_completion_replaces_an_object_where_none_must_be(world: &TestBuckets) {
    let main_key = key("target");
    for name in ["first", "second"] {
        let staged = stage(world, name, &main_key).await;
        let completed = world.complete(&main_key, &staged, IfDestination::Absent).await;
        completed.expect("completed");
        assert_main(world, &main_key, name).await;
    }
}

pub(crate) async fn a_completion_replaces_the_version_that_must_be_there_and_no_other(world: &TestBuckets) {
    let main_key = key("target");
    let first = world.draft("first", body("first")).await;
    let there = world
        .copy(&first, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let staged = stage(world, "second", &main_key).await;
    let other = etag("00000000000000000000000000000000");
    let refused = world.complete(&main_key, &staged, IfDestination::Matches(&other)).await;
    assert_eq!(refused.expect_err("refused").kind, ErrorKind::PreconditionFailed);
    assert_main(world, &main_key, "first").await;
    let completed = world.complete(&main_key, &staged, IfDestination::Matches(&there)).await;
    completed.expect("completed");
    assert_main(world, &main_key, "second").await;
}

/// Garage's lack.
pub(crate) async fn a_completion_replaces_any_version(world: &TestBuckets) {
    let main_key = key("target");
    let first = world.draft("first", body("first")).await;
    world
        .copy(&first, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let staged = stage(world, "second", &main_key).await;
    let other = etag("00000000000000000000000000000000");
    let completed = world.complete(&main_key, &staged, IfDestination::Matches(&other)).await;
    completed.expect("completed");
    assert_main(world, &main_key, "second").await;
}

pub(crate) async fn a_completion_over_a_version_that_is_gone_is_refused(world: &TestBuckets) {
    let (main_key, other) = (key("target"), etag("00000000000000000000000000000000"));
    let staged = stage(world, "first", &main_key).await;
    let refused = world.complete(&main_key, &staged, IfDestination::Matches(&other)).await;
    // S3 answers 404 here; others 412.
    let kind = refused.expect_err("refused").kind;
    assert!(
        matches!(kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed),
        "{kind:?}"
    );
    assert_eq!(world.main_bytes(&main_key).await, None);
}

/// Garage's lack.
pub(crate) async fn a_completion_over_a_version_that_is_gone_is_made(world: &TestBuckets) {
    let (main_key, other) = (key("target"), etag("00000000000000000000000000000000"));
    let staged = stage(world, "first", &main_key).await;
    let completed = world.complete(&main_key, &staged, IfDestination::Matches(&other)).await;
    completed.expect("completed");
    assert_main(world, &main_key, "first").await;
}

pub(crate) async fn an_aborted_copy_is_gone_and_cannot_be_completed(world: &TestBuckets) {
    let main_key = key("target");
    let staged = stage(world, "first", &main_key).await;
    for _ in 0..2 {
        let aborted = world
            .storage
            .abort_copy(&world.main, &main_key, &staged.upload_id)
            .await;
        aborted.expect("what is gone is no error");
        assert_eq!(world.main_uploads().await, 0);
    }
    let refused = world.complete(&main_key, &staged, IfDestination::Absent).await;
    assert_eq!(refused.expect_err("refused").kind, ErrorKind::NotFound);
    assert_eq!(world.main_bytes(&main_key).await, None);
}

/// Enough to meet, few enough to be quick.
const RACERS: usize = 8;

/// Stages as many drafts for one key of main, completes them at once, and gives what each was told, beside its name.
async fn race(world: &TestBuckets, main_key: &ObjectKey) -> Vec<(String, Option<ErrorKind>)> {
    let mut racers = Vec::new();
    for racer in 0..RACERS {
        let name = format!("racer {racer}");
        racers.push((stage(world, &name, main_key).await, name));
    }
    let completions = racers.into_iter().map(|(staged, name)| async move {
        let completed = world.complete(main_key, &staged, IfDestination::Absent).await;
        (name, completed.err().map(|error| error.kind))
    });
    futures::future::join_all(completions).await
}

pub(crate) async fn of_racing_completions_one_wins(world: &TestBuckets) {
    let main_key = key("raced");
    let told = race(world, &main_key).await;
    let (won, lost): (Vec<_>, Vec<_>) = told.into_iter().partition(|(_, kind)| kind.is_none());
    assert_eq!(won.len(), 1);
    assert_main(world, &main_key, &won[0].0).await;
    for (_, kind) in lost {
        let refused = matches!(kind, Some(ErrorKind::PreconditionFailed | ErrorKind::Conflict));
        assert!(refused, "{kind:?}");
    }
}

/// Garage's lack, and now and then that of SeaweedFS, which looks at the key before it completes. Which of them find their
/// upload ended by another's completion, its parts gone or the key taken, is a matter of luck.
pub(crate) async fn of_racing_completions_several_are_told_that_they_won(world: &TestBuckets) {
    let main_key = key("raced");
    let told = race(world, &main_key).await;
    let (won, lost): (Vec<_>, Vec<_>) = told.into_iter().partition(|(_, kind)| kind.is_none());
    let there = world.main_bytes(&main_key).await.expect("it is there");
    let whole = won.iter().any(|(name, _)| body(name).as_bytes() == there);
    assert!(whole, "the bytes of one of them");
    for (_, kind) in lost {
        let ended = matches!(
            kind,
            Some(ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::PreconditionFailed)
        );
        assert!(ended, "{kind:?}");
    }
}
