use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::key;
use draftstore_testing::proxy::{Fault, Moment, Reply, Requests, StoreError, Target};

use crate::ground::Ground;
use crate::program::{User, text};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again() {
    for fault in [
        Fault::Before(Reply::Error(StoreError::InternalError)),
        Fault::Before(Reply::Error(StoreError::SlowDown)),
        Fault::Before(Reply::Closed),
        Fault::Before(Reply::Reset),
        Fault::After(Reply::Closed),
    ] {
        let ground = Ground::start().await;
        let user = User::of(&ground.server);
        let large = user.large_file("large", 20 * MIB);
        let small = user.large_file("small", 1000);
        for operation in [Operation::UploadPart, Operation::PutObject] {
            ground.proxy.plan(Target::of(operation), Requests::only(1), fault);
        }
        let ended = user.run(["upload", "--json", text(&large), text(&small)]);
        assert_eq!((ended.status, ended.failures().len()), (0, 0), "{fault:?}: {ended:?}");
        assert_eq!(ground.parts_sent(0).len(), 4, "{fault:?}");
        for file in [large, small] {
            let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            let stored = ground.world.draft_bytes(&key(name)).await;
            assert!(stored == Some(fs::read(&file).expect("read")), "{fault:?}: other bytes");
        }
    }
}

/// The first URLs are of two hours ago, and the real store says so.
#[tokio::test(flavor = "multi_thread")]
async fn urls_that_have_expired_are_signed_anew() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    for (name, size, operation) in [
        ("large", 20 * MIB, Operation::UploadPart),
        ("small", 1000, Operation::PutObject),
    ] {
        let file = user.large_file(name, size);
        ground.clock.set_late(true);
        let mut refused = ground.proxy.pause_at(Target::of(operation), 1, Moment::After);
        let mut running = user.start(["upload", text(&file), "--parallel", "1"]);
        running.reaches(&mut refused).await;
        ground.clock.set_late(false);
        refused.let_go().await;
        let ended = running.ended().await;
        assert_eq!(ended.status, 0, "{ended:?}");
        assert!(ended.err.contains("the store answers 403"), "{}", ended.err);
        let stored = ground.world.draft_bytes(&key(name)).await;
        assert!(stored == Some(fs::read(&file).expect("read")), "other bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_store_fails_is_asked_again_when_it_says() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.file("small", "hello");
    user.json(["upload", text(&file)]);
    // The server's own client tries three times.
    let fault = Fault::Before(Reply::Error(StoreError::SlowDown));
    let requests = Requests::from(1).take(3);
    ground.proxy.plan(Target::of(Operation::HeadObject), requests, fault);
    let ended = user.run(["inspect", "small"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.err.contains("trying again in 2.0 s"), "{}", ended.err);
    let ended = user.run(["inspect", "small", "--quiet"]);
    assert_eq!((ended.status, ended.err.as_str()), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_while_it_is_uploaded_becomes_no_draft() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 20 * MIB);
    let mut first = ground
        .proxy
        .pause_at(Target::of(Operation::UploadPart), 1, Moment::Before);
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
    assert_eq!(ground.world.draft_bytes(&key("large")).await, None);
    let uploaded = user.json(["upload", text(&file)]);
    assert_eq!(
        (&uploaded["size"], &uploaded["resumed"]),
        (&(21 * MIB).to_string().into(), &"0".into())
    );
}
