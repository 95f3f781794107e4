use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::key;
use draftstore_testing::proxy::{FaultReply, InjectedError, InjectedFault, Moment, RequestFilter, RequestRange};

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn transient_errors_are_retried() {
    for fault in [
        InjectedFault::Before(FaultReply::Error(InjectedError::InternalError)),
        InjectedFault::Before(FaultReply::Error(InjectedError::SlowDown)),
        InjectedFault::Before(FaultReply::Closed),
        InjectedFault::Before(FaultReply::Reset),
        InjectedFault::After(FaultReply::Closed),
    ] {
        let server = TestServer::start().await;
        let user = TestUser::of(&server.url);
        let large = user.large_file("large", 20 * MIB);
        let small = user.large_file("small", 1000);
        for operation in [Operation::UploadPart, Operation::PutObject] {
            server
                .proxy
                .plan(RequestFilter::of(operation), RequestRange::only(1), fault);
        }
        let ended = user.run(["upload", "--json", text(&large), text(&small)]);
        assert_eq!((ended.status, ended.failures().len()), (0, 0), "{fault:?}: {ended:?}");
        assert_eq!(server.parts_sent(0).len(), 4, "{fault:?}");
        for file in [large, small] {
            let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            let stored = server.world.draft_bytes(&key(name)).await;
            assert!(stored == Some(fs::read(&file).expect("read")), "{fault:?}: other bytes");
        }
    }
}

/// The first URLs expired two hours ago, and the real store rejects them.
#[tokio::test(flavor = "multi_thread")]
async fn expired_urls_are_signed_again() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    for (name, size, operation) in [
        ("large", 20 * MIB, Operation::UploadPart),
        ("small", 1000, Operation::PutObject),
    ] {
        let file = user.large_file(name, size);
        server.clock.set_late(true);
        let mut rejected = server.proxy.pause_at(RequestFilter::of(operation), 1, Moment::After);
        let mut running = user.start(["upload", text(&file), "--parallel", "1"]);
        running.reaches(&mut rejected).await;
        server.clock.set_late(false);
        rejected.let_go().await;
        let ended = running.ended().await;
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(ended.err.contains("the store responded with 403"), "{}", ended.err);
        let stored = server.world.draft_bytes(&key(name)).await;
        assert!(stored == Some(fs::read(&file).expect("read")), "other bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_of_the_server_is_respected() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("small", "hello");
    user.json(["upload", text(&file)]);
    // The server's own client tries three times.
    let fault = InjectedFault::Before(FaultReply::Error(InjectedError::SlowDown));
    let requests = RequestRange::from(1).take(3);
    server
        .proxy
        .plan(RequestFilter::of(Operation::HeadObject), requests, fault);
    let ended = user.run(["inspect", "small"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.err.contains("retrying in 2.0 s"), "{}", ended.err);
    let ended = user.run(["inspect", "small", "--quiet"]);
    assert_eq!((ended.status, ended.err.as_str()), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_grows_during_the_upload_becomes_no_draft() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 20 * MIB);
    let mut first = server
        .proxy
        .pause_at(RequestFilter::of(Operation::UploadPart), 1, Moment::Before);
    let mut running = user.start(["upload", text(&file), "--json"]);
    running.reaches(&mut first).await;
    user.large_file("large", 21 * MIB);
    first.let_go().await;
    let ended = running.ended().await;
    assert_eq!(
        (ended.status, &ended.failures()[0]["reason"]),
        (1, &"FILE_CHANGED".into()),
        "{ended:?}"
    );
    assert_eq!(server.world.draft_bytes(&key("large")).await, None);
    let uploaded = user.json(["upload", text(&file)]);
    assert_eq!(
        (&uploaded["size"], &uploaded["resumed"]),
        (&(21 * MIB).to_string().into(), &"0".into())
    );
}
