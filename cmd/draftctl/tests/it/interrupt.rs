use draftstore_storage::Operation;
use draftstore_testing::proxy::{Moment, RequestFilter};

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn sigint_reports_that_the_command_can_be_resumed() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 40 * MIB);
    let mut second = server
        .proxy
        .pause_at(RequestFilter::of(Operation::UploadPart), 2, Moment::After);
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
    assert_eq!(user.state_files().len(), 1);
    let mark = server.mark();
    user.json(["upload", text(&file)]);
    assert_eq!(server.parts_sent_sorted(mark), [3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn second_concurrent_upload_is_rejected() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 20 * MIB);
    let mut first = server
        .proxy
        .pause_at(RequestFilter::of(Operation::UploadPart), 1, Moment::Before);
    let mut running = user.start(["upload", text(&file)]);
    running.reaches(&mut first).await;
    let second = user.run(["upload", text(&file)]);
    assert_eq!(second.status, 9, "{second:?}");
    assert!(
        second.err.contains("another draftctl process is uploading"),
        "{}",
        second.err
    );
    first.let_go().await;
    let ended = running.ended().await;
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(server.parts_sent_sorted(0), [1, 2, 3]);
}
