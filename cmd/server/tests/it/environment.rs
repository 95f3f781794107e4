//! The variables of other programs that the server honours: those of AWS, and the proxies.

use std::time::{Duration, Instant};

use draftstore_testing::{Embedded, HttpProxy, StoreEndpoint};
use serde_json::json;
use tempfile::TempDir;

use crate::callers::ground::Policy;
use crate::front::{FRONTS, upload};
use crate::server::{Server, command};

/// Writes a profile of AWS for this store, and returns the variables that name it.
fn profile(directory: &TempDir, endpoint: &StoreEndpoint, more: &str) -> [(&'static str, String); 4] {
    let file = directory.path().join("config");
    let (key_id, secret) = (&endpoint.access_key_id, &endpoint.secret_access_key);
    let keys = format!("aws_access_key_id = {key_id}\naws_secret_access_key = {secret}");
    std::fs::write(&file, format!("[profile work]\n{keys}\n{more}\n")).expect("written");
    let file = file.to_str().expect("UTF-8").to_owned();
    [
        ("AWS_CONFIG_FILE", file.clone()),
        ("AWS_SHARED_CREDENTIALS_FILE", file),
        ("AWS_PROFILE", "work".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

/// Returns the URL for an upload, with its scope of the signature.
async fn url(server: &Server) -> String {
    let issued = FRONTS[0].call(server, "upload-url", json!({"object_name": "a"})).await;
    issued.expect("issued")["upload_url"]
        .as_str()
        .expect("a URL")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_and_region_are_those_of_the_profile_unless_the_environment_has_others() {
    let store = Embedded::start().await;
    let (endpoint, directory) = (store.endpoint(), TempDir::new().expect("a directory"));
    let nowhere = "http://127.0.0.1:1";
    let all = |url: &str| format!("region = eu-west-3\nendpoint_url = {url}");
    let of_s3 = format!(
        "services = mine\nregion = eu-west-3\nendpoint_url = {nowhere}\n[services mine]\ns3 =\n  endpoint_url = {}",
        endpoint.url
    );
    for (profile_lines, variables, region) in [
        (all(&endpoint.url), &[][..], "eu-west-3"),
        (of_s3, &[], "eu-west-3"),
        (
            all(nowhere),
            &[("AWS_ENDPOINT_URL", endpoint.url.as_str())],
            "eu-west-3",
        ),
        (
            all(nowhere),
            &[("AWS_ENDPOINT_URL_S3", &endpoint.url), ("AWS_ENDPOINT_URL", nowhere)],
            "eu-west-3",
        ),
        (all(&endpoint.url), &[("AWS_DEFAULT_REGION", "sa-east-1")], "sa-east-1"),
        (
            all(&endpoint.url),
            &[("AWS_REGION", "sa-east-1"), ("AWS_DEFAULT_REGION", "")],
            "sa-east-1",
        ),
    ] {
        let profile = profile(&directory, &endpoint, &profile_lines);
        let mut all: Vec<_> = profile.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let keys = directory.path().join("ticket-keys");
        let key = command().args(["key", "ticket"]).output().expect("runs").stdout;
        std::fs::write(&keys, key).expect("written");
        let keys = ("TICKET_KEYS_FILE", keys.to_str().expect("UTF-8"));
        all.extend(variables.iter().chain([&("BUCKET_NAME", "files"), &keys]));
        let server = Server::start_with(&all);
        let made = FRONTS[0].call(&server, "draft-bucket", json!({})).await;
        made.expect("the buckets are made");
        let url = url(&server).await;
        assert!(url.starts_with(&format!("{}/files-draft/a?", endpoint.url)), "{url}");
        assert!(url.contains(&format!("%2F{region}%2Fs3%2Faws4_request")), "{url}");
        let issued = FRONTS[0].call(&server, "upload-url", json!({"object_name": "a"})).await;
        assert_eq!(upload(&issued.expect("issued"), "content").await, 200);
        let (_, log) = server.stop();
        assert!(
            log.contains("store chosen by environment") && log.contains("STORAGE_TYPE=embedded"),
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_are_of_the_endpoints_of_aws_that_the_environment_chooses() {
    for (variables, host) in [
        (&[][..], "files-draft.s3.eu-west-1.amazonaws.com"),
        (
            &[("AWS_USE_FIPS_ENDPOINT", "true")],
            "files-draft.s3-fips.eu-west-1.amazonaws.com",
        ),
        (
            &[("AWS_USE_DUALSTACK_ENDPOINT", "True")],
            "files-draft.s3.dualstack.eu-west-1.amazonaws.com",
        ),
    ] {
        let more = [
            ("BUCKET_NAME", "files"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            // No call leaves this machine.
            ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ];
        let server = Server::start_with(&[&more[..], variables].concat());
        let url = url(&server).await;
        assert!(url.starts_with(&format!("https://{host}/a?")), "{url}");
    }
}

#[test]
fn server_that_would_use_the_account_of_a_shell_says_how_not_to() {
    for variable in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"] {
        let mut server = command();
        server.envs([(variable, "http://x"), ("AWS_SECRET_ACCESS_KEY", "hush")]);
        if variable != "AWS_ACCESS_KEY_ID" {
            server.env("AWS_ACCESS_KEY_ID", "");
            server.env("AWS_SECRET_ACCESS_KEY", "");
        }
        let ended = server.output().expect("runs");
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        assert_eq!(ended.status.code(), Some(64), "{said}");
        let reason = format!("{variable} is set");
        let (at, because) = (said.find("set STORAGE_TYPE=embedded"), said.find(&reason));
        let is_first = said.find("AUTH=api-key").is_none_or(|other| at < Some(other));
        assert!(at.is_some() && because.is_some() && is_first, "{said}");
    }
}

/// Returns every variable that can name this proxy.
fn everywhere(proxy: &str) -> Vec<(&'static str, &str)> {
    let names = [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    names.map(|name| (name, proxy)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_store_is_never_called_through_a_proxy() {
    for variables in [
        everywhere("http://127.0.0.1:1"),
        vec![("HTTP_PROXY", "127.0.0.1:1"), ("NO_PROXY", "example.com")],
    ] {
        let server = Server::start_with(&variables);
        let issued = FRONTS[0].call(&server, "upload-url", json!({"object_name": "a"})).await;
        assert_eq!(upload(&issued.expect("issued"), "content").await, 200);
        let confirmed = FRONTS[0]
            .call(&server, "confirm-upload", json!({"object_name": "a"}))
            .await;
        confirmed.expect("confirmed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_is_called_through_the_proxy_unless_it_is_an_exception() {
    let store = Embedded::start().await;
    let endpoint = store.endpoint();
    let address = endpoint
        .url
        .strip_prefix("http://")
        .expect("plain HTTP")
        .parse()
        .expect("an address");
    let proxy = HttpProxy::start(address).await;
    for (name, exceptions, is_used) in [
        ("HTTP_PROXY", "", true),
        ("http_proxy", "example.com", true),
        ("ALL_PROXY", "store.invalid:9001", true),
        ("HTTPS_PROXY", "", false),
        ("HTTP_PROXY", "store.invalid", false),
        ("HTTP_PROXY", ".invalid", false),
        ("HTTP_PROXY", "*", false),
    ] {
        let before = proxy.lines().len();
        let server = Server::start_with(&[
            ("BUCKET_NAME", "files"),
            ("S3_ENDPOINT", "http://store.invalid:9000"),
            ("AWS_ACCESS_KEY_ID", &endpoint.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key),
            (name, &proxy.url),
            ("NO_PROXY", exceptions),
        ]);
        let made = FRONTS[0].call(&server, "draft-bucket", json!({})).await;
        assert_eq!(made.is_ok(), is_used, "{name} {exceptions}: {made:?}");
        let lines = proxy.lines().split_off(before);
        assert_eq!(!lines.is_empty(), is_used, "{lines:?}");
        assert!(
            lines.iter().all(|line| line.contains(" http://store.invalid:9000/")),
            "{lines:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_issuers_are_fetched_through_the_proxy() {
    let proxy = HttpProxy::start("127.0.0.1:1".parse().expect("an address")).await;
    let policy = Policy::new(
        "[issuers.sso]\nissuer = 'https://id.invalid'\naudience = 'draftstore'\nalgorithms = ['RS256']\n\
         jwks_url = 'https://id.invalid/keys'\nscopes = ['upload']\n",
    );
    let _server = policy.server("jwt", &[("HTTPS_PROXY", &proxy.url)]);
    let begun = Instant::now();
    while !proxy.lines().contains(&"CONNECT id.invalid:443 HTTP/1.1".to_owned()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", proxy.lines());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
