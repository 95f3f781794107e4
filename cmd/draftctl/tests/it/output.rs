//! The output of commands, when its reader is gone.

use std::process::Stdio;

use draftstore_testing::key;

use crate::program::{RunResult, TestUser, text};
use crate::test_server::TestServer;

/// Runs the command with a standard output that is closed, as `head` leaves it.
fn run_closed(user: &TestUser, arguments: &[&str]) -> RunResult {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = user.command(arguments);
    command.stdout(writer).stderr(Stdio::piped());
    command
        .spawn()
        .expect("it starts")
        .wait_with_output()
        .expect("ended")
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_output_ends_every_command_quietly() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    user.json(["upload", text(&file), "--name", "kept", "--confirm"]);
    user.json(["upload", text(&file), "--name", "draft"]);
    for arguments in [
        &["list"][..],
        &["list", "--confirmed"],
        &["inspect", "draft"],
        &["download", "draft", "-o", "-"],
        &["download", "draft"],
        &["confirm", "draft"],
        &["discard", "draft"],
        &["inspect", "kept", "--confirmed"],
        &["delete", "kept"],
        &["completions", "bash"],
        &["upload", text(&file)],
    ] {
        for more in [&[][..], &["--json"]] {
            let arguments = [arguments, more].concat();
            // Both rounds download a file of this name.
            let _ = std::fs::remove_file(user.path("draft"));
            let ended = run_closed(&user, &arguments);
            assert_eq!((ended.status, ended.err.as_str()), (141, ""), "{arguments:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_files_are_uploaded_although_the_output_is_closed() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let files = ["a", "b", "c"].map(|name| user.file(name, name));
    let files: Vec<_> = files.iter().map(|file| text(file)).collect();
    let ended = run_closed(
        &user,
        &[&["upload", "--confirm", "--parallel", "1"][..], &files].concat(),
    );
    assert_eq!((ended.status, ended.err.as_str()), (141, ""));
    for name in ["a", "b", "c"] {
        assert!(server.world.main_bytes(&key(name)).await.is_some(), "{name}");
    }
}
