use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use draftstore_storage::Operation;
use draftstore_testing::proxy::{FaultProxy, InjectedFault, RequestFilter, RequestRange};
use draftstore_testing::{Embedded, StoreEndpoint, TestBuckets, http_client};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::Streaming;
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::create_ticket::new_ticket_key;
use crate::front::FRONTS;
use crate::server::{NOWHERE, Server, command};

/// The time for two more probes, which follow after one and two seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Returns the variables for an external store.
fn variables(endpoint: &StoreEndpoint) -> [(&str, &str); 4] {
    [
        ("BUCKET_NAME", "files"),
        ("S3_ENDPOINT", &endpoint.url),
        ("AWS_ACCESS_KEY_ID", &endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key),
    ]
}

async fn ready(server: &Server) -> (u16, Value) {
    let answer = http_client()
        .get(format!("http://{}/health/ready", server.http))
        .send()
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

async fn serving(server: &Server) -> [ServingStatus; 2] {
    let channel = Channel::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let mut client = HealthClient::new(channel.connect().await.expect("connects"));
    let mut ask = async |service: &str| {
        let service = service.to_owned();
        let answer = client.check(HealthCheckRequest { service }).await.expect("an answer");
        answer.into_inner().status()
    };
    [ask("").await, ask("draft.v1.DraftService").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_store_is_ready_without_weaknesses() {
    let world = TestBuckets::embedded().await;
    // Only a store that is not the server's own is probed.
    for (variables, is_probed) in [(&variables(&world.endpoint)[..], true), (&[], false)] {
        let server = Server::start_with(variables);
        let (status, said) = ready(&server).await;
        assert_eq!(
            (status, said),
            (200, json!({"status": "ready", "store": "probed", "weakened": []}))
        );
        assert_eq!(serving(&server).await, [ServingStatus::Serving; 2]);
        let (_, log) = server.stop();
        assert_eq!(log.contains("store honours every condition"), is_probed, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_store_is_not_ready_but_live() {
    let server = Server::start_with(&[
        ("S3_ENDPOINT", NOWHERE),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "hush"),
    ]);
    let (status, said) = ready(&server).await;
    assert_eq!(
        (status, said),
        (
            503,
            json!({"status": "not ready", "store": "unreachable", "weakened": []})
        )
    );
    assert_eq!(serving(&server).await, [ServingStatus::NotServing; 2]);
    for route in ["health", "health/live"] {
        let live = http_client()
            .get(format!("http://{}/{route}", server.http))
            .send()
            .await;
        assert_eq!(live.expect("an answer").status(), 200);
    }
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    for said in ["store probe failed", NOWHERE, "S3_ENDPOINT", "not ready"] {
        assert!(log.contains(said), "{said} is missing in {log}");
    }
    assert!(!log.contains(r#""message":"ready""#), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_not_ready() {
    let store = Embedded::start().await;
    let mut endpoint = store.endpoint();
    endpoint.secret_access_key = "wrong".to_owned();
    let server = Server::start_with(&variables(&endpoint));
    let (status, said) = ready(&server).await;
    assert_eq!((status, &said["store"]), (503, &json!("credentials refused")));
    let (_, log) = server.stop();
    for said in [endpoint.url.as_str(), "AWS_SECRET_ACCESS_KEY", "not ready"] {
        assert!(log.contains(said), "{said} is missing in {log}");
    }
    assert!(!log.contains(r#""message":"ready""#), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_bucket_is_ready_and_probed_after_its_creation() {
    let store = Embedded::start().await;
    let server = Server::start_with(&variables(&store.endpoint()));
    let (status, said) = ready(&server).await;
    assert_eq!(
        (status, said),
        (
            200,
            json!({"status": "ready", "store": "bucket missing", "weakened": []})
        )
    );
    assert_eq!(serving(&server).await, [ServingStatus::Serving; 2]);

    let made = FRONTS[0].call(&server, "draft-bucket", json!({})).await;
    made.expect("the buckets can be made");
    let begun = Instant::now();
    while ready(&server).await.1["store"] != "probed" {
        assert!(begun.elapsed() < TIMEOUT, "the store was not looked at again");
    }
}

/// Waits until a client that watches the health service receives this status.
async fn until(health: &mut Streaming<HealthCheckResponse>, expected: ServingStatus) {
    let change =
        async { while health.message().await.expect("a message").expect("it goes on").status() != expected {} };
    timeout(TIMEOUT, change).await.expect("health has changed");
}

async fn watch(server: &Server) -> Streaming<HealthCheckResponse> {
    let channel = Channel::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let mut client = HealthClient::new(channel.connect().await.expect("connects"));
    let service = String::new();
    client
        .watch(HealthCheckRequest { service })
        .await
        .expect("a stream")
        .into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_store() {
    let store = Embedded::start().await;
    let proxy = FaultProxy::start(&store.endpoint());
    let endpoint = proxy.endpoint();
    let server = Server::start_with(&[&variables(&endpoint)[..], &[("READINESS_INTERVAL", "1")]].concat());
    let mut health = watch(&server).await;
    until(&mut health, ServingStatus::Serving).await;

    proxy.plan(
        RequestFilter::of(Operation::ListObjectsV2),
        RequestRange::ALL,
        InjectedFault::Gone,
    );
    let listed = FRONTS[0].call(&server, "list-drafts", json!({})).await;
    listed.expect_err("the store goes away");
    until(&mut health, ServingStatus::NotServing).await;
    let (status, said) = ready(&server).await;
    assert_eq!((status, &said["store"]), (503, &json!("unreachable")));
    let admin = http_client()
        .get(format!("http://{}/health/ready", server.admin))
        .send()
        .await;
    assert_eq!(admin.expect("an answer").status(), 503);
    for place in [&server.http, &server.admin] {
        let live = http_client().get(format!("http://{place}/health/live")).send().await;
        assert_eq!(live.expect("an answer").status(), 200);
    }

    proxy.heal();
    until(&mut health, ServingStatus::Serving).await;
    assert_eq!(ready(&server).await.0, 200);
}

/// Starts a credentials endpoint for containers. It returns credentials with this lifetime, until it is told to expire them.
async fn agent(endpoint: &StoreEndpoint, lifetime: Duration) -> (String, Arc<AtomicBool>) {
    let (key_id, secret) = (endpoint.access_key_id.clone(), endpoint.secret_access_key.clone());
    let ended = Arc::new(AtomicBool::new(false));
    let has_ended = Arc::clone(&ended);
    let answer = move || {
        let said = json!({
            "AccessKeyId": key_id,
            "SecretAccessKey": secret,
            "Token": "token",
            "Expiration": (Timestamp::now() + lifetime).to_string(),
        });
        let answer = (!has_ended.load(Ordering::Relaxed)).then(|| said.to_string());
        async move { answer.ok_or(axum::http::StatusCode::FORBIDDEN) }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let router = Router::new().route("/", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}/"), ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_are_not_ready() {
    let store = Embedded::start().await;
    let endpoint = store.endpoint();
    let (agent, ended) = agent(&endpoint, Duration::from_secs(8)).await;
    let directory = tempfile::tempdir().expect("a directory");
    let keys = directory.path().join("ticket-keys");
    std::fs::write(&keys, new_ticket_key()).expect("written");
    let server = Server::start_with(&[
        ("BUCKET_NAME", "files"),
        ("TICKET_KEYS_FILE", keys.to_str().expect("UTF-8")),
        ("S3_ENDPOINT", &endpoint.url),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &agent),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("READINESS_INTERVAL", "1"),
    ]);
    let mut health = watch(&server).await;
    until(&mut health, ServingStatus::Serving).await;
    let left = crate::metrics::value(&server, r#"draftstore_credentials_seconds_left{credentials="calls"}"#).await;
    assert!(left > 0.0 && left <= 8.0, "{left}");
    ended.store(true, Ordering::Relaxed);
    until(&mut health, ServingStatus::NotServing).await;
    // Calls fail earlier, because no new credentials are available and the existing ones expire soon.
    let said = async {
        loop {
            let (status, said) = ready(&server).await;
            assert_eq!(status, 503, "{said}");
            if said["store"] == "no credentials" {
                break;
            }
        }
    };
    timeout(TIMEOUT, said).await.expect("they have ended");
    let left = crate::metrics::value(&server, r#"draftstore_credentials_seconds_left{credentials="calls"}"#).await;
    assert!(left <= 0.0, "{left}");
}

#[tokio::test]
async fn require_safe_store_accepts_a_safe_store() {
    let server = Server::start_with(&[("REQUIRE_SAFE_STORE", "true")]);
    assert_eq!(ready(&server).await.1["store"], "probed");
}

#[tokio::test(flavor = "multi_thread")]
async fn require_safe_store_refuses_a_store_without_a_probe() {
    let store = Embedded::start().await;
    let mut elsewhere = store.endpoint();
    elsewhere.url = NOWHERE.to_owned();
    for (endpoint, expected) in [(store.endpoint(), "doctor --fix"), (elsewhere, "cannot be probed")] {
        let mut server = command();
        let more = [("REQUIRE_SAFE_STORE", "true"), ("BIND_ADDRESS", "127.0.0.1")];
        server.envs(variables(&endpoint)).envs(more);
        let ended = server.output().expect("runs");
        assert_eq!(ended.status.code(), Some(1));
        let said = String::from_utf8(ended.stderr).expect("UTF-8");
        assert!(said.contains("REQUIRE_SAFE_STORE") && said.contains(expected), "{said}");
    }
}
