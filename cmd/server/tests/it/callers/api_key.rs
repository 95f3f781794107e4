use draftstore_testing::http_client;
use serde_json::json;
use tonic::Code;

use super::ground::{Policy, bearer, new_key, until_taken, upload_url};
use crate::front::{FRONTS, Front, upload};

#[tokio::test(flavor = "multi_thread")]
async fn api_key_allows_its_scopes_only() {
    let (page, page_policy) = new_key("page");
    let (backend, backend_policy) = new_key("backend");
    let text = format!(
        "{page_policy}scopes = ['upload', 'inspect']\n{backend_policy}scopes = ['upload', 'inspect', 'confirm']\n"
    );
    let policy = Policy::new(&text);
    let server = policy.server("api-key", &[]);
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({ "object_name": name });
        let (page, backend) = (bearer(&page), bearer(&backend));
        let (page, backend) = (
            [("authorization", page.as_str())],
            [("authorization", backend.as_str())],
        );
        let issued = front.call_with(&page, &server, "upload-url", request.clone()).await;
        assert_eq!(upload(&issued.expect("issued"), "x").await, 200);
        let refused = front.call_with(&page, &server, "confirm-upload", request.clone()).await;
        refused
            .expect_err("refused")
            .assert(403, Code::PermissionDenied, "PERMISSION_DENIED");
        let kept = front.call_with(&backend, &server, "confirm-upload", request).await;
        assert_eq!(kept.expect("confirmed")["success"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_valid_credentials_are_401() {
    let (key, known) = new_key("shop");
    let (other, _) = new_key("shop");
    let policy = Policy::new(&format!("{known}scopes = ['upload']\n"));
    let server = policy.server("api-key", &[]);
    let digest = known.split('"').nth(1).expect("a digest").to_owned();
    let good = bearer(&key);
    let refused = [
        bearer(&other),
        bearer(&digest),
        bearer(digest.trim_start_matches("sha256:")),
        bearer(&key[..key.len() - 1]),
        bearer(&format!("{key}A")),
        bearer(&key.to_uppercase()),
        bearer(key.trim_start_matches("dsk_")),
        bearer("dsk_"),
        bearer(&format!("{key} {key}")),
        bearer(&format!("{key},{key}")),
        bearer(&format!("dsk_{}", "A".repeat(10_000))),
        bearer("null"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        key.clone(),
        format!("Basic {key}"),
        format!("Bearer\t{key}"),
        format!("Bearer={key}"),
    ];
    for front in FRONTS {
        let call = async |headers: &[(&'static str, &str)]| {
            front
                .call_with(headers, &server, "upload-url", json!({"object_name": "a"}))
                .await
        };
        for spelling in [
            good.clone(),
            good.replace("Bearer", "bearer"),
            good.replace("Bearer ", "BEARER  "),
        ] {
            call(&[("authorization", &spelling)]).await.expect("taken");
        }
        let mut failures = vec![
            call(&[]).await,
            call(&[("authorization", &good), ("authorization", &good)]).await,
        ];
        for authorization in &refused {
            failures.push(call(&[("authorization", authorization)]).await);
        }
        for (place, failure) in failures.into_iter().enumerate() {
            let failure = failure.expect_err(&format!("{front:?}, {place}"));
            failure.assert(401, Code::Unauthenticated, "UNAUTHENTICATED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_a_challenge() {
    let (key, known) = new_key("page");
    let policy = Policy::new(&format!("{known}scopes = ['upload']\n"));
    let server = policy.server("api-key", &[]);
    let client = http_client();
    for (authorization, path, status, says) in [
        (None, "api/v1/upload-url", 401, "Bearer"),
        (
            Some(bearer("dsk_no")),
            "api/v1/upload-url",
            401,
            r#"Bearer error="invalid_token""#,
        ),
        (None, "uppy/s3/multipart", 401, "Bearer"),
        (
            Some(bearer(&key)),
            "api/v1/confirm-upload",
            403,
            r#"Bearer error="insufficient_scope", scope="confirm""#,
        ),
    ] {
        let post = client
            .post(format!("http://{}/{path}", server.http))
            .json(&json!({"object_name": "a"}));
        let post = match authorization {
            Some(authorization) => post.header("authorization", authorization),
            None => post,
        };
        let answer = post.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["www-authenticate"], says, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_console_and_preflights_need_no_credentials() {
    let (_, known) = new_key("page");
    let policy = Policy::new(&format!("{known}scopes = ['upload']\n"));
    let origin = [("CORS_ALLOWED_ORIGINS", "https://app.example.com")];
    let server = policy.server("api-key", &origin);
    let client = http_client();
    for path in ["health", "health/live", "health/ready", ""] {
        let answer = client.get(format!("http://{}/{path}", server.http)).send().await;
        assert_eq!(answer.expect("an answer").status(), 200, "{path}");
    }
    let preflight = client
        .request(
            reqwest::Method::OPTIONS,
            format!("http://{}/api/v1/upload-url", server.http),
        )
        .header("origin", origin[0].1)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let answer = preflight.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], origin[0].1);

    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel.connect().await.expect("connects"));
    let request = tonic_health::pb::HealthCheckRequest::default();
    health.check(request).await.expect("an answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_reloaded_without_a_restart() {
    let (old, old_policy) = new_key("shop");
    let (new, new_policy) = new_key("shop");
    let digest = |policy: &str| policy.split('"').nth(1).expect("a digest").to_owned();
    let (old_digest, new_digest) = (digest(&old_policy), digest(&new_policy));
    let policy = Policy::new("api_keys_file = 'keys/current'\n[callers.shop]\nscopes = ['upload']\n");
    let generation = |name: &str, digests: &[&str]| {
        let directory = policy.directory().join(name);
        std::fs::create_dir(&directory).expect("made");
        std::fs::write(directory.join("current"), format!("shop = {digests:?}\n")).expect("written");
    };
    // As in a Secret mounted by Kubernetes, the target of a symbolic link changes.
    let point = |name: &str| {
        let link = policy.directory().join("link");
        std::os::unix::fs::symlink(name, &link).expect("linked");
        std::fs::rename(link, policy.directory().join("keys")).expect("renamed");
    };
    generation("first", &[&old_digest]);
    generation("both", &[&old_digest, &new_digest]);
    generation("last", &[&new_digest]);
    point("first");
    let server = policy.server("api-key", &[("RUST_LOG", "trace")]);
    for front in FRONTS {
        upload_url(front, &server, &old).await.expect("taken");
        upload_url(front, &server, &new).await.expect_err("not yet");
    }
    point("both");
    until_taken(&server, &new, true).await;
    upload_url(Front::Grpc, &server, &old).await.expect("both are taken");
    point("last");
    server.signal("HUP");
    until_taken(&server, &old, false).await;
    upload_url(Front::Grpc, &server, &new).await.expect("taken");

    let (status, log) = server.stop();
    assert!(status.success());
    assert!(log.contains("files reloaded"), "{log}");
    for secret in [&old, &new] {
        assert!(!log.contains(&secret[4..]), "a key is in the log");
    }
}
