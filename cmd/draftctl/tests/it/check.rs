use draftstore_auth::{ApiKey, AuthMethods, Authenticator};

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

/// Starts a server with one API key, for whose drafts there is no scanner.
async fn server() -> (TestServer, ApiKey) {
    let key = ApiKey::from_random([7; 32]);
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("policy.toml");
    let policy = format!(
        "[callers.laptop]\nscopes = ['upload', 'inspect', 'confirm']\nprofile = 'scanned'\napi_keys = ['{}']\n\
         [profiles.scanned.checks.clamd]\naddresses = ['unix:/nowhere/clamd']\n",
        key.digest()
    );
    std::fs::write(&path, policy).expect("written");
    let methods = AuthMethods {
        api_key: true,
        ..AuthMethods::default()
    };
    let (authenticator, _) = Authenticator::open(methods, path).await.expect("a policy");
    (TestServer::with_authenticator(authenticator).await, key)
}

/// The server has tried for `CHECK_TIMEOUT` already.
#[tokio::test(flavor = "multi_thread")]
async fn scanner_that_is_unavailable_ends_the_command() {
    let (server, key) = server().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    user.json(["upload", text(&file), "--token", key.expose()]);
    for command in ["check", "confirm"] {
        let arguments = [command, "file", "--token", key.expose()];
        let ended = user.run(arguments.iter().chain(&["--json"]));
        assert_eq!((ended.status, ended.out.as_str()), (7, ""), "{ended:?}");
        let failures = ended.failures();
        assert_eq!(failures[0]["reason"], "SCANNER_UNAVAILABLE", "{ended:?}");
        assert_eq!(failures[0]["errors"][0]["field"], "checks.clamd", "{ended:?}");
        let plain = user.run(arguments);
        assert_eq!(plain.status, 7, "{plain:?}");
        assert!(!plain.err.contains("retrying"), "{plain:?}");
    }
}
