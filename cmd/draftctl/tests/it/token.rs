use draftstore_auth::{ApiKey, AuthMethods, Authenticator};

use crate::program::{RunResult, TestUser, text};
use crate::test_server::TestServer;

/// Starts a server with one API key, which may upload and inspect.
async fn server() -> (TestServer, ApiKey) {
    let key = ApiKey::from_random([7; 32]);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("policy.toml");
    let policy = format!(
        "[callers.laptop]\nscopes = ['upload', 'inspect']\napi_keys = ['{}']\n",
        key.digest()
    );
    std::fs::write(&path, policy).expect("written");
    let ways = AuthMethods {
        api_key: true,
        ..AuthMethods::default()
    };
    let (authenticator, _) = Authenticator::open(ways, path).await.expect("a policy");
    (TestServer::with_authenticator(authenticator).await, key)
}

fn run(user: &TestUser, token: Option<&str>, arguments: &[&str]) -> RunResult {
    let mut command = user.command(arguments);
    if let Some(token) = token {
        command.env("DRAFTSTORE_TOKEN", token);
    }
    command.arg("--json").output().expect("it runs").into()
}

#[tokio::test(flavor = "multi_thread")]
async fn token_authenticates_the_caller() {
    let (server, key) = server().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    let upload = ["upload", text(&file)];
    for (token, arguments, status, reason) in [
        (None, &upload[..], 6, Some("UNAUTHENTICATED")),
        (Some("dsk_unknown"), &upload, 6, Some("UNAUTHENTICATED")),
        (Some(key.expose()), &upload, 0, None),
        (None, &[&upload[..], &["--token", key.expose()]].concat(), 0, None),
        (
            Some("dsk_unknown"),
            &[&upload[..], &["--token", key.expose()]].concat(),
            0,
            None,
        ),
        (Some(key.expose()), &["confirm", "file"], 6, Some("PERMISSION_DENIED")),
        (Some(""), &upload, 2, Some("USAGE")),
        (Some("two words"), &upload, 2, Some("USAGE")),
    ] {
        let ended = run(&user, token, arguments);
        assert_eq!(ended.status, status, "{reason:?}: {ended:?}");
        let failures = ended.failures();
        assert_eq!(failures.first().and_then(|failure| failure["reason"].as_str()), reason);
        if token == Some("") {
            let message = failures[0]["message"].as_str().expect("text");
            assert!(message.contains("DRAFTSTORE_TOKEN"), "{message}");
        }
        if status == 6 {
            let message = failures[0]["message"].as_str().expect("text");
            assert!(
                message.contains("--token") && message.contains("DRAFTSTORE_TOKEN"),
                "{message}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_never_printed() {
    let (server, key) = server().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    let secret = &key.expose()[4..];
    let with_a_space = format!("{} x", key.expose());
    for (token, arguments) in [
        (key.expose(), &["--help"][..]),
        (key.expose(), &["upload", "--help"]),
        (key.expose(), &["confirm", "file"]),
        (key.expose(), &["upload", text(&file), "--parallel", "none"]),
        (
            key.expose(),
            &["inspect", "file", "--server", "http://127.0.0.1:1", "--retries", "0"],
        ),
        (&with_a_space, &["upload", text(&file)]),
    ] {
        let ended = run(&user, Some(token), arguments);
        assert!(
            !ended.out.contains(secret) && !ended.err.contains(secret),
            "{arguments:?}"
        );
        let given = run(&user, None, &[arguments, &["--token", token]].concat());
        assert!(
            !given.out.contains(secret) && !given.err.contains(secret),
            "{arguments:?}"
        );
    }
    assert_eq!(user.state_files(), Vec::<String>::new());
}
