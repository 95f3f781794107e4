//! Tests that each client has its share of what the server has, and leaves the rest to others and to the server itself.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use draftstore_proto::v1;
use draftstore_testing::http_client;
use futures::StreamExt as _;
use futures::channel::mpsc;
use futures::stream::{self, FuturesUnordered};
use prost::Message as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Front, draft};
use crate::server::Server;

const MEBIBYTE: usize = 1024 * 1024;

async fn channel(server: &Server) -> Channel {
    let channel = Channel::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    channel.connect().await.expect("connects")
}

/// Returns a request of REST with a body of this size, without the body's last byte.
fn unfinished(path: &str, authorization: &str, bytes: usize) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {authorization}\r\ncontent-length: {bytes}\r\n\r\n"
    );
    [head.into_bytes(), vec![b' '; bytes - 1]].concat()
}

/// The caller has ten addresses, and each of them could hold as much as the caller may.
#[tokio::test(flavor = "multi_thread")]
async fn caller_with_many_addresses_leaves_memory_to_others() {
    let ((greedy, of_greedy), (modest, of_modest)) = (new_key("greedy"), new_key("modest"));
    let policy = format!("{of_greedy}scopes = ['upload']\n{of_modest}scopes = ['upload']\n");
    let server = Policy::new(&policy).server("api-key", &[]);
    let address = server.http.parse().expect("an address");
    let body = unfinished("/api/v1/upload-urls", &bearer(&greedy), MEBIBYTE);
    let body = &body;
    let hold = async |place: u8| {
        let socket = TcpSocket::new_v4().expect("a socket");
        let own = std::net::SocketAddr::from(([127, 0, 0, 2 + place % 10], 0));
        socket.bind(own).expect("bound");
        let mut stream = socket.connect(address).await.expect("connects");
        // The server may respond and close before it has read everything.
        let _ = stream.write_all(body).await;
        let mut response = [0; 12];
        let _ = stream.read_exact(&mut response).await;
        response
    };
    let mut calls: FuturesUnordered<_> = (0..100).map(hold).collect();
    // A quarter of 64 MiB is sixteen bodies. Some more may arrive while others are refused.
    for _ in 0..60 {
        let response = calls.next().await.expect("more than these are refused");
        assert_eq!(&response, b"HTTP/1.1 503");
    }
    let uploads: Vec<_> = (0..100)
        .map(|number| json!({"object_name": format!("{}{number}", "a".repeat(800))}))
        .collect();
    for front in FRONTS {
        let authorization = bearer(&modest);
        let headers = [("authorization", authorization.as_str())];
        let request = json!({ "uploads": uploads });
        let issued = front.call_with(&headers, &server, "upload-urls", request).await;
        assert!(issued.is_ok(), "{front:?}: {issued:?}");
    }
}

