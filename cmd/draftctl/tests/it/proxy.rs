//! Proxies, which every connection of draftctl goes through.

use draftstore_testing::HttpProxy;

use crate::program::{RunResult, TestUser, text};
use crate::test_server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn server_is_called_through_the_proxy_and_loopback_is_not() {
    let server = TestServer::start().await;
    let address = server
        .url
        .strip_prefix("http://")
        .expect("plain HTTP")
        .parse()
        .expect("an address");
    let proxy = HttpProxy::start(address).await;
    let user = TestUser::of("http://api.invalid:50051");
    let file = user.file("a.txt", "content");
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = user.command(arguments).envs(variables.iter().copied()).output();
        RunResult::from(output.expect("it runs"))
    };

    let proxied = run(&["upload", text(&file)], &[("HTTP_PROXY", &proxy.url)]);
    assert_eq!(proxied.status, 0, "{proxied:?}");
    // The store is on loopback.
    let lines = proxy.lines();
    assert!(
        !lines.is_empty() && lines.iter().all(|line| line == "CONNECT api.invalid:50051 HTTP/1.1"),
        "{lines:?}"
    );

    let dead = ("ALL_PROXY", "http://127.0.0.1:1");
    let local = run(
        &["upload", text(&file), "--server", &server.url, "--name", "b"],
        &[dead],
    );
    assert_eq!(local.status, 0, "{local:?}");
    let ignored = run(
        &["list", "--server", &server.url],
        &[("ALL_PROXY", "socks5://me:hush@127.0.0.1:1")],
    );
    assert_eq!(ignored.status, 0, "{ignored:?}");
    assert!(
        ignored.err.contains("ALL_PROXY is ignored") && !ignored.err.contains("hush"),
        "{ignored:?}"
    );
}
