use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::proxy::{Moment, RequestFilter};

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

/// The maximum memory, far less than the file, and less than four of its parts.
const MAX_MEMORY: usize = 64 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_file() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 256 * MIB);
    // When the server completes the upload, all parts have been sent, and the process still runs.
    let mut completing =
        server
            .proxy
            .pause_at(RequestFilter::of(Operation::CompleteMultipartUpload), 1, Moment::Before);
    let mut running = user.start(["upload", text(&file), "--parallel", "8"]);
    running.reaches(&mut completing).await;
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("read");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak * 1024 < MAX_MEMORY, "{peak} KiB");
    completing.let_go().await;
    let ended = running.ended().await;
    assert_eq!(ended.status, 0, "{ended:?}");
}
