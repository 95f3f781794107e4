//! Tests of gRPC-Web on the gRPC port, with the bytes that a web page sends.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>

use draftstore_proto::v1;
use draftstore_testing::http_client;
use prost::Message;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::{Method, RequestBuilder};

use crate::server::Server;

const ORIGIN: &str = "https://app.example.com";
const PATH: &str = "draft.v1.DraftService/GetUploadURL";

/// The flag of the frame that holds the trailers.
const TRAILERS: u8 = 0x80;

#[tokio::test]
async fn page_of_a_listed_origin_gets_a_response() {
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", ORIGIN)]);
    let answer = call(&server, &request("file.jpg"))
        .header("origin", ORIGIN)
        .send()
        .await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], ORIGIN);
    let seen = answer.headers()["access-control-expose-headers"]
        .to_str()
        .expect("ASCII");
    assert!(seen.contains("grpc-status") && seen.contains("grpc-message"), "{seen}");

    let body = answer.bytes().await.expect("a body");
    let (flag, message, rest) = frame(&body);
    assert_eq!(flag, 0);
    let issued = v1::GetUploadUrlResponse::decode(message).expect("a message");
    assert_eq!(
        (issued.object_name.as_str(), issued.method.as_str()),
        ("file.jpg", "PUT")
    );
    let (flag, trailers, rest) = frame(rest);
    assert_eq!((flag, rest.len()), (TRAILERS, 0));
    let trailers = std::str::from_utf8(trailers).expect("ASCII");
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
}

#[tokio::test]
async fn refusal_has_details() {
    let server = Server::start();
    let answer = call(&server, &request("../x")).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["grpc-status"], "3");
    assert!(answer.headers().contains_key("grpc-status-details-bin"));
}

#[tokio::test]
async fn preflight_allows_listed_origins_only() {
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", ORIGIN)]);
    let allowed = preflight(&server, ORIGIN).await;
    assert_eq!(allowed["access-control-allow-origin"], ORIGIN);
    let headers = allowed["access-control-allow-headers"].to_str().expect("ASCII");
    for name in ["content-type", "x-grpc-web", "x-user-agent", "grpc-timeout"] {
        assert!(headers.split(',').any(|header| header == name), "{name}: {headers}");
    }
    let refused = preflight(&server, "https://elsewhere.example.com").await;
    assert!(!refused.contains_key("access-control-allow-origin"), "{refused:?}");
}

#[tokio::test]
async fn requests_other_than_grpc_and_grpc_web_are_refused() {
    let server = Server::start();
    for (kind, body) in [
        ("application/json", &b"{}"[..]),
        ("text/plain", b"x"),
        ("application/grpc", b"x"),
    ] {
        let answer = post(&server).header("content-type", kind).body(body);
        assert_eq!(answer.send().await.expect("an answer").status(), 400, "{kind}");
    }
    for body in [
        &b""[..],
        b"\0",
        b"\0\0\0\0\x09abc",
        b"\0\xff\xff\xff\xff",
        b"\x01\0\0\0\x01a",
    ] {
        let answer = call(&server, body).send().await.expect("an answer");
        let status = answer.headers().get("grpc-status").cloned();
        assert!(status.is_some_and(|status| status != "0"), "{body:?}");
    }
}

fn request(name: &str) -> Vec<u8> {
    let message = v1::GetUploadUrlRequest {
        object_name: name.to_owned(),
        ..Default::default()
    };
    let length = u32::try_from(message.encoded_len()).expect("short");
    let mut body = vec![0];
    body.extend(length.to_be_bytes());
    message.encode(&mut body).expect("room");
    body
}

/// Returns the flag of a frame, its content, and the bytes after it.
fn frame(body: &[u8]) -> (u8, &[u8], &[u8]) {
    let (head, rest) = body.split_first_chunk::<5>().expect("a frame");
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let (content, rest) = rest.split_at(usize::try_from(length).expect("short"));
    (head[0], content, rest)
}

fn post(server: &Server) -> RequestBuilder {
    http_client().post(format!("http://{}/{PATH}", server.grpc))
}

fn call(server: &Server, body: &[u8]) -> RequestBuilder {
    let post = post(server).header("content-type", "application/grpc-web+proto");
    post.header("x-grpc-web", "1").body(body.to_vec())
}

async fn preflight(server: &Server, origin: &str) -> HeaderMap {
    let sent = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-grpc-web,x-user-agent"),
    ];
    let headers = sent.map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
    let url = format!("http://{}/{PATH}", server.grpc);
    let preflight = http_client().request(Method::OPTIONS, url);
    let answer = preflight.headers(headers.into_iter().collect()).send().await;
    answer.expect("an answer").headers().clone()
}
