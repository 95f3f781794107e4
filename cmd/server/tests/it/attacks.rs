//! Clients without credentials, or with a ticket, that try to take the server's memory, connections and time. All come from one
//! address. The server stays small, and serves another client of the same address.

use std::fs::read_to_string;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tempfile::TempDir;

use crate::front::{Front, draft};
use crate::server::{Server, command};

/// The resident memory that the server may have, in KiB: half of what a pod has.
const MAX_RESIDENT: u64 = 128 * 1024;

/// The maximum number of times that the client repeats a call.
const MAX_RETRIES: usize = 3;

/// The preface of HTTP/2, and empty settings.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A server that requires a key, and the key of a client that behaves well.
struct Target {
    server: Server,
    key: String,
    ticket: String,
    _policy: TempDir,
}

impl Target {
    async fn start() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let enough = Rlimit {
            current: limit.maximum.map_or(Some(8192), |maximum| Some(maximum.min(8192))),
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, enough).expect("the attacks need 2,000 descriptors");
        let made = command().args(["key", "new", "--name", "ada"]).output().expect("runs");
        let text = String::from_utf8(made.stdout).expect("UTF-8");
        let (key, policy) = text.split_once('\n').expect("a key and its policy");
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("policy.toml");
        let scopes = "scopes = ['upload', 'download', 'inspect', 'confirm', 'discard', 'admin']\n";
        std::fs::write(&file, format!("{policy}{scopes}")).expect("written");
        let server = Server::start_with(&[
            ("AUTH", "api-key"),
            ("POLICY_FILE", file.to_str().expect("UTF-8")),
            ("GRPC_REFLECTION", "on"),
        ]);
        let bearer = format!("Bearer {key}");
        let request = json!({"prefix": "a/"});
        let headers = [("authorization", bearer.as_str())];
        let minted = Front::Rest.call_with(&headers, &server, "tickets", request).await;
        let ticket = minted.expect("minted")["ticket"].as_str().expect("a ticket").to_owned();
        Self {
            server,
            key: bearer,
            ticket: format!("Bearer {ticket}"),
            _policy: directory,
        }
    }

    /// Checks that the server is small, and that each of twenty calls of a client on new connections is answered. The client
    /// has the address of the attack, so it repeats a call as often as a response says that it may.
    async fn check(&self, attack: &str) {
        let mut slowest = Duration::ZERO;
        for _ in 0..20 {
            for front in [Front::Rest, Front::Grpc] {
                let headers = [("authorization", self.key.as_str())];
                let request = json!({"object_name": "a/b"});
                let call = async || {
                    front
                        .call_with(&headers, &self.server, "upload-url", request.clone())
                        .await
                };
                let began = Instant::now();
                let mut issued = call().await;
                for _ in 0..MAX_RETRIES {
                    if !issued.as_ref().is_err_and(|failure| failure.retry) {
                        break;
                    }
                    issued = call().await;
                }
                slowest = slowest.max(began.elapsed());
                assert!(issued.is_ok(), "{attack}: {front:?}: {issued:?}");
            }
        }
        let resident = resident(self.server.id());
        println!(
            "{attack}: {} MiB, {slowest:?} for the slowest of 40 calls",
            resident / 1024
        );
        assert!(resident < MAX_RESIDENT, "{attack}: {resident} KiB");
    }
}

/// Returns the resident memory of a process, in KiB.
fn resident(process: u32) -> u64 {
    let status = read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("a number")
}

/// Opens connections that each send these bytes. The server may close one while it sends.
fn open(port: &str, connections: usize, sent: &[u8]) -> Vec<TcpStream> {
    let address = port.strip_prefix("http://").unwrap_or(port);
    let one = |_| {
        let mut stream = TcpStream::connect(address).expect("connects");
        stream.set_write_timeout(Some(Duration::from_millis(200))).expect("set");
        let _ = stream.write_all(sent);
        stream
    };
    (0..connections).map(one).collect()
}

fn post(path: &str, authorization: Option<&str>, length: usize) -> Vec<u8> {
    let authorization = authorization.map_or_else(String::new, |value| format!("authorization: {value}\r\n"));
    format!("POST {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}content-length: {length}\r\n\r\n").into_bytes()
}

