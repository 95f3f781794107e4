use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::proxy::{Fault, Moment, Reply, Requests, StoreError, Target};

use crate::ground::Ground;
use crate::program::{User, text};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_and_an_object_are_downloaded() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.file("source", "hello");
    user.json(["upload", text(&file), "--name", "deep/name", "--confirm"]);
    let other = user.file("source", "other");
    let unique = user.json(["upload", text(&other), "--name", "deep/name", "--unique"]);
    let draft_id = unique["draft_id"].as_str().expect("an ID");

    let downloaded = user.json(["download", "deep/name"]);
    assert_eq!(
        (&downloaded["file"], &downloaded["received"]),
        (&"name".into(), &"5".into())
    );
    assert_eq!(fs::read(user.path("name")).expect("there"), b"hello");
    let draft = user.run([
        "download",
        "deep/name",
        "--draft-id",
        draft_id,
        "--stage",
        "draft",
        "-o",
        "-",
    ]);
    assert_eq!((draft.status, draft.out.as_str()), (0, "other"));

    let there = user.run(["download", "deep/name", "--json"]);
    assert_eq!(
        (there.status, &there.failures()[0]["reason"]),
        (4, &"FILE_EXISTS".into())
    );
    user.json(["download", "deep/name", "--draft-id", draft_id, "--force"]);
    assert_eq!(fs::read(user.path("name")).expect("there"), b"other");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_object_is_an_empty_file() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.file("empty", "");
    user.json(["upload", text(&file)]);
    user.json(["download", "empty", "-o", "copy"]);
    assert_eq!(fs::read(user.path("copy")).expect("there"), b"");
}

/// The first answer ends in the middle, and the program is killed before it asks again.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_only_what_is_missing_comes() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 10 * MIB);
    user.json(["upload", text(&file)]);
    let get = Target::of(Operation::GetObject);
    ground.proxy.plan(get.clone(), Requests::only(1), Fault::CutOff);
    let mut again = ground.proxy.pause_at(get, 2, Moment::Before);
    let mut running = user.start(["download", "large", "-o", "copy"]);
    running.reaches(&mut again).await;
    running.kill().await;
    again.let_go().await;
    assert!(!user.path("copy").exists());

    let downloaded = user.json(["download", "large", "-o", "copy"]);
    let received: usize = downloaded["received"]
        .as_str()
        .expect("text")
        .parse()
        .expect("a number");
    assert!((1..=6 * MIB).contains(&received), "{received}");
    assert!(fs::read(user.path("copy")).expect("there") == fs::read(&file).expect("there"));
    let left = fs::read_dir(user.path("")).expect("read").filter(|entry| {
        let path = entry.as_ref().expect("read").path();
        path.extension().is_some_and(|extension| extension == "part")
    });
    assert_eq!(left.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_through_what_passes() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 4 * MIB);
    user.json(["upload", text(&file)]);
    for fault in [
        Fault::Before(Reply::Error(StoreError::SlowDown)),
        Fault::Before(Reply::Error(StoreError::ExpiredToken)),
        Fault::Before(Reply::Reset),
        Fault::CutOff,
    ] {
        ground
            .proxy
            .plan(Target::of(Operation::GetObject), Requests::only(1), fault);
        let downloaded = user.json(["download", "large", "-o", "copy", "--force"]);
        assert_eq!(downloaded["received"], (4 * MIB).to_string(), "{fault:?}");
        assert!(
            fs::read(user.path("copy")).expect("there") == fs::read(&file).expect("there"),
            "{fault:?}"
        );
        ground.proxy.heal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_meanwhile_is_not_mixed() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 4 * MIB);
    user.json(["upload", text(&file)]);
    let get = Target::of(Operation::GetObject);
    ground.proxy.plan(get.clone(), Requests::only(1), Fault::CutOff);
    let mut again = ground.proxy.pause_at(get, 2, Moment::Before);
    let mut running = user.start(["download", "large", "-o", "copy", "--json"]);
    running.reaches(&mut again).await;
    user.large_file("large", 4 * MIB);
    user.json(["upload", text(&file)]);
    again.let_go().await;
    let ended = running.ended().await;
    assert_eq!(
        (ended.status, &ended.failures()[0]["reason"]),
        (5, &"OBJECT_CHANGED".into()),
        "{ended:?}"
    );
    assert!(!user.path("copy").exists());
}
