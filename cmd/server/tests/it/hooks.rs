//! Notifications of the store at `/hooks/s3`, those that the embedded store sends, and the drafts that then confirm themselves.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use draftstore_testing::http_client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Front, draft, put, upload};
use crate::metrics::value;
use crate::server::Server;

const TOKEN: &str = "a-token-of-the-tests";

/// A page that claims to be an image.
const PAGE: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";

/// A receiver of notifications that passes them on to a server, which is known once it runs.
struct Relay {
    url: String,
    server: Arc<OnceLock<String>>,
}

impl Relay {
    async fn start() -> Self {
        let server: Arc<OnceLock<String>> = Arc::default();
        let to = Arc::clone(&server);
        let relay = move |headers: HeaderMap, body: Bytes| {
            let to = to.get().cloned();
            async move {
                let Some(to) = to else {
                    return StatusCode::SERVICE_UNAVAILABLE;
                };
                let sent = http_client()
                    .post(format!("http://{to}/hooks/s3"))
                    .header("authorization", headers["authorization"].clone())
                    .body(body)
                    .send()
                    .await;
                sent.expect("an answer").status()
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/minio", listener.local_addr().expect("an address"));
        let router = Router::new().route("/minio", post(relay));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, server }
    }

    /// Starts a server whose embedded store notifies it.
    fn server(&self, policy: &Policy, more: &[(&str, &str)]) -> Server {
        let variables = [
            ("HOOK_TOKEN", TOKEN),
            ("EMBEDDED_WEBHOOK_URL", self.url.as_str()),
            ("EMBEDDED_WEBHOOK_TOKEN", TOKEN),
        ];
        let server = policy.server("api-key", &[&variables, more].concat());
        self.server.set(server.http.clone()).expect("one server");
        server
    }
}

/// A policy with a caller whose drafts confirm themselves, one whose drafts are checked too, and one that may do everything.
fn policy() -> (Policy, [String; 3]) {
    let [auto, images, backend] = ["auto", "images", "backend"].map(new_key);
    let policy = Policy::new(&format!(
        "[profiles.auto]\nauto_confirm = true\n[profiles.images]\nauto_confirm = true\n[profiles.images.checks.type]\n\
         {}scopes = ['upload']\ntenant = 'acme'\nprofile = 'auto'\n{}scopes = ['upload']\nprofile = 'images'\n\
         {}scopes = ['upload', 'download', 'inspect', 'confirm']\n",
        auto.1, images.1, backend.1
    ));
    (policy, [auto, images, backend].map(|(key, _)| bearer(&key)))
}

async fn call(server: &Server, front: Front, key: &str, call: &str, request: Value) -> Result<Value, u16> {
    let answer = front.call_with(&[("authorization", key)], server, call, request).await;
    answer.map_err(|failure| if failure.retry { 503 } else { 400 })
}

/// Waits until main has an object.
async fn until_confirmed(server: &Server, key: &str, name: &str) {
    let begun = Instant::now();
    let request = json!({ "object_name": name });
    while call(server, Front::Rest, key, "get-object", request.clone())
        .await
        .is_err()
    {
        assert!(begun.elapsed().as_secs() < 30, "{name} is not confirmed");
    }
}

async fn notify(server: &Server, authorization: Option<&str>, body: impl Into<reqwest::Body>) -> u16 {
    let request = http_client()
        .post(format!("http://{}/hooks/s3", server.http))
        .body(body);
    let request = match authorization {
        Some(value) => request.header("authorization", value),
        None => request,
    };
    request.send().await.expect("an answer").status().as_u16()
}

fn event(bucket: &str, key: &str) -> String {
    json!({"Records": [{
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key}},
    }]})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn uploaded_draft_is_confirmed_by_the_notification_of_its_store() {
    let directory = tempfile::tempdir().expect("a directory");
    let audit = directory.path().join("audit.jsonl");
    let relay = Relay::start().await;
    let (policy, [auto, _, backend]) = policy();
    let server = relay.server(&policy, &[("AUDIT_LOG", audit.to_str().expect("UTF-8"))]);
    for front in FRONTS {
        for unique in [false, true] {
            let name = front.name(if unique { "unique ü+.txt" } else { "named ü+.txt" });
            let request = json!({"object_name": name, "unique": unique, "content_type": "text/plain"});
            let issued = call(&server, front, &auto, "upload-url", request)
                .await
                .expect("issued");
            assert_eq!(upload(&issued, "hello").await, 200);
            until_confirmed(&server, &backend, &format!("acme/{name}")).await;
        }
    }
    // A confirm is counted, and audited, shortly after main has its object.
    let begun = Instant::now();
    while value(&server, "draftstore_auto_confirms_total{outcome=\"kept\"}").await < 4.0 {
        assert!(begun.elapsed().as_secs() < 30, "not counted");
    }
    assert!(server.stop().0.success());
    let lines = std::fs::read_to_string(&audit).expect("the audit");
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let own = lines
        .filter(|line| line["caller"] == "auto_confirm")
        .collect::<Vec<_>>();
    assert_eq!(own.len(), 4);
    for line in own {
        let said = [&line["rpc"], &line["tenant"], &line["outcome"]];
        assert_eq!(said, ["ConfirmUpload", "acme", "OK"], "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_that_its_checks_reject_is_not_confirmed() {
    let relay = Relay::start().await;
    let (policy, [_, images, backend]) = policy();
    let server = relay.server(&policy, &[]);
    let request = json!({"object_name": "a.png", "content_type": "image/png"});
    let issued = call(&server, Front::Rest, &images, "upload-url", request)
        .await
        .expect("issued");
    assert_eq!(upload(&issued, PAGE).await, 200);
    let begun = Instant::now();
    while value(&server, "draftstore_auto_confirms_total{outcome=\"rejected\"}").await < 1.0 {
        assert!(begun.elapsed().as_secs() < 30, "not rejected");
    }
    let absent = call(
        &server,
        Front::Rest,
        &backend,
        "get-object",
        json!({"object_name": "a.png"}),
    )
    .await;
    absent.expect_err("nothing in main");
    call(
        &server,
        Front::Rest,
        &backend,
        "inspect-draft",
        json!({"object_name": "a.png"}),
    )
    .await
    .expect("the draft is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_whose_page_was_closed_is_completed_and_confirmed() {
    let (policy, [auto, _, backend]) = policy();
    let variables = [("COMPLETE_IDLE_AFTER", "1"), ("CLEANUP_SCHEDULE", "* * * * * *")];
    let server = policy.server("api-key", &variables);
    for front in FRONTS {
        let name = front.name("film");
        let request = json!({"object_name": name, "content_length": 5, "unique": true});
        let created = call(&server, front, &auto, "multipart/create", request)
            .await
            .expect("begun");
        let part = json!({
            "object_name": created["object_name"], "draft_id": created["draft_id"], "upload_id": created["upload_id"],
            "parts": [{"part_number": 1}],
        });
        let signed = call(&server, front, &auto, "multipart/sign-parts", part)
            .await
            .expect("signed");
        assert_eq!(put(&signed["parts"][0], "hello").await.status(), 200);
        until_confirmed(&server, &backend, &format!("acme/{name}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn completed_upload_confirms_itself_without_a_notification() {
    let (policy, [auto, _, backend]) = policy();
    let server = policy.server("api-key", &[]);
    for front in FRONTS {
        let name = front.name("film");
        let request = json!({"object_name": name, "content_length": 5});
        let created = call(&server, front, &auto, "multipart/create", request)
            .await
            .expect("begun");
        let mut upload = json!({"object_name": created["object_name"], "upload_id": created["upload_id"]});
        upload["parts"] = json!([{"part_number": 1}]);
        let signed = call(&server, front, &auto, "multipart/sign-parts", upload.clone())
            .await
            .expect("signed");
        assert_eq!(put(&signed["parts"][0], "hello").await.status(), 200);
        upload["parts"] = json!([]);
        call(&server, front, &auto, "multipart/complete", upload)
            .await
            .expect("completed");
        until_confirmed(&server, &backend, &format!("acme/{name}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_needs_the_token_and_is_only_a_hint() {
    let server = Server::start_with(&[("HOOK_TOKEN", TOKEN)]);
    let ours = bearer(TOKEN);
    draft(&server, "a", b"x").await;
    let body = event("main-draft", "a");
    for wrong in [None, Some("Bearer x"), Some("Bearer "), Some(TOKEN), Some("Basic YTpi")] {
        assert_eq!(notify(&server, wrong, body.clone()).await, 401, "{wrong:?}");
    }
    for body in [
        body,
        event("main-draft", "absent"),
        event("main", "a"),
        event("main-draft", ".drafts/verdicts/x"),
        event("main-draft", ""),
        r#"{"Event": "s3:TestEvent"}"#.to_owned(),
    ] {
        assert_eq!(notify(&server, Some(&ours), body.clone()).await, 204, "{body}");
    }
    for body in ["", "{}", "[]", "x"] {
        assert_eq!(notify(&server, Some(&ours), body).await, 400, "{body}");
    }
    assert_eq!(notify(&server, Some(&ours), vec![b' '; 600 * 1024]).await, 413);
    let read = http_client()
        .get(format!("http://{}/hooks/s3", server.http))
        .send()
        .await;
    let read = read.expect("an answer");
    assert_eq!(
        (read.status().as_u16(), &read.headers()["allow"]),
        (405, &"POST".parse().expect("a value"))
    );
    let request = json!({"object_name": "a"});
    Front::Rest
        .call(&server, "inspect-draft", request.clone())
        .await
        .expect("nobody confirmed it");
    Front::Rest
        .call(&server, "get-object", request)
        .await
        .expect_err("nothing in main");
    let sns = http_client()
        .post(format!("http://{}/hooks/s3", server.http))
        .header("x-amz-sns-message-type", "Notification")
        .header("authorization", &ours)
        .body("{}");
    assert_eq!(sns.send().await.expect("an answer").status(), 400, "no message of SNS");
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_off_without_settings() {
    let server = Server::start();
    assert_eq!(
        notify(&server, Some(&bearer(TOKEN)), event("main-draft", "a")).await,
        404
    );
}
