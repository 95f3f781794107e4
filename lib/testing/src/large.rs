//! An object too large for a single copy, at its full size.

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use draftstore_storage::DraftVersion;

use crate::{TestBuckets, key};

/// The size of the object in bytes, larger than the 5 GiB of a single copy.
pub const LARGE: u64 = 6 * 1024 * 1024 * 1024;

/// The size of a part of the draft, in bytes.
const BLOCK: u64 = 64 * 1024 * 1024;

/// The number of bytes compared before and after the start of each part.
const AROUND: u64 = 512;

/// Creates a draft of two alternating blocks, in an order that does not repeat. The embedded store only refers to the
/// blocks, so that the 6 GiB take no disk space.
///
/// # Panics
/// Panics if the store rejects a request.
pub async fn large_draft(world: &TestBuckets, name: &str) -> DraftVersion {
    let blocks = [[b'a'; 1024], [b'b'; 1024]].map(|kib| kib.repeat(64 * 1024));
    for (name, block) in ["a", "b"].into_iter().zip(blocks) {
        world.upload(&key(name), block).await;
    }
    let (sdk, bucket) = (world.sdk(), world.draft.name().as_str());
    let created = sdk.create_multipart_upload().bucket(bucket).key(name).send().await;
    let created = created.expect("created");
    let upload_id = created.upload_id().expect("an ID");
    let mut parts = Vec::new();
    for number in 1..=i32::try_from(LARGE / BLOCK).expect("few") {
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

/// Compares a copy of a large draft with the draft, on both sides of the start of every part.
///
/// # Panics
/// Panics if they differ.
pub async fn assert_large_copy(world: &TestBuckets, draft: &str, main: &str) {
    let (sdk, draft_bucket, main_bucket) = (world.sdk(), world.draft.name().as_str(), world.main.name().as_str());
    for block in 0..=LARGE / BLOCK {
        let at = block * BLOCK;
        let copied = read_around(&sdk, main_bucket, main, at).await;
        assert!(
            copied == read_around(&sdk, draft_bucket, draft, at).await,
            "around {at}"
        );
    }
}

async fn read_around(sdk: &Client, bucket: &str, name: &str, at: u64) -> Vec<u8> {
    let range = format!("bytes={}-{}", at.saturating_sub(AROUND), (at + AROUND).min(LARGE) - 1);
    let object = sdk.get_object().bucket(bucket).key(name).range(range).send().await;
    let bytes = object.expect("the object exists").body.collect().await;
    bytes.expect("the whole range").to_vec()
}