/// A field of HPACK without index, for names and values of less than 127 bytes.
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).expect("short")], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// A stream of HTTP/2 to a path of gRPC, with these bytes and without its end.
fn stream(number: u32, path: &str, data: &[u8]) -> Vec<u8> {
    let fields = [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", path),
        field(":authority", "localhost"),
        field("content-type", "application/grpc"),
        field("te", "trailers"),
    ]
    .concat();
    let frame = |kind: u8, flags: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        [&length[1..], &[kind, flags], &number.to_be_bytes(), payload].concat()
    };
    let data: Vec<u8> = data.chunks(16 * 1024).flat_map(|piece| frame(0, 0, piece)).collect();
    [frame(1, 4, &fields), data].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_takes_the_memory_or_the_connections_of_others() {
    let target = Target::start().await;
    let Target { server, ticket, .. } = &target;
    target.check("none").await;

    let mebibyte = 1024 * 1024;
    for (who, authorization) in [("a stranger", None), ("a ticket", Some(ticket.as_str()))] {
        let half = [
            post("/api/v1/upload-urls", authorization, mebibyte),
            vec![b' '; mebibyte - 1],
        ]
        .concat();
        let taken = open(&server.http, 1000, &half);
        target.check(&format!("half of bodies, by {who}")).await;
        drop(taken);
        let list = format!(r#"{{"uploads":[{}{{}}]}}"#, "{},".repeat(349_000));
        let whole = [
            post("/api/v1/upload-urls", authorization, list.len()),
            list.into_bytes(),
        ]
        .concat();
        let taken = open(&server.http, 20, &whole);
        target.check(&format!("lists of a million elements, by {who}")).await;
        drop(taken);
    }

    let head = [
        b"GET /health HTTP/1.1\r\nhost: localhost\r\nx: ".to_vec(),
        vec![b'y'; 31 * 1024],
    ]
    .concat();
    let taken = open(&server.http, 1100, &head);
    target.check("half of heads").await;
    drop(taken);

    for path in [
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.health.v1.Health/Check",
        "/draft.v1.DraftService/GetUploadURL",
    ] {
        let message = [&[0, 0, 0x40, 0, 0][..], &vec![0; 60 * 1024]].concat();
        let streams: Vec<u8> = (0..100)
            .flat_map(|place| stream(2 * place + 1, path, &message))
            .collect();
        let taken = open(&server.grpc, 20, &[HTTP2, &streams].concat());
        target.check(&format!("half of messages to {path}")).await;
        drop(taken);
    }

    let question = [&[0, 0, 0, 0, 2][..], &[0x3a, 0]].concat();
    let questions: Vec<u8> = (0..100)
        .flat_map(|place| {
            let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
            stream(2 * place + 1, path, &question.repeat(500))
        })
        .collect();
    let taken = open(&server.grpc, 20, &[HTTP2, &questions].concat());
    target.check("questions of reflection without end").await;
    drop(taken);

    let watch = stream(1, "/grpc.health.v1.Health/Watch", &[0, 0, 0, 0, 0]);
    let taken = open(&server.grpc, 1100, &[HTTP2, &watch].concat());
    target.check("streams of health").await;
    drop(taken);

    let form = b"POST /main-draft HTTP/1.1\r\nhost: localhost\r\ncontent-length: 68719476736\r\n\
                 content-type: multipart/form-data; boundary=x\r\n\r\n";
    let taken = open(&server.store, 8, &[&form[..], &vec![b'A'; 16 * mebibyte]].concat());
    target.check("an endless form to the embedded store").await;
    drop(taken);

    let taken = open(&server.store, 1100, HTTP2);
    target.check("idle connections to the embedded store").await;
    let headers = [("authorization", target.key.as_str())];
    let issued = Front::Rest.call_with(&headers, server, "upload-url", json!({"object_name": "a/c"}));
    let issued = issued.await.expect("issued");
    let put = reqwest::Client::new()
        .put(issued["upload_url"].as_str().expect("a URL"))
        .body("x");
    assert_eq!(put.send().await.expect("an answer").status(), 200);
    drop(taken);
}

/// Any piece of the preface is not more than half of a head.
#[test]
fn half_a_preface_has_the_time_of_a_head() {
    let server = Server::start_with(&[("HEADER_TIMEOUT", "1"), ("IDLE_TIMEOUT", "86400")]);
    for port in [&server.http, &server.grpc, &server.admin, &server.store] {
        for length in [2, 4, 16, 23] {
            for mut stream in open(port, 1, &HTTP2[..length]) {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest);
            }
        }
    }
}

/// SIGHUP is for the files that a server follows. One that follows none goes on.
#[tokio::test]
async fn sighup_ends_no_server() {
    let server = Server::start_with(&[("AUTH", "none")]);
    for _ in 0..3 {
        server.signal("HUP");
        draft(&server, "a", b"x").await;
    }
    assert!(server.stop().0.success());
}
