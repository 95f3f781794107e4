//! Tests of the graceful shutdown after SIGTERM.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use draftstore_testing::{TestBuckets, http_client, key};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::gate::Gate;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_waits_for_a_confirm_without_a_caller() {
    let world = TestBuckets::embedded().await;
    let store = world.endpoint.url.strip_prefix("http://").expect("plain HTTP");
    let mut gate = Gate::before(store.parse().expect("an address")).await;
    let server = Server::start_with(&[
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &format!("http://{}", gate.address)),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
    ]);
    world.draft("a", "bytes").await;
    gate.shut();

    let body = json!({"object_name": "a"}).to_string();
    let mut caller = TcpStream::connect(&server.http).expect("connects");
    let length = body.len();
    write!(
        caller,
        "POST /api/v1/confirm-upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    gate.holds_a_copy().await;
    drop(caller);
    server.signal("TERM");
    while TcpStream::connect(&server.http).is_ok() {}
    gate.open();

    let (status, log) = server.stopped();
    assert!(status.success(), "{log}");
    assert_eq!(world.main_bytes(&key("a")).await.as_deref(), Some(&b"bytes"[..]));
    assert_eq!(
        world.draft_keys().await,
        Vec::<String>::new(),
        "its last step was done too"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_server_closes_connections_and_refuses_no_request() {
    // Longer than any test, so that everything here happens before the shutdown.
    let server = Server::start_with(&[("SHUTDOWN_DELAY", "86400")]);
    let mut kept = TcpStream::connect(&server.http).expect("connects");
    assert!(!ask(&mut kept).contains("connection: close"), "it is kept");
    let (_sender, http2) = http2(&server.grpc).await;

    server.signal("TERM");
    http2.await.expect("it was told, and has ended in order");
    let answer = ask(&mut kept);
    assert!(answer.starts_with("HTTP/1.1 503"), "not ready: {answer}");
    assert!(answer.contains("connection: close"), "the last one: {answer}");
    assert_eq!(kept.read(&mut [0]).expect("the end"), 0);

    let issued = http_client()
        .post(format!("http://{}/api/v1/upload-url", server.http))
        .body(json!({"object_name": "a"}).to_string())
        .send()
        .await
        .expect("whoever comes is answered");
    assert_eq!(issued.status(), 200);
    assert_eq!(issued.headers()["connection"], "close");

    let channel = Channel::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let mut health = HealthClient::new(channel.connect().await.expect("connects"));
    let health = health
        .check(HealthCheckRequest::default())
        .await
        .expect("an answer")
        .into_inner();
    assert_eq!(health.status(), ServingStatus::NotServing);
}

#[tokio::test(flavor = "multi_thread")]
async fn server_stops_after_the_delay_despite_connections() {
    let server = Server::start_with(&[("SHUTDOWN_DELAY", "1")]);
    let mut idle = TcpStream::connect(&server.http).expect("connects");
    ask(&mut idle);
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
    assert_eq!(idle.read(&mut [0]).expect("the end"), 0);
}

/// Sends a request for the readiness. The body of the response is one chunk that ends with a brace.
fn ask(connection: &mut TcpStream) -> String {
    connection
        .write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .expect("sent");
    let mut answer = Vec::new();
    let mut bytes = [0; 1024];
    while !answer.ends_with(b"}") {
        let read = connection.read(&mut bytes).expect("an answer");
        assert_ne!(read, 0, "it was closed");
        answer.extend_from_slice(&bytes[..read]);
    }
    String::from_utf8(answer).expect("text")
}

/// Opens an idle HTTP/2 connection, and returns it with the task that drives it.
async fn http2(
    address: &str,
) -> (
    SendRequest<Empty<Bytes>>,
    impl Future<Output = hyper::Result<()>> + use<>,
) {
    let stream = tokio::net::TcpStream::connect(address).await.expect("connects");
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    let connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = hyper::Request::get("http://x/").body(Empty::new()).expect("a request");
    sender.send_request(request).await.expect("an answer of whatever kind");
    (sender, async { connection.await.expect("not aborted") })
}
