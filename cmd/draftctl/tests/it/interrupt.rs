use draftstore_storage::Operation;
use draftstore_testing::proxy::{Moment, Target};

use crate::ground::Ground;
use crate::program::{User, text};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn sigint_says_that_the_same_command_goes_on() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 40 * MIB);
    let mut second = ground
        .proxy
        .pause_at(Target::of(Operation::UploadPart), 2, Moment::After);
    let mut running = user.start(["upload", text(&file), "--parallel", "1", "--json"]);
    running.reaches(&mut second).await;
    running.interrupt();
    let ended = running.ended().await;
    second.let_go().await;
    assert_eq!(ended.status, 130, "{ended:?}");
    let [failure] = &ended.failures()[..] else {
        panic!("{ended:?}");
    };
    assert_eq!(failure["reason"], "INTERRUPTED");
    assert_eq!(user.remembered().len(), 1);
    let mark = ground.mark();
    user.json(["upload", text(&file)]);
    assert_eq!(ground.parts_sent_sorted(mark), [3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_the_second_is_told() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 20 * MIB);
    let mut first = ground
        .proxy
        .pause_at(Target::of(Operation::UploadPart), 1, Moment::Before);
    let mut running = user.start(["upload", text(&file)]);
    running.reaches(&mut first).await;
    let second = user.run(["upload", text(&file)]);
    assert_eq!(second.status, 9, "{second:?}");
    assert!(second.err.contains("another draftctl is uploading"), "{}", second.err);
    first.let_go().await;
    let ended = running.ended().await;
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(ground.parts_sent_sorted(0), [1, 2, 3]);
}
