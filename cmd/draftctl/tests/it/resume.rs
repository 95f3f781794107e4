//! Resuming of interrupted uploads by the same command.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use draftstore_storage::Operation;
use draftstore_testing::key;
use draftstore_testing::proxy::{FaultReply, InjectedError, InjectedFault, Moment, RequestFilter, RequestRange};

use crate::program::{RunResult, TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

/// Uploads a file of seven parts, and kills the process when the first three have arrived.
async fn killed(server: &TestServer, user: &TestUser, arguments: &[&str]) -> PathBuf {
    let file = user.large_file("large", 50 * MIB);
    let mut third = server
        .proxy
        .pause_at(RequestFilter::of(Operation::UploadPart), 3, Moment::After);
    let mut running = user.start(upload(&file, arguments).into_iter().chain(["--parallel", "1"]));
    running.reaches(&mut third).await;
    running.kill().await;
    third.let_go().await;
    assert_eq!(server.parts_sent(0), [1, 2, 3]);
    assert_eq!(user.state_files().len(), 1);
    file
}

fn upload<'a>(file: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    ["upload", text(file)]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect()
}

async fn assert_stored(server: &TestServer, file: &Path) {
    let stored = server.world.main_bytes(&key("large")).await;
    assert!(
        stored == Some(fs::read(file).expect("read")),
        "the object differs from the file"
    );
    assert_eq!(server.world.uploads().await, 0);
}

