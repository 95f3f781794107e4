use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::key;

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn large_file_is_sent_in_parts_exactly_once() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 60 * MIB + 1);
    let uploaded = user.json(["upload", text(&file), "--unique", "--confirm", "--parallel", "3"]);
    let parts = server.parts_sent_sorted(0);
    let count = u32::try_from(parts.len()).expect("few");
    assert!(count > 3, "{parts:?}");
    assert_eq!(parts, (1..=count).collect::<Vec<_>>());
    assert_eq!(uploaded["sent"], (60 * MIB + 1).to_string());
    assert_eq!(uploaded["size"], uploaded["confirmed"]["size"]);
    assert_eq!(server.requests_of(Operation::CreateMultipartUpload).len(), 1);
    let stored = server.world.main_bytes(&key("large")).await;
    assert!(stored == Some(fs::read(&file).expect("read")), "other bytes");
    assert!(user.state_files().is_empty());
    assert_eq!(server.world.uploads().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_and_large_files_share_the_permits() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let sizes = [16 * MIB, 16 * MIB - 1, 25 * MIB, 0, 1];
    let files: Vec<_> = sizes
        .iter()
        .enumerate()
        .map(|(n, size)| user.large_file(&format!("f{n}"), *size))
        .collect();
    let all = files.iter().map(|file| text(file));
    let ended = user.run(["upload", "--json", "--parallel", "2"].into_iter().chain(all));
    assert_eq!((ended.status, ended.results().len()), (0, sizes.len()), "{ended:?}");
    assert_eq!(server.requests_of(Operation::CreateMultipartUpload).len(), 2);
    for (n, file) in files.iter().enumerate() {
        let stored = server.world.draft_bytes(&key(&format!("f{n}"))).await;
        assert!(stored == Some(fs::read(file).expect("read")), "other bytes in f{n}");
    }
}
