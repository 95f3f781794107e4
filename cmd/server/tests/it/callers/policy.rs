use std::process::Output;

use super::ground::{Policy, new_key, until_taken, upload_url};
use crate::front::Front;
use crate::server::command;

fn run(auth: &str, policy: &Policy) -> Output {
    let variables = [
        ("HTTP_PORT", "0"),
        ("GRPC_PORT", "0"),
        ("EMBEDDED_PORT", "0"),
        ("AUTH", auth),
    ];
    let mut command = command();
    command
        .envs(variables)
        .env("POLICY_FILE", policy.path())
        .env("EMBEDDED_DATA_DIR", policy.directory().join("data"));
    command.output().expect("runs")
}

#[test]
fn policy_that_cannot_be_used_ends_with_64_and_says_everything() {
    let policy = Policy::new(
        "api_keys_file = 'nowhere'\n\
         [profiles.small]\nmax_object_bytes = 0\ncontent_types = ['image']\n\
         [profiles.fixed.fixed_options]\nstorage_class = 'a b'\nkms_key_id = 'k'\nretention = {mode = 'governance', days = 0}\n\
         [callers.shop]\nscopes = ['upload', 'uploads']\ntenant = '/'\nprofile = 'large'\napi_keys = ['dsk_secret']\n\
         certificates = ['dns:*.internal']\n\
         [callers.'a b']\nscopes = []\n",
    );
    let ended = run("api-key", &policy);
    assert_eq!(ended.status.code(), Some(64));
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    for place in [
        "policy.toml",
        "api_keys_file: ",
        "profiles.small.max_object_bytes: ",
        "profiles.small.content_types[0]: ",
        "profiles.fixed.fixed_options.storage_class: ",
        "profiles.fixed.fixed_options.kms_key_id: ",
        "profiles.fixed.fixed_options.retention.days: ",
        "callers.shop.scopes[1]: ",
        "callers.shop.tenant: ",
        "callers.shop.profile: ",
        "callers.shop.api_keys[0]: ",
        "callers.shop.certificates[0]: ",
        "callers.a b: ",
        "callers.a b.scopes: ",
    ] {
        assert!(said.contains(place), "{place} is missing in {said}");
    }
    assert!(!said.contains("dsk_secret"), "{said}");
}

#[test]
fn policy_without_what_auth_asks_for_ends_with_64() {
    let (_, known) = new_key("shop");
    let keys = Policy::new(&format!("{known}scopes = ['upload']\n"));
    let none = Policy::new("[callers.shop]\nscopes = ['upload']\n");
    for (auth, policy, says) in [
        ("api-key", &none, "no caller has api_keys"),
        ("mtls", &keys, "TLS_CLIENT_CA_FILE"),
        ("jwt", &keys, "the policy has no issuers"),
    ] {
        let ended = run(auth, policy);
        assert_eq!(ended.status.code(), Some(64), "{auth}");
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        assert!(said.contains(says), "{auth}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_policy_is_not_reloaded() {
    let (first, first_policy) = new_key("shop");
    let (second, second_policy) = new_key("shop");
    let policy = Policy::new(&format!("{first_policy}scopes = ['upload']\n"));
    let server = policy.server("api-key", &[]);
    policy.write("policy.toml", "[callers.shop\n");
    server.signal("HUP");
    upload_url(Front::Rest, &server, &first).await.expect("still taken");
    policy.write("policy.toml", format!("{second_policy}scopes = ['upload']\n"));
    until_taken(&server, &second, true).await;
    upload_url(Front::Rest, &server, &first)
        .await
        .expect_err("not any more");

    // No caller is left, as intended.
    policy.write("policy.toml", "[callers.shop]\nscopes = ['upload']\n");
    until_taken(&server, &second, false).await;
    let (_, log) = server.stop();
    assert!(log.contains("no caller has api_keys"), "{log}");
}
