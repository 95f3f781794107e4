//! An object over what one copy carries, at its true size and with the settings that ship.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use draftstore_storage::{Attributes, DraftVersion, ErrorKind, IfDestination, StageCopy};

use draftstore_testing::{World, key};

/// Over the 5 GiB of a single copy.
const SIZE: u64 = 6 * 1024 * 1024 * 1024;

/// What the draft is made of.
const BLOCK: u64 = 64 * 1024 * 1024;

/// What is looked at, on both sides of every block's beginning.
const LOOK: u64 = 512;

/// A draft of two blocks' bytes, in an order that does not repeat itself. The embedded store refers to them: 6 GiB are
/// nowhere on the disk.
async fn draft(world: &World) -> DraftVersion {
    let blocks = [[b'a'; 1024], [b'b'; 1024]].map(|kib| kib.repeat(64 * 1024));
    for (name, block) in ["a", "b"].into_iter().zip(blocks) {
        world.upload(&key(name), block).await;
    }
    let (sdk, bucket, name) = (world.sdk(), world.draft.name().as_str(), "film");
    let begun = sdk.create_multipart_upload().bucket(bucket).key(name).send().await;
    let begun = begun.expect("begun");
    let upload_id = begun.upload_id().expect("an ID");
    let mut parts = Vec::new();
    for number in 1..=i32::try_from(SIZE / BLOCK).expect("few") {
        let block = if number.count_ones() % 2 == 0 { "a" } else { "b" };
        let part = sdk.upload_part_copy().bucket(bucket).key(name).upload_id(upload_id);
        let part = part.copy_source(format!("{bucket}/{block}")).part_number(number);
        let copied = part.send().await.expect("copied").copy_part_result;
        let etag = copied.and_then(|copied| copied.e_tag);
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(etag).build());
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = sdk
        .complete_multipart_upload()
        .bucket(bucket)
        .key(name)
        .upload_id(upload_id);
    let completed = complete.multipart_upload(parts).send().await.expect("completed");
    let etag = completed.e_tag().and_then(|etag| etag.parse().ok());
    DraftVersion {
        key: key(name),
        etag: etag.expect("an ETag"),
    }
}

async fn look(sdk: &Client, bucket: &str, name: &str, at: u64) -> Vec<u8> {
    let range = format!("bytes={}-{}", at.saturating_sub(LOOK), (at + LOOK).min(SIZE) - 1);
    let object = sdk.get_object().bucket(bucket).key(name).range(range).send().await;
    let bytes = object.expect("it is there").body.collect().await;
    bytes.expect("the whole range").to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn six_gib_are_copied_in_parts() {
    let world = World::embedded().await;
    let draft = draft(&world).await;
    let main_key = key("film.mp4");
    let too_large = world.copy(&draft, &main_key, IfDestination::Absent).await;
    assert_eq!(too_large.expect_err("in one").kind, ErrorKind::TooLarge);

    let copy = StageCopy {
        draft_bucket: &world.draft,
        draft_key: &draft.key,
        draft_etag: &draft.etag,
        size: SIZE,
        main_bucket: &world.main,
        main_key: &main_key,
        attributes: &Attributes::default(),
    };
    let staged = world.storage.stage_copy(&copy).await.expect("staged");
    assert_eq!(staged.parts.len(), 12);
    let completed = world.complete(&main_key, &staged, IfDestination::Absent).await;
    let info = world.storage.head(world.main.name(), &main_key).await;
    let info = info.expect("it is there");
    assert_eq!((info.etag, info.size), (completed.expect("completed"), SIZE));

    let (sdk, draft_bucket, main_bucket) = (world.sdk(), world.draft.name().as_str(), world.main.name().as_str());
    for block in 0..=SIZE / BLOCK {
        let at = block * BLOCK;
        let there = look(&sdk, main_bucket, "film.mp4", at).await;
        assert!(there == look(&sdk, draft_bucket, "film", at).await, "around {at}");
    }
}
