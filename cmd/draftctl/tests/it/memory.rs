use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::proxy::{Moment, Target};

use crate::ground::Ground;
use crate::program::{User, text};

const MIB: usize = 1024 * 1024;

/// Far below what the file has, and below four of its parts.
const MOST: usize = 64 * MIB;

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_follow_the_size_of_the_file() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 256 * MIB);
    // When the server completes the upload, all has been sent, and the process is still there to be looked at.
    let mut completing = ground
        .proxy
        .pause_at(Target::of(Operation::CompleteMultipartUpload), 1, Moment::Before);
    let mut running = user.start(["upload", text(&file), "--parallel", "8"]);
    running.reaches(&mut completing).await;
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("read");
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak * 1024 < MOST, "{peak} KiB");
    completing.let_go().await;
    let ended = running.ended().await;
    assert_eq!(ended.status, 0, "{ended:?}");
}
