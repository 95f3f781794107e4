//! A copy into main is whole, of the version that was meant, and under its condition.

use std::collections::BTreeMap;

use draftstore_storage::{
    Attributes, CopyToMain, DraftVersion, ETag, ErrorKind, IfDestination, ObjectHeader, ObjectKey,
};

use draftstore_testing::{TestBuckets, attributes, etag, key};

pub(crate) async fn a_copy_keeps_bytes_and_replaces_attributes(world: &TestBuckets) {
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let draft = world.draft("picture", bytes.clone()).await;
    let headers = [
        (ObjectHeader::CacheControl, "max-age=60"),
        (ObjectHeader::ContentDisposition, "inline; filename=\"a b.png\""),
        (ObjectHeader::ContentEncoding, "identity"),
        (ObjectHeader::ContentLanguage, "de, en"),
    ];
    let attributes = attributes(Some("image/png"), headers, [("author", "ada")]);
    let main_key = key("album/picture.png");
    let etag = copy_with(world, &draft, &main_key, &attributes).await;
    let info = world
        .storage
        .head(world.main.name(), &main_key)
        .await
        .expect("it is there");
    assert_eq!((info.etag, info.size), (etag, bytes.len() as u64));
    assert_eq!(info.attributes, attributes.into());
    assert_eq!(world.main_bytes(&main_key).await, Some(bytes.clone()));
    assert_eq!(world.draft_bytes(&draft.key).await, Some(bytes), "the draft is left");
}

async fn copy_with(world: &TestBuckets, draft: &DraftVersion, main_key: &ObjectKey, attributes: &Attributes) -> ETag {
    let copy = CopyToMain {
        draft_bucket: &world.draft,
        draft_key: &draft.key,
        draft_etag: &draft.etag,
        main_bucket: &world.main,
        main_key,
        if_destination: IfDestination::Absent,
        attributes,
    };
    world.storage.copy_to_main(&copy).await.expect("copied")
}

/// Clients do send it raw. A store may refuse that, but what it takes must be readable.
pub(crate) async fn a_content_disposition_in_utf8_is_refused_or_can_be_read(world: &TestBuckets) {
    let (key, disposition) = (key("grösse.png"), "inline; filename=\"größe.png\"".to_owned());
    let mut signed = world.sign_put(&world.put(&key)).await;
    signed.headers.insert("content-disposition".to_owned(), disposition);
    let status = world.send(&signed, "png").await.status();
    if status != 200 {
        assert!(status.is_client_error(), "{status}");
        assert_eq!(world.draft_bytes(&key).await, None);
        return;
    }
    let draft = world.storage.head(world.draft.name(), &key).await.expect("it is there");
    let version = DraftVersion { key, etag: draft.etag };
    copy_with(world, &version, &version.key, Attributes::NONE).await;
    let main = world
        .storage
        .head(world.main.name(), &version.key)
        .await
        .expect("it is there");
    assert_eq!(main.attributes.headers, BTreeMap::new());
}

pub(crate) async fn a_copy_of_another_version_is_refused(world: &TestBuckets) {
    let before = world.draft("changed", "before").await;
    world.upload(&before.key, "after").await;
    let refused = world
        .copy(&before, &before.key, IfDestination::Absent)
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.main_bytes(&before.key).await, None);
}

pub(crate) async fn a_copy_of_nothing_is_not_found(world: &TestBuckets) {
    let draft = DraftVersion {
        key: key("nothing"),
        etag: etag("d41d8cd98f00b204e9800998ecf8427e"),
    };
    let refused = world
        .copy(&draft, &draft.key, IfDestination::Absent)
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::NotFound);
}

pub(crate) async fn a_copy_onto_an_object_is_refused_where_none_must_be(world: &TestBuckets) {
    let (first, second) = (world.draft("one", "first").await, world.draft("two", "second").await);
    let main_key = key("target");
    world
        .copy(&first, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let refused = world
        .copy(&second, &main_key, IfDestination::Absent)
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.main_bytes(&main_key).await.as_deref(), Some(&b"first"[..]));
}

