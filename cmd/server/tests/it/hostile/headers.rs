//! Tests of headers and other bytes on a socket: each request gets one response, and its end is unambiguous.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::corpus::{Answer, Case, Corpus};
use super::ground::{Ground, each};

const HEADERS: &str = include_str!("../../corpus/headers.txt");

/// The number of entries that `docs/security.md` states.
pub(super) const COUNT: usize = 402;

/// A request after the input. Its response closes the connection.
const ANOTHER: &[u8] = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// The body of a valid call.
const MESSAGE: &str = r#"{"object_name":"a"}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_are_accepted_or_refused_without_request_smuggling() {
    let corpus = Corpus::read(HEADERS);
    assert_eq!(corpus.cases.len(), COUNT);
    let ground = Ground::start().await;
    each(&corpus.cases, async |case| {
        check(&ground, case, corpus.answer(case)).await;
    })
    .await;
    ground.end().await;
}

async fn check(ground: &Ground, case: &Case, answer: Answer) {
    let Answer::Refused(expected) = answer else {
        panic!("line {}: no status", case.line);
    };
    let goes_on = match expected.grpc {
        "open" => true,
        "closed" => false,
        other => panic!("line {}: {other}", case.line),
    };
    let mut stream = TcpStream::connect(&ground.server.http).await.expect("connects");
    let mut sent = request(case.put, &case.input);
    if goes_on {
        sent.extend(ANOTHER);
    }
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(&sent).await;
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    let answers = answers(&received);
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    let all = if goes_on {
        vec![expected.http, 200]
    } else {
        vec![expected.http]
    };
    assert_eq!(
        statuses,
        all,
        "line {}: {}",
        case.line,
        String::from_utf8_lossy(&received)
    );
    if expected.reason != "-" {
        let code = format!("\"code\":\"{}\"", expected.reason);
        assert!(
            answers[0].text.contains(&code),
            "line {}: {}",
            case.line,
            answers[0].text
        );
    }
}

fn request(put: &str, input: &[u8]) -> Vec<u8> {
    let length = MESSAGE.len();
    let call = |route: &str, more: &str| format!("POST /api/v1/{route} HTTP/1.1\r\nHost: a\r\n{more}");
    let (before, after) = match put {
        "get" => ("GET /health HTTP/1.1\r\nHost: a\r\n".to_owned(), "\r\n"),
        "call" => (
            call("upload-url", &format!("Content-Length: {length}\r\n")),
            "\r\n{\"object_name\":\"a\"}",
        ),
        "confirm" => (
            call("confirm-upload", &format!("Content-Length: {length}\r\n")),
            "\r\n{\"object_name\":\"a\"}",
        ),
        "chunks" => (call("upload-url", "Transfer-Encoding: chunked\r\n\r\n"), ""),
        "raw" => (String::new(), ""),
        other => panic!("no place {other}"),
    };
    [before.as_bytes(), input, after.as_bytes()].concat()
}

struct Seen {
    status: u16,
    /// The head and the body.
    text: String,
}

/// Returns the final responses in the received bytes, by their lengths.
fn answers(mut received: &[u8]) -> Vec<Seen> {
    let mut answers = Vec::new();
    while let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().expect("a length"));
        let (this, rest) = received.split_at((end + 4 + length).min(received.len()));
        received = rest;
        if status != 100 {
            answers.push(Seen {
                status,
                text: String::from_utf8_lossy(this).into_owned(),
            });
        }
    }
    assert!(received.is_empty(), "{}", String::from_utf8_lossy(received));
    answers
}