/// The layer of gRPC-Web reads the body, and hides the reason why it ends.
#[tokio::test(flavor = "multi_thread")]
async fn every_front_says_that_memory_is_full() {
    let server = Server::start_with(&[("MAX_REQUEST_MEMORY", "8388608"), ("BODY_TIMEOUT", "600")]);
    // A quarter of the memory is 2 MiB. A third body could be refused together with one of the others.
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.http).expect("connects");
            let _ = stream.write_all(&unfinished("/api/v1/upload-urls", "none", MEBIBYTE));
            stream
        })
        .collect();
    let name = "a".repeat(60 * 1024);
    for front in FRONTS {
        let request = json!({"object_name": name});
        let refused = loop {
            let refused = front.call(&server, "upload-url", request.clone()).await;
            let refused = refused.expect_err("the name is too long");
            if refused.fields.is_empty() {
                break refused;
            }
        };
        refused.assert(503, Code::Unavailable, "OVERLOADED");
    }
    let message = v1::GetUploadUrlRequest {
        object_name: name,
        ..Default::default()
    };
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).expect("short").to_be_bytes();
    let body = [&[0], &length[..], &message].concat();
    let request = http_client().post(format!("http://{}/draft.v1.DraftService/GetUploadURL", server.grpc));
    let request = request.header("content-type", "application/grpc-web+proto").body(body);
    let refused = request.send().await.expect("a response");
    assert_eq!(refused.headers()["grpc-status"], "14");
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_of_reflection_counts_like_a_request() {
    let server = Server::start_with(&[("ADDRESS_RATE_LIMIT", "20/86400"), ("GRPC_REFLECTION", "on")]);
    let mut client = ServerReflectionClient::new(channel(&server).await);
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let (ask, questions) = mpsc::unbounded();
    ask.unbounded_send(question.clone()).expect("the stream is open");
    let answers = client.server_reflection_info(questions).await;
    let mut answers = answers.expect("a stream").into_inner();
    let mut answered = 0;
    let refused = loop {
        match answers.message().await {
            Ok(Some(_)) => {
                answered += 1;
                // The stream may have ended meanwhile.
                let _ = ask.unbounded_send(question.clone());
            }
            Ok(None) => panic!("{answered} answers"),
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    assert!((1..=20).contains(&answered), "{answered}");
    let health = HealthClient::new(channel(&server).await)
        .check(HealthCheckRequest::default())
        .await;
    assert_eq!(health.expect_err("nothing is left").code(), Code::ResourceExhausted);
}

/// Clients that watch health take the end of a stream for a failure of the server.
#[tokio::test(flavor = "multi_thread")]
async fn watch_of_health_outlives_calls_and_ends_with_the_server() {
    let server = Server::start_with(&[
        ("CALL_TIMEOUT", "1"),
        ("GRPC_REFLECTION", "on"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "16"),
    ]);
    let mut health = HealthClient::new(channel(&server).await);
    let mut watch = async || health.watch(HealthCheckRequest::default()).await;
    let mut watches =
        [watch().await.expect("a stream"), watch().await.expect("a stream")].map(tonic::Response::into_inner);
    for watch in &mut watches {
        watch.message().await.expect("a status").expect("the first");
    }
    let refused = watch().await.map(drop).expect_err("an eighth of sixteen are open");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let mut reflection = ServerReflectionClient::new(channel(&server).await);
    let endless = reflection.server_reflection_info(stream::pending()).await;
    let ended = endless.expect("a stream").into_inner().message().await;
    assert_eq!(ended.expect_err("in time").code(), Code::DeadlineExceeded);
    for watch in &mut watches {
        tokio::select! {
            biased;
            ended = watch.message() => panic!("{ended:?}"),
            () = std::future::ready(()) => {}
        }
    }
    let (status, log) = server.stop();
    assert!(status.success() && !log.contains("requests cancelled"), "{log}");
    for watch in &mut watches {
        while let Ok(Some(_)) = watch.message().await {}
    }
}

/// Opens connections to the embedded store that each have sent an authenticated request.
fn take(server: &Server, url: &str, connections: usize) -> Vec<TcpStream> {
    let store = server.store.strip_prefix("http://").expect("plain HTTP");
    let target = url.strip_prefix(&server.store).expect("a URL of the store");
    let request = format!("GET {target} HTTP/1.1\r\nhost: {store}\r\n\r\n");
    let one = |_| {
        let mut stream = TcpStream::connect(store).expect("connects");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut status = [0; 12];
        stream.read_exact(&mut status).expect("a response");
        assert_eq!(&status, b"HTTP/1.1 404");
        stream
    };
    (0..connections).map(one).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn server_has_its_embedded_store_when_clients_take_all_connections() {
    let server = Server::start_with(&[("MAX_CONNECTIONS", "8"), ("READINESS_INTERVAL", "1")]);
    draft(&server, "a", b"bytes").await;
    let request = json!({"object_name": "b", "stage": "STAGE_MAIN", "unchecked": true});
    let issued = Front::Rest
        .call(&server, "download-url", request)
        .await
        .expect("issued");
    let url = issued["download_url"].as_str().expect("a URL").to_owned();
    let taken = take(&server, &url, 8);
    let ready = async || {
        let ready = http_client()
            .get(format!("http://{}/health/ready", server.http))
            .send()
            .await;
        ready.expect("a response").status().as_u16()
    };
    while ready().await != 503 {}
    let confirmed = Front::Rest
        .call(&server, "confirm-upload", json!({"object_name": "a"}))
        .await;
    assert_eq!(confirmed.expect("confirmed")["success"], true);
    drop(taken);
    while ready().await != 200 {}
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_the_embedded_store_behind_a_proxy_on_this_machine_have_their_own_shares() {
    let server = Server::start_with(&[("ADDRESS_RATE_LIMIT", "3/86400"), ("TRUSTED_PROXIES", "127.0.0.1")]);
    let status = async |from: &str| {
        let request = http_client().get(format!("{}/main/a", server.store));
        let response = request.header("x-forwarded-for", from).send().await;
        response.expect("a response").status().as_u16()
    };
    for from in ["192.0.2.1", "192.0.2.2"] {
        for _ in 0..3 {
            assert_eq!(status(from).await, 403, "{from}");
        }
        assert_eq!(status(from).await, 503, "{from}");
    }
}