fn assert_message(ended: &RunResult, text: &str) {
    assert!(ended.err.contains(text), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_only_missing_parts_are_sent() {
    for arguments in [&["--confirm"][..], &["--confirm", "--unique"]] {
        let server = TestServer::start().await;
        let user = TestUser::of(&server.url);
        let file = killed(&server, &user, arguments).await;
        let mark = server.mark();
        let uploaded = user.json(upload(&file, arguments));
        assert_eq!(server.parts_sent_sorted(mark), [4, 5, 6, 7]);
        assert_eq!(uploaded["resumed"], (24 * MIB).to_string());
        assert_eq!(uploaded["sent"], (26 * MIB).to_string());
        assert_stored(&server, &file).await;
        assert!(user.state_files().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn different_command_starts_another_upload() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = killed(&server, &user, &[]).await;
    let mark = server.mark();
    user.json(upload(&file, &["--name", "other"]));
    assert_eq!(server.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(user.state_files().len(), 1);
    let mark = server.mark();
    user.json(upload(&file, &[]));
    assert_eq!(server.parts_sent_sorted(mark), [4, 5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_file_is_uploaded_from_the_start() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = killed(&server, &user, &["--confirm"]).await;
    user.large_file("large", 50 * MIB);
    let mark = server.mark();
    let ended = user.run(upload(&file, &["--confirm"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_message(&ended, "the file has changed since");
    assert_eq!(server.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
    assert_stored(&server, &file).await;
}

/// Only the checksum of an uploaded part reveals the change, not the size or the time.
#[tokio::test(flavor = "multi_thread")]
async fn changed_part_is_sent_again_even_if_size_and_time_are_unchanged() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let path = killed(&server, &user, &["--confirm"]).await;
    let modified = fs::metadata(&path).expect("there").modified().expect("a time");
    let mut file = File::options().write(true).open(&path).expect("opened");
    file.seek(SeekFrom::Start(9 * MIB as u64)).expect("the second part");
    file.write_all(b"other").expect("written");
    file.set_modified(modified).expect("set");
    let mark = server.mark();
    user.json(upload(&path, &["--confirm"]));
    assert_eq!(server.parts_sent_sorted(mark), [2, 4, 5, 6, 7]);
    assert_stored(&server, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_that_no_longer_exists_starts_over() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = killed(&server, &user, &["--confirm"]).await;
    let (sdk, bucket) = (server.world.sdk(), server.world.draft.name().as_str());
    let uploads = sdk
        .list_multipart_uploads()
        .bucket(bucket)
        .send()
        .await
        .expect("listed");
    let [upload_in_progress] = uploads.uploads() else {
        panic!("{uploads:?}");
    };
    let abort = sdk.abort_multipart_upload().bucket(bucket).key("large");
    let abort = abort.set_upload_id(upload_in_progress.upload_id.clone());
    abort.send().await.expect("aborted");
    let mark = server.mark();
    let ended = user.run(upload(&file, &["--confirm"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_message(&ended, "can no longer be continued: starting over");
    assert_eq!(server.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
    assert_stored(&server, &file).await;
}

/// The server has another secret, or the upload belongs to another caller.
#[tokio::test(flavor = "multi_thread")]
async fn upload_whose_id_is_refused_starts_over() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = killed(&server, &user, &["--confirm"]).await;
    let state = user.state().join("draftctl").join(&user.state_files()[0]);
    let mut kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(&state).expect("read")).expect("JSON");
    let upload_id = &mut kept["phase"]["upload_id"];
    *upload_id = format!("A{}", upload_id.as_str().expect("an ID")).into();
    fs::write(&state, kept.to_string()).expect("written");
    let mark = server.mark();
    let ended = user.run(upload(&file, &["--confirm"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_message(&ended, "can no longer be continued: starting over");
    assert_eq!(server.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
}

/// The store has completed the upload, and the response was lost.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_during_completion_nothing_is_sent() {
    for arguments in [&["--confirm"][..], &["--confirm", "--unique"]] {
        let server = TestServer::start().await;
        let user = TestUser::of(&server.url);
        let file = user.large_file("large", 20 * MIB);
        let complete = RequestFilter::of(Operation::CompleteMultipartUpload);
        let mut completed = server.proxy.pause_at(complete, 1, Moment::After);
        let mut running = user.start(upload(&file, arguments));
        running.reaches(&mut completed).await;
        running.kill().await;
        completed.let_go().await;
        let mark = server.mark();
        let uploaded = user.json(upload(&file, arguments));
        assert_eq!((server.parts_sent(mark), &uploaded["sent"]), (Vec::new(), &"0".into()));
        assert_stored(&server, &file).await;
        assert!(user.state_files().is_empty());
    }
}

/// Large and small files: the server finishes the confirm although the client was killed.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_during_the_confirm_nothing_is_sent() {
    for (size, arguments) in [
        (20 * MIB, &["--confirm"][..]),
        (20 * MIB, &["--confirm", "--unique"]),
        (100, &["--confirm"]),
        (100, &["--confirm", "--unique"]),
    ] {
        let server = TestServer::start().await;
        let user = TestUser::of(&server.url);
        let file = user.large_file("large", size);
        let copy = RequestFilter::of(Operation::CopyObject);
        let mut copying = server.proxy.pause_at(copy, 1, Moment::Before);
        let mut running = user.start(upload(&file, arguments));
        running.reaches(&mut copying).await;
        running.kill().await;
        copying.let_go().await;
        let mark = server.mark();
        let uploaded = user.json(upload(&file, arguments));
        let puts = server.requests_of(Operation::PutObject).len();
        assert_eq!((server.parts_sent(mark), puts), (Vec::new(), usize::from(size == 100)));
        assert_eq!(uploaded["confirmed"]["success"], true);
        assert_stored(&server, &file).await;
        assert!(user.state_files().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_upload_keeps_the_parts_that_have_arrived() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.large_file("large", 50 * MIB);
    let fault = InjectedFault::Before(FaultReply::Error(InjectedError::InternalError));
    server
        .proxy
        .plan(RequestFilter::of(Operation::UploadPart), RequestRange::from(4), fault);
    let ended = user.run(upload(&file, &["--confirm", "--retries", "0"]));
    assert_eq!(ended.status, 7, "{ended:?}");
    server.proxy.heal();
    let mark = server.mark();
    let uploaded = user.json(upload(&file, &["--confirm"]));
    assert_eq!(server.parts_sent(mark).len(), 4);
    assert_eq!(uploaded["resumed"], (24 * MIB).to_string());
    assert_stored(&server, &file).await;
}
