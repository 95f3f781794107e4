//! The same command again after an interruption.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use draftstore_storage::Operation;
use draftstore_testing::key;
use draftstore_testing::proxy::{Fault, Moment, Reply, Requests, StoreError, Target};

use crate::ground::Ground;
use crate::program::{Ended, User, text};

const MIB: usize = 1024 * 1024;

/// A file of seven parts, of which an upload was killed when the first three had arrived.
async fn killed(ground: &Ground, user: &User, arguments: &[&str]) -> PathBuf {
    let file = user.large_file("large", 50 * MIB);
    let mut third = ground
        .proxy
        .pause_at(Target::of(Operation::UploadPart), 3, Moment::After);
    let mut running = user.start(upload(&file, arguments).into_iter().chain(["--parallel", "1"]));
    running.reaches(&mut third).await;
    running.kill().await;
    third.let_go().await;
    assert_eq!(ground.parts_sent(0), [1, 2, 3]);
    assert_eq!(user.remembered().len(), 1);
    file
}

fn upload<'a>(file: &'a Path, arguments: &[&'a str]) -> Vec<&'a str> {
    ["upload", text(file)]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect()
}

async fn assert_stored(ground: &Ground, file: &Path) {
    let stored = ground.world.main_bytes(&key("large")).await;
    assert!(stored == Some(fs::read(file).expect("read")), "other bytes");
    assert_eq!(ground.world.uploads().await, 0);
}

fn says(ended: &Ended, text: &str) {
    assert!(ended.err.contains(text), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_only_what_has_not_arrived_is_sent() {
    for arguments in [&["--confirm"][..], &["--confirm", "--unique"]] {
        let ground = Ground::start().await;
        let user = User::of(&ground.server);
        let file = killed(&ground, &user, arguments).await;
        let mark = ground.mark();
        let uploaded = user.json(upload(&file, arguments));
        assert_eq!(ground.parts_sent_sorted(mark), [4, 5, 6, 7]);
        assert_eq!(uploaded["resumed"], (24 * MIB).to_string());
        assert_eq!(uploaded["sent"], (26 * MIB).to_string());
        assert_stored(&ground, &file).await;
        assert!(user.remembered().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_command_begins_an_upload_of_its_own() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = killed(&ground, &user, &[]).await;
    let mark = ground.mark();
    user.json(upload(&file, &["--name", "other"]));
    assert_eq!(ground.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(user.remembered().len(), 1);
    let mark = ground.mark();
    user.json(upload(&file, &[]));
    assert_eq!(ground.parts_sent_sorted(mark), [4, 5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_has_changed_is_sent_anew() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = killed(&ground, &user, &["--confirm"]).await;
    user.large_file("large", 50 * MIB);
    let mark = ground.mark();
    let ended = user.run(upload(&file, &["--confirm"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    says(&ended, "it has changed since");
    assert_eq!(ground.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
    assert_stored(&ground, &file).await;
}

/// Neither size nor time betray it: only the checksum of a part that has arrived does.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_has_changed_unnoticed_is_sent_again() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let path = killed(&ground, &user, &["--confirm"]).await;
    let modified = fs::metadata(&path).expect("there").modified().expect("a time");
    let mut file = File::options().write(true).open(&path).expect("opened");
    file.seek(SeekFrom::Start(9 * MIB as u64)).expect("the second part");
    file.write_all(b"other").expect("written");
    file.set_modified(modified).expect("set");
    let mark = ground.mark();
    user.json(upload(&path, &["--confirm"]));
    assert_eq!(ground.parts_sent_sorted(mark), [2, 4, 5, 6, 7]);
    assert_stored(&ground, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_gone_is_begun_anew() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = killed(&ground, &user, &["--confirm"]).await;
    let (sdk, bucket) = (ground.world.sdk(), ground.world.draft.name().as_str());
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
    let mark = ground.mark();
    let ended = user.run(upload(&file, &["--confirm"]));
    assert_eq!(ended.status, 0, "{ended:?}");
    says(&ended, "not there any more: beginning anew");
    assert_eq!(ground.parts_sent_sorted(mark), [1, 2, 3, 4, 5, 6, 7]);
    assert_stored(&ground, &file).await;
}

/// The store has completed the upload, and nobody was told.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_while_it_was_completed_nothing_is_sent() {
    for arguments in [&["--confirm"][..], &["--confirm", "--unique"]] {
        let ground = Ground::start().await;
        let user = User::of(&ground.server);
        let file = user.large_file("large", 20 * MIB);
        let complete = Target::of(Operation::CompleteMultipartUpload);
        let mut completed = ground.proxy.pause_at(complete, 1, Moment::After);
        let mut running = user.start(upload(&file, arguments));
        running.reaches(&mut completed).await;
        running.kill().await;
        completed.let_go().await;
        let mark = ground.mark();
        let uploaded = user.json(upload(&file, arguments));
        assert_eq!((ground.parts_sent(mark), &uploaded["sent"]), (Vec::new(), &"0".into()));
        assert_stored(&ground, &file).await;
        assert!(user.remembered().is_empty());
    }
}

/// The same of a small file and of a large one: the confirm is under way, and goes on without us.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_while_it_was_confirmed_nothing_is_sent() {
    for (size, arguments) in [
        (20 * MIB, &["--confirm"][..]),
        (20 * MIB, &["--confirm", "--unique"]),
        (100, &["--confirm"]),
        (100, &["--confirm", "--unique"]),
    ] {
        let ground = Ground::start().await;
        let user = User::of(&ground.server);
        let file = user.large_file("large", size);
        let copy = Target::of(Operation::CopyObject);
        let mut copying = ground.proxy.pause_at(copy, 1, Moment::Before);
        let mut running = user.start(upload(&file, arguments));
        running.reaches(&mut copying).await;
        running.kill().await;
        copying.let_go().await;
        let mark = ground.mark();
        let uploaded = user.json(upload(&file, arguments));
        let puts = ground.asked(Operation::PutObject).len();
        assert_eq!((ground.parts_sent(mark), puts), (Vec::new(), usize::from(size == 100)));
        assert_eq!(uploaded["confirmed"]["success"], true);
        assert_stored(&ground, &file).await;
        assert!(user.remembered().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_in_the_middle_keeps_what_has_arrived() {
    let ground = Ground::start().await;
    let user = User::of(&ground.server);
    let file = user.large_file("large", 50 * MIB);
    let fault = Fault::Before(Reply::Error(StoreError::InternalError));
    ground
        .proxy
        .plan(Target::of(Operation::UploadPart), Requests::from(4), fault);
    let ended = user.run(upload(&file, &["--confirm", "--retries", "0"]));
    assert_eq!(ended.status, 7, "{ended:?}");
    ground.proxy.heal();
    let mark = ground.mark();
    let uploaded = user.json(upload(&file, &["--confirm"]));
    assert_eq!(ground.parts_sent(mark).len(), 4);
    assert_eq!(uploaded["resumed"], (24 * MIB).to_string());
    assert_stored(&ground, &file).await;
}