/// Garage's lack.
pub(crate) async fn a_copy_replaces_an_object_where_none_must_be(world: &TestBuckets) {
    let (first, second) = (world.draft("one", "first").await, world.draft("two", "second").await);
    let main_key = key("target");
    world
        .copy(&first, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    world
        .copy(&second, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    assert_eq!(world.main_bytes(&main_key).await.as_deref(), Some(&b"second"[..]));
}

pub(crate) async fn a_copy_replaces_the_version_that_must_be_there_and_no_other(world: &TestBuckets) {
    let (first, second) = (world.draft("one", "first").await, world.draft("two", "second").await);
    let main_key = key("target");
    let there = world
        .copy(&first, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let other = etag("00000000000000000000000000000000");
    let refused = world
        .copy(&second, &main_key, IfDestination::Matches(&other))
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, ErrorKind::PreconditionFailed);
    assert_eq!(world.main_bytes(&main_key).await.as_deref(), Some(&b"first"[..]));
    world
        .copy(&second, &main_key, IfDestination::Matches(&there))
        .await
        .expect("copied");
    assert_eq!(world.main_bytes(&main_key).await.as_deref(), Some(&b"second"[..]));
}

/// Garage's lack.
pub(crate) async fn a_copy_replaces_any_version(world: &TestBuckets) {
    let (first, second) = (world.draft("one", "first").await, world.draft("two", "second").await);
    let main_key = key("target");
    world
        .copy(&first, &main_key, IfDestination::Absent)
        .await
        .expect("copied");
    let other = etag("00000000000000000000000000000000");
    world
        .copy(&second, &main_key, IfDestination::Matches(&other))
        .await
        .expect("copied");
    assert_eq!(world.main_bytes(&main_key).await.as_deref(), Some(&b"second"[..]));
}

pub(crate) async fn a_copy_over_a_version_that_is_gone_is_refused(world: &TestBuckets) {
    let (draft, other) = (
        world.draft("one", "first").await,
        etag("00000000000000000000000000000000"),
    );
    let refused = world
        .copy(&draft, &draft.key, IfDestination::Matches(&other))
        .await
        .expect_err("refused");
    // S3 answers 404 here; others 412.
    assert!(
        matches!(refused.kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed),
        "{:?}",
        refused.kind
    );
    assert_eq!(world.main_bytes(&draft.key).await, None);
}

/// Garage's lack.
pub(crate) async fn a_copy_over_a_version_that_is_gone_is_made(world: &TestBuckets) {
    let (draft, other) = (
        world.draft("one", "first").await,
        etag("00000000000000000000000000000000"),
    );
    world
        .copy(&draft, &draft.key, IfDestination::Matches(&other))
        .await
        .expect("copied");
    assert_eq!(world.main_bytes(&draft.key).await.as_deref(), Some(&b"first"[..]));
}

/// Enough to meet, few enough to be quick.
const RACERS: usize = 8;

/// Copies as many drafts at once to one key of main, and gives what each was told.
async fn race(world: &TestBuckets, main_key: &str) -> Vec<Result<String, ErrorKind>> {
    let mut drafts = Vec::new();
    for racer in 0..RACERS {
        drafts.push(
            world
                .draft(&format!("racer {racer}"), format!("bytes of {racer}").repeat(10_000))
                .await,
        );
    }
    let main_key = key(main_key);
    let copies = drafts.iter().enumerate().map(|(racer, draft)| {
        let main_key = &main_key;
        async move {
            let copied = world.copy(draft, main_key, IfDestination::Absent).await;
            copied
                .map(|_| format!("bytes of {racer}").repeat(10_000))
                .map_err(|error| error.kind)
        }
    });
    futures::future::join_all(copies).await
}

pub(crate) async fn of_racing_copies_one_wins(world: &TestBuckets) {
    let told = race(world, "raced").await;
    let winners: Vec<_> = told.iter().flatten().collect();
    assert_eq!(
        winners.len(),
        1,
        "{:?}",
        told.iter().map(Result::is_ok).collect::<Vec<_>>()
    );
    assert_eq!(
        world.main_bytes(&key("raced")).await.as_deref(),
        Some(winners[0].as_bytes())
    );
    for refused in told.iter().filter_map(|told| told.as_ref().err()) {
        assert!(
            matches!(refused, ErrorKind::PreconditionFailed | ErrorKind::Conflict),
            "{refused:?}"
        );
    }
}

/// Garage's lack.
pub(crate) async fn of_racing_copies_all_are_told_that_they_won(world: &TestBuckets) {
    let told = race(world, "raced").await;
    let winners: Vec<_> = told
        .into_iter()
        .map(|told| told.expect("copied").into_bytes())
        .collect();
    let there = world.main_bytes(&key("raced")).await.expect("it is there");
    assert!(winners.contains(&there), "the bytes of one of them, whole");
}
