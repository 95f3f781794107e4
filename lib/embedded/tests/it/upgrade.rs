//! Data directories of earlier versions: they open, and lose nothing.

use aws_sdk_s3::types::{BucketVersioningStatus, CompletedMultipartUpload, CompletedPart};
use tempfile::TempDir;

use crate::harness::{BUCKET, TestStore, blob_files};

/// The index that a server of format 2 wrote. It refers to one blob file.
const INDEX: &[u8] = include_bytes!("../data/format-2/index.redb");
const BLOB: &str = "ba202ca86b65d1417001942c19576be3";
const UPLOAD: &str = "01a228e8fe0677820695d3b3b9f74b32c9aa0809937c";

#[tokio::test]
async fn directory_of_format_2_opens_with_everything_in_it() {
    let dir = TempDir::new().unwrap();
    std::fs::write(dir.path().join("index.redb"), INDEX).unwrap();
    let file = "0123456789".repeat(2000);
    let path = dir.path().join("blobs").join(&BLOB[..2]);
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join(BLOB), &file).unwrap();

    // The second round opens the upgraded directory.
    let mut dir = Some(dir);
    for round in 0..2 {
        let store = TestStore::start_in(dir.take().unwrap()).await;
        assert_eq!(store.get("inline").await.unwrap(), "inline bytes");
        assert_eq!(store.get("empty").await.unwrap(), "");
        assert_eq!(store.get("file").await.unwrap(), file);
        assert_eq!(store.get("copy").await.unwrap(), file);
        let head = store.s3.head_object().bucket(BUCKET).key("inline");
        let head = head
            .checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        assert_eq!(head.e_tag(), Some("\"523960dc7b38c0a052ee0e9652f0f0c4\""));
        assert_eq!(
            (head.content_type(), head.cache_control()),
            (Some("text/plain"), Some("no-cache"))
        );
        assert_eq!(head.metadata().unwrap()["a"], "b");
        assert!(head.checksum_sha256().is_some() && head.last_modified().unwrap().secs() == 1_795_982_687);
        let cors = store.s3.get_bucket_cors().bucket(BUCKET).send().await.unwrap();
        assert_eq!(cors.cors_rules()[0].allowed_origins(), ["https://app.example.com"]);
        let parts = store
            .s3
            .head_object()
            .bucket(BUCKET)
            .key("parts")
            .part_number(1)
            .send()
            .await
            .unwrap();
        assert_eq!((parts.parts_count(), parts.content_length()), (Some(1), Some(8)));
        if round == 0 {
            let part = CompletedPart::builder()
                .part_number(1)
                .e_tag("\"9db120e8880f33acf4ddeb40892c390c\"");
            let parts = CompletedMultipartUpload::builder().parts(part.build()).build();
            let complete = store
                .s3
                .complete_multipart_upload()
                .bucket(BUCKET)
                .key("unfinished")
                .upload_id(UPLOAD);
            complete.multipart_upload(parts).send().await.unwrap();
        }
        let head = store
            .s3
            .head_object()
            .bucket(BUCKET)
            .key("unfinished")
            .send()
            .await
            .unwrap();
        assert_eq!(
            (head.content_type(), head.metadata().unwrap()["e"].as_str()),
            (Some("image/png"), "f")
        );
        dir = Some(store.stop().await);
    }

    let store = TestStore::start_in(dir.unwrap()).await;
    store.set_versioning(BucketVersioningStatus::Enabled).await;
    store.put_version("file", "newer").await;
    let old = store
        .s3
        .get_object()
        .bucket(BUCKET)
        .key("file")
        .version_id("null")
        .send()
        .await
        .unwrap();
    assert_eq!(old.body.collect().await.unwrap().into_bytes(), file);
    store.delete_version("file", "null").await;
    for key in ["copy", "inline", "parts"] {
        store.delete_version(key, "null").await;
    }
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 0);
}
