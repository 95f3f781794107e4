use crate::program::{TestUser, text};
use crate::test_server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_distinct_statuses_and_reasons() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    let bad_name = ["upload", text(&file), "--name", "a//b"];
    user.json(["upload", text(&file)]);
    let rows: &[(&[&str], i32, &str)] = &[
        (&["inspect", "nowhere"], 3, "DRAFT_NOT_FOUND"),
        (&["confirm", "nowhere"], 3, "DRAFT_NOT_FOUND"),
        (&["download", "nowhere"], 3, "OBJECT_NOT_FOUND"),
        (&["confirm", "file", "--if-match", "0123"], 5, "PIN_MISMATCH"),
        (&bad_name, 6, "INVALID_REQUEST"),
        (&["upload", "a", "b", "--name", "c"], 2, "USAGE"),
        (&["inspect", "file", "--server", "ftp://nonsense"], 2, "USAGE"),
        (&["upload"], 2, "USAGE"),
        (&["upload", text(&file), "--parallel", "0"], 2, "USAGE"),
        (
            &["confirm", "file", "--server", "http://127.0.0.1:1", "--retries", "0"],
            7,
            "UNAVAILABLE",
        ),
    ];
    for (arguments, status, reason) in rows {
        let ended = user.run(arguments.iter().chain(&["--json"]));
        assert_eq!(
            (ended.status, ended.out.as_str()),
            (*status, ""),
            "{arguments:?}: {ended:?}"
        );
        let [failure] = &ended.failures()[..] else {
            panic!("{arguments:?}: {ended:?}");
        };
        assert_eq!(
            (&failure["reason"], &failure["exit_status"]),
            (&(*reason).into(), &(*status).into())
        );
        let plain = user.run(*arguments);
        assert_eq!((plain.status, plain.out.as_str()), (*status, ""), "{plain:?}");
        let is_about_object = (3..=5).contains(status);
        assert!(
            !plain.err.is_empty() && (!is_about_object || plain.err.contains(arguments[1])),
            "{plain:?}"
        );
    }
    let rejected = user.run(bad_name.iter().chain(&["--json"]));
    assert_eq!(rejected.failures()[0]["errors"][0]["field"], "object_name");
}

#[test]
fn help_lists_the_exit_statuses() {
    let user = TestUser::of("http://127.0.0.1:1");
    let ended = user.run(["--help"]);
    assert_eq!(ended.status, 0);
    assert!(ended.out.contains("130  interrupted"), "{}", ended.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn presigned_urls_are_never_printed() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    server.clock.set_late(true);
    let uploaded = user.run(["upload", text(&file), "--confirm", "--retries", "1"]);
    assert_eq!(uploaded.status, 6, "{uploaded:?}");
    let downloaded = user.run(["download", "file", "--retries", "1"]);
    for ended in [uploaded, downloaded] {
        assert!(
            !ended.err.contains("X-Amz") && !ended.err.contains("Signature"),
            "{ended:?}"
        );
    }
}
