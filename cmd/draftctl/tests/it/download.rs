use std::fs;

use draftstore_storage::Operation;
use draftstore_testing::proxy::{FaultReply, InjectedError, InjectedFault, Moment, RequestFilter, RequestRange};

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn draft_and_object_are_downloaded() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
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

    let existing = user.run(["download", "deep/name", "--json"]);
    assert_eq!(
        (existing.status, &existing.failures()[0]["reason"]),
        (4, &"FILE_EXISTS".into())
    );
    user.json(["download", "deep/name", "--draft-id", draft_id, "--force"]);
    assert_eq!(fs::read(user.path("name")).expect("there"), b"other");
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_object_becomes_an_empty_file() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("empty", "");
    user.json(["upload", text(&file)]);
    user.json(["download", "empty", "-o", "copy"]);
    assert_eq!(fs::read(user.path("copy")).expect("there"), b"");
}

/// The first response is cut off, and the program is killed before its next request.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_only_missing_bytes_are_received() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 10 * MIB);
    user.json(["upload", text(&file)]);
    let get = RequestFilter::of(Operation::GetObject);
    server
        .proxy
        .plan(get.clone(), RequestRange::only(1), InjectedFault::CutOff);
    let mut second = server.proxy.pause_at(get, 2, Moment::Before);
    let mut running = user.start(["download", "large", "-o", "copy"]);
    running.reaches(&mut second).await;
    running.kill().await;
    second.let_go().await;
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
async fn download_continues_after_transient_errors() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 4 * MIB);
    user.json(["upload", text(&file)]);
    for fault in [
        InjectedFault::Before(FaultReply::Error(InjectedError::SlowDown)),
        InjectedFault::Before(FaultReply::Error(InjectedError::ExpiredToken)),
        InjectedFault::Before(FaultReply::Reset),
        InjectedFault::CutOff,
    ] {
        server
            .proxy
            .plan(RequestFilter::of(Operation::GetObject), RequestRange::only(1), fault);
        let downloaded = user.json(["download", "large", "-o", "copy", "--force"]);
        assert_eq!(downloaded["received"], (4 * MIB).to_string(), "{fault:?}");
        assert!(
            fs::read(user.path("copy")).expect("there") == fs::read(&file).expect("there"),
            "{fault:?}"
        );
        server.proxy.heal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn object_replaced_during_a_download_is_not_mixed() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 4 * MIB);
    user.json(["upload", text(&file)]);
    let get = RequestFilter::of(Operation::GetObject);
    server
        .proxy
        .plan(get.clone(), RequestRange::only(1), InjectedFault::CutOff);
    let mut second = server.proxy.pause_at(get, 2, Moment::Before);
    let mut running = user.start(["download", "large", "-o", "copy", "--json"]);
    running.reaches(&mut second).await;
    user.large_file("large", 4 * MIB);
    user.json(["upload", text(&file)]);
    second.let_go().await;
    let ended = running.ended().await;
    assert_eq!(
        (ended.status, &ended.failures()[0]["reason"]),
        (5, &"OBJECT_CHANGED".into()),
        "{ended:?}"
    );
    assert!(!user.path("copy").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn directory_gets_the_file_and_a_device_gets_the_bytes() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("source", "hello");
    user.json(["upload", text(&file), "--name", "deep/name"]);
    fs::create_dir(user.path("directory")).expect("made");
    let downloaded = user.json(["download", "deep/name", "-o", "directory"]);
    assert_eq!(downloaded["file"], "directory/name");
    assert_eq!(fs::read(user.path("directory/name")).expect("there"), b"hello");
    let existing = user.run(["download", "deep/name", "-o", "directory", "--json"]);
    assert_eq!(
        (existing.status, &existing.failures()[0]["reason"]),
        (4, &"FILE_EXISTS".into())
    );
    // A device is written to. With --force it would be replaced if it were a file.
    for more in [&[][..], &["--force"]] {
        user.json(["download", "deep/name", "-o", "/dev/null"].iter().chain(more));
        assert!(!fs::metadata("/dev/null").expect("there").is_file());
    }
    for name in ["..", "a/", "a/.."] {
        let ended = user.run(["download", name, "--json"]);
        assert_eq!(
            (ended.status, &ended.failures()[0]["reason"]),
            (2, &"USAGE".into()),
            "{name}"
        );
    }
}
