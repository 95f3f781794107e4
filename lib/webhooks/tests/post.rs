//! Messages posted to real servers on loopback.

use std::time::{Duration, SystemTime};

use draftstore_webhooks::{Client, Destination, Message, PrivateHosts, Reply, Secrets, SendError, Signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

const MAX_BODY_BYTES: usize = 1024;

const BODY: &str = r#"{"hello":"world"}"#;

/// A server that answers each connection with the same bytes, and keeps what it received.
struct Sink {
    port: u16,
    received: AbortOnDropHandle<Vec<String>>,
}

impl Sink {
    /// Starts a sink that ends after so many requests.
    async fn start(requests: usize, answer: impl Into<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let answer = answer.into();
        let serve = async move {
            let mut received = Vec::new();
            while received.len() < requests {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                received.push(read_request(&mut stream).await);
                // A client that has read enough may have closed the connection.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
            received
        };
        let received = AbortOnDropHandle::new(tokio::spawn(serve));
        Self { port, received }
    }

    async fn post(&self, client: &Client) -> Result<Reply, SendError> {
        post(client, &format!("http://127.0.0.1:{}/hooks?a=b", self.port)).await
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(BODY.as_bytes()) {
        let len = stream.read_buf(&mut request).await.expect("a request");
        assert_ne!(len, 0, "the request is whole: {request:?}");
    }
    String::from_utf8(request).expect("UTF-8")
}

fn client() -> Client {
    Client::new(Duration::from_secs(10), MAX_BODY_BYTES)
}

fn secrets() -> Secrets {
    let texts = [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ];
    Vec::from(texts.map(str::to_owned)).try_into().expect("secrets")
}

fn message() -> Message {
    Message {
        id: "evt_1".parse().expect("an ID"),
        content_type: "application/json",
        body: BODY.into(),
    }
}

async fn post(client: &Client, url: &str) -> Result<Reply, SendError> {
    let named = PrivateHosts::try_from(vec!["127.0.0.1".to_owned()]).expect("a host");
    let destination = Destination::new(url, &named).expect("a destination");
    client
        .post(&destination, &secrets(), &message(), SystemTime::now())
        .await
}

#[tokio::test]
async fn message_arrives_signed_and_can_be_verified() {
    let sink = Sink::start(1, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let reply = sink.post(&client()).await.expect("an answer");
    assert_eq!((reply.status.as_u16(), reply.retry_after), (200, None));
    assert_eq!(reply.body.expect("a body"), "ok");
    let request = sink.received.await.expect("received").remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert_eq!(head.lines().next(), Some("POST /hooks?a=b HTTP/1.1"));
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("{name} in {head}"))
    };
    assert_eq!(
        (header("webhook-id"), header("content-type")),
        ("evt_1", "application/json")
    );
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: body.as_bytes(),
    };
    assert_eq!(signed.signature.split(' ').count(), 2);
    assert_eq!(secrets().verify(signed, SystemTime::now()), Ok(message().id));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Sink::start(1, "HTTP/1.1 200 OK\r\n\r\n").await;
    let location = format!("http://127.0.0.1:{}/", target.port);
    for status in [
        "301 Moved",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let answer = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
        let sink = Sink::start(1, answer).await;
        let reply = sink.post(&client()).await.expect("an answer");
        assert!(status.starts_with(reply.status.as_str()), "{status}");
    }
    assert!(!target.received.is_finished(), "nobody connected to the target");
}

#[tokio::test]
async fn status_counts_although_the_body_is_too_long_or_broken_off() {
    let long = "x".repeat(MAX_BODY_BYTES + 1);
    for (length, body) in [
        (long.len(), long.as_str()),
        (10, "short"),
        (usize::MAX / 4, long.as_str()),
    ] {
        let sink = Sink::start(
            1,
            format!("HTTP/1.1 410 Gone\r\nretry-after: 7\r\ncontent-length: {length}\r\n\r\n{body}"),
        )
        .await;
        let reply = sink.post(&client()).await.expect("an answer");
        assert_eq!(
            (reply.status.as_u16(), reply.retry_after),
            (410, Some(Duration::from_secs(7)))
        );
        assert!(reply.body.is_err(), "{length}");
    }
}

#[tokio::test]
async fn connection_is_kept_for_the_next_message() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("bound").port());
    let client = client();
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        for _ in 0..2 {
            read_request(&mut stream).await;
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.expect("sent");
        }
    };
    let send = async {
        for _ in 0..2 {
            assert_eq!(post(&client, &url).await.expect("an answer").status.as_u16(), 204);
        }
    };
    tokio::join!(serve, send);
}

#[tokio::test]
async fn missing_answers_are_errors() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("bound");
    let client = Client::new(Duration::from_millis(200), MAX_BODY_BYTES);
    assert!(
        post(&client, &format!("http://{address}/")).await.is_err(),
        "it never answers"
    );
    drop(silent);
    assert!(
        post(&client, &format!("http://{address}/")).await.is_err(),
        "it is gone"
    );
    for answer in ["", "HTTP/1.1 ", "SSH-2.0-OpenSSH_9.2\r\n"] {
        let sink = Sink::start(1, answer).await;
        assert!(sink.post(&self::client()).await.is_err(), "{answer:?}");
    }
}
