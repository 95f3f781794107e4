//! Keys are taken verbatim, through every call and every URL.

use std::collections::BTreeSet;

use draftstore_storage::{DraftVersion, IfDestination, ListObjects};

use draftstore_testing::{TestBuckets, key};

/// One of each kind that is allowed as an object name.
fn names(longest_segment: usize) -> Vec<String> {
    let mut names: Vec<String> = [
        "plain.txt",
        "a/deep/path/to/a/file.txt",
        "with space.txt",
        " leading and trailing ",
        "two  spaces",
        "plus+plus.txt",
        "percent%.txt",
        "percent%20encoded%2Fslash.txt",
        "hash#tag.txt",
        "question?mark=1&and=2",
        "semi;colon:at@bang!dollar$",
        "quote'\"paren()star*comma,",
        "brackets[]{}<>|^`~",
        "<key>&amp;</key>",
        "dots...and..dots/...",
        "caf\u{e9}.txt",
        "cafe\u{301}.txt",
        "\u{ff21}fullwidth",
        "文件/写真.jpg",
        "👩‍👩‍👧‍👦.png",
        "no\u{a0}break\u{200d}joiner",
        "tilde~dash-under_score",
        "ends with dot.",
        "UPPER and lower",
        "upper AND LOWER",
    ]
    .map(ToOwned::to_owned)
    .into();
    names.push("l".repeat(longest_segment));
    names.push("ü".repeat(longest_segment / 2));
    names.push(["long", &"p/".repeat(440), "end"].concat());
    names
}

pub(crate) async fn keys_of_every_allowed_kind_round_trip(world: &TestBuckets) {
    round_trip(world, names(900)).await;
}

/// SeaweedFS takes 255 bytes between two slashes.
pub(crate) async fn keys_of_short_segments_round_trip(world: &TestBuckets) {
    round_trip(world, names(255)).await;
}

async fn round_trip(world: &TestBuckets, names: Vec<String>) {
    let mut drafts = Vec::new();
    for name in &names {
        let draft = world.draft(name, name.clone()).await;
        let info = world.storage.head(world.draft.name(), &draft.key).await.expect(name);
        assert_eq!(
            (info.etag, info.size),
            (draft.etag.clone(), name.len() as u64),
            "HEAD {name}"
        );
        world.copy(&draft, &draft.key, IfDestination::Absent).await.expect(name);
        drafts.push(draft);
    }
    for bucket in [world.draft.name(), world.main.name()] {
        let page = world
            .storage
            .list(bucket, &ListObjects::default())
            .await
            .expect("a list");
        let listed: BTreeSet<_> = page
            .objects
            .into_iter()
            .map(|object| object.key.as_str().to_owned())
            .collect();
        assert_eq!(listed, names.iter().cloned().collect());
    }
    for name in &names {
        assert_eq!(
            world.draft_bytes(&key(name)).await,
            Some(name.clone().into_bytes()),
            "GET {name}"
        );
        assert_eq!(
            world.main_bytes(&key(name)).await,
            Some(name.clone().into_bytes()),
            "COPY {name}"
        );
    }
    let (one_by_one, batch) = drafts.split_at(drafts.len() / 2);
    for draft in one_by_one {
        world.storage.delete_draft(&world.draft, draft).await.expect("deleted");
    }
    assert_eq!(
        world.storage.delete_drafts(&world.draft, batch).await.expect("deleted"),
        []
    );
    let page = world
        .storage
        .list(world.draft.name(), &ListObjects::default())
        .await
        .expect("a list");
    assert_eq!(page.objects, []);
}

pub(crate) async fn keys_of_every_allowed_kind_can_be_deleted_in_a_batch(world: &TestBuckets) {
    delete_in_a_batch(world, names(900)).await;
}

pub(crate) async fn keys_of_short_segments_can_be_deleted_in_a_batch(world: &TestBuckets) {
    delete_in_a_batch(world, names(255)).await;
}

async fn delete_in_a_batch(world: &TestBuckets, names: Vec<String>) {
    let mut drafts: Vec<DraftVersion> = Vec::new();
    for name in &names {
        drafts.push(world.draft(name, "bytes").await);
    }
    assert_eq!(
        world
            .storage
            .delete_drafts(&world.draft, &drafts)
            .await
            .expect("deleted"),
        []
    );
    let page = world
        .storage
        .list(world.draft.name(), &ListObjects::default())
        .await
        .expect("a list");
    assert_eq!(page.objects, []);
}

pub(crate) async fn names_that_look_alike_are_different_objects(world: &TestBuckets) {
    let (composed, decomposed) = (key("caf\u{e9}"), key("cafe\u{301}"));
    world.upload(&composed, "composed").await;
    world.upload(&decomposed, "decomposed").await;
    assert_eq!(world.draft_bytes(&composed).await.as_deref(), Some(&b"composed"[..]));
    assert_eq!(
        world.draft_bytes(&decomposed).await.as_deref(),
        Some(&b"decomposed"[..])
    );
}
