use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use draftstore_testing::http_client;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::front::draft;
use crate::server::{Server, command};

#[tokio::test]
async fn sigterm_exits_with_status_0() {
    let server = Server::start();
    draft(&server, "a", b"x").await;
    let (status, log) = server.stop();
    assert!(status.success(), "{log}");
}

/// The server has requested the body, so the call is running when the signal arrives.
#[tokio::test]
async fn sigterm_waits_for_a_confirm() {
    let server = Server::start();
    draft(&server, "a", b"x").await;
    let body = r#"{"object_name":"a"}"#;
    let mut stream = TcpStream::connect(&server.http).expect("connects");
    let head = format!(
        "POST /api/v1/confirm-upload HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = BufReader::new(stream.try_clone().expect("the same stream"));
    let mut line = String::new();
    answer.read_line(&mut line).expect("an answer");
    assert!(line.starts_with("HTTP/1.1 100"), "{line}");

    server.signal("TERM");
    stream.write_all(body.as_bytes()).expect("sent");
    let mut rest = String::new();
    answer.read_to_string(&mut rest).expect("an answer");
    assert!(
        rest.contains("HTTP/1.1 200") && rest.contains(r#""success":true"#),
        "{rest}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_served_on_both_ports_and_by_the_subcommand() {
    let server = Server::start();
    let health = http_client()
        .get(format!("http://{}/health", server.http))
        .send()
        .await
        .expect("an answer");
    assert_eq!(health.text().await.expect("text"), r#"{"status":"ok"}"#);

    let channel = Endpoint::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let mut client = HealthClient::new(channel.connect().await.expect("connects"));
    for service in ["", "draft.v1.DraftService"] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = client.check(request).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving);
    }

    let port = server.http.rsplit_once(':').expect("a port").1.to_owned();
    let ask = |port: &str| command().arg("health").env("HTTP_PORT", port).status().expect("runs");
    assert!(ask(&port).success());
    assert!(server.stop().0.success());
    assert!(!ask(&port).success());
}
