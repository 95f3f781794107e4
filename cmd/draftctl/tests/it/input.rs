//! The files of an upload: their names, directories, and what is no file.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use draftstore_testing::key;

use crate::program::{RunResult, TestUser, text};
use crate::test_server::TestServer;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn files_with_one_name_are_rejected_before_anything_is_sent() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    for directory in ["a", "b", "c/a"] {
        fs::create_dir_all(user.path(directory)).expect("made");
        user.file(&format!("{directory}/photo.jpg"), directory);
    }
    let other = user.file("other", "other");
    let files = &["upload", "a/photo.jpg", text(&other), "b/photo.jpg"][..];
    for arguments in [
        files,
        &[files, &["--confirm"]].concat(),
        &[files, &["--confirm", "--unique"]].concat(),
        &["upload", "a/photo.jpg", "./a/photo.jpg"],
        &["upload", "--recursive", "a", "c/a"],
    ] {
        let ended = user.run(arguments);
        assert_eq!((ended.status, ended.out.as_str()), (2, ""), "{arguments:?}: {ended:?}");
        for said in ["a/photo.jpg", "photo.jpg:", "--name", "--recursive"] {
            assert!(ended.err.contains(said), "{arguments:?}: {ended:?}");
        }
        assert_eq!(server.mark(), 0, "{arguments:?}");
    }
    let rejected = user.run(files);
    assert!(
        rejected.err.contains("b/photo.jpg") && rejected.err.contains("--unique"),
        "{rejected:?}"
    );

    let unique = user.run([files, &["--unique", "--json"]].concat());
    assert_eq!((unique.status, unique.results().len()), (0, 3), "{unique:?}");
    assert_eq!(user.run(["list", "--json"]).results().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_are_uploaded_recursively_with_their_paths() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let names = ["tree/photo.jpg", "tree/deep/er/photo.jpg", "tree/deep/photo.jpg"];
    fs::create_dir_all(user.path("tree/deep/er")).expect("made");
    fs::create_dir(user.path("empty")).expect("made");
    for name in names {
        user.file(name, name);
    }
    let refused = user.run(["upload", text(&user.path("tree"))]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("--recursive"), "{refused:?}");
    let empty = user.run(["upload", "-r", "empty"]);
    assert_eq!(empty.status, 2);
    assert!(empty.err.contains("no files"), "{empty:?}");

    for (directory, arguments, prefix) in [
        ("", &["tree"][..], "tree/"),
        ("", &["tree/", "--name", "kept/here"], "kept/here/"),
        ("tree", &["."], ""),
    ] {
        let mut command = user.command(["upload", "-r"].iter().chain(arguments));
        command.current_dir(user.path(directory));
        let ended: RunResult = command.output().expect("it runs").into();
        assert_eq!(ended.status, 0, "{ended:?}");
        for name in names {
            let stored = key(&name.replacen("tree/", prefix, 1));
            assert_eq!(
                server.world.draft_bytes(&stored).await,
                Some(name.as_bytes().to_vec()),
                "{arguments:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_in_a_directory_fails_by_itself() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    fs::create_dir(user.path("tree")).expect("made");
    user.file("tree/file", "bytes");
    for (target, link) in [(".", "tree/loop"), ("nowhere", "tree/dangling"), ("file", "tree/link")] {
        symlink(target, user.path(link)).expect("made");
    }
    make_pipe(&user, "tree/pipe");
    let ended = user.run(["upload", "-r", "tree", "--json"]);
    assert_eq!(ended.status, 8, "{ended:?}");
    let files = |values: Vec<serde_json::Value>| {
        let mut files: Vec<_> = values.iter().map(|value| value["file"].to_string()).collect();
        files.sort();
        files.join(" ")
    };
    assert_eq!(files(ended.results()), r#""tree/file" "tree/link""#);
    assert_eq!(files(ended.failures()), r#""tree/dangling" "tree/loop" "tree/pipe""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_and_pipes_are_uploaded_with_a_name() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    make_pipe(&user, "pipe");
    for unnamed in ["-", "pipe"] {
        let ended = user.run(["upload", unnamed]);
        assert_eq!(ended.status, 2, "{ended:?}");
        assert!(ended.err.contains("--name"), "{ended:?}");
    }
    let large: Vec<u8> = (0..20 * MIB).map(|n| n.to_le_bytes()[n % 3]).collect();
    for bytes in [b"".as_slice(), b"small", &large] {
        let mut command = user.command(["upload", "-", "--name", "from/stdin.csv", "--json"]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(bytes).expect("written");
        drop(stdin);
        let ended = RunResult::from(child.wait_with_output().expect("ended"));
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(ended.result()["file"], "-");
        let stored = server.world.draft_bytes(&key("from/stdin.csv")).await;
        assert!(stored.as_deref() == Some(bytes), "other bytes");
    }
    assert_eq!(user.json(["inspect", "from/stdin.csv"])["content_type"], "text/csv");

    let pipe = user.path("pipe");
    let writer = std::thread::spawn(move || fs::write(pipe, "through a pipe").expect("written"));
    let uploaded = user.json(["upload", "pipe", "--name", "from/pipe", "--confirm"]);
    writer.join().expect("written");
    assert_eq!(uploaded["confirmed"]["final_location"], "files/from/pipe");
    assert_eq!(
        server.world.main_bytes(&key("from/pipe")).await,
        Some(b"through a pipe".to_vec())
    );
    assert!(user.state_files().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn media_type_is_that_of_the_file_name_unless_it_is_given() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    for (file, arguments, name, expected) in [
        ("photo.JPG", &[][..], "photo.JPG", "image/jpeg"),
        ("page.html", &["--name", "page"], "page", "text/html"),
        ("data", &["--name", "data.json"], "data.json", "application/json"),
        (
            "photo.png",
            &["--content-type", "image/x-other"],
            "photo.png",
            "image/x-other",
        ),
        ("unknown", &[], "unknown", "binary/octet-stream"),
    ] {
        let path = user.file(file, file);
        user.json(["upload", text(&path)].iter().chain(arguments));
        assert_eq!(user.json(["inspect", name])["content_type"], expected, "{file}");
    }
    let large = user.large_file("film.mp4", 20 * MIB);
    user.json(["upload", text(&large)]);
    assert_eq!(user.json(["inspect", "film.mp4"])["content_type"], "video/mp4");
}

fn make_pipe(user: &TestUser, name: &str) {
    let made = Command::new("mkfifo").arg(user.path(name)).status();
    assert!(made.expect("mkfifo runs").success());
}
