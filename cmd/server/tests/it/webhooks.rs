//! Scans by scanners that are asked over HTTP: real servers, which download the draft and look at its bytes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use draftstore_testing::http_client;
use draftstore_webhooks::{Secrets, Signed};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Failure, Front, upload};
use crate::server::Server;

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The variables of a server that waits for scanners.
const PATIENT: [(&str, &str); 2] = [("CHECK_WAIT", "30"), ("CHECK_TIMEOUT", "60")];

/// The bytes that scanners reject.
const MALWARE: &str = "a text, and malware";

/// The way in which a scanner answers.
#[derive(Debug, Clone)]
pub(crate) enum Answers {
    /// Decides by the bytes of the draft.
    Honestly,
    /// Answers so often that it is still scanning, and then honestly.
    Later(usize),
    /// Takes the request, and never answers.
    Never,
    /// Waits for a permit before it downloads the draft.
    Held(Arc<Semaphore>),
    /// Answers with this head.
    With(&'static str),
}

/// A running scanner.
pub(crate) struct Scanner {
    url: String,
    requests: Arc<AtomicUsize>,
    _serving: AbortOnDropHandle<()>,
}

impl Scanner {
    pub(crate) async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/scan", listener.local_addr().expect("bound"));
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let serve = async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(answer(stream, answers.clone(), Arc::clone(&counted)));
            }
        };
        Self {
            url,
            requests,
            _serving: AbortOnDropHandle::new(tokio::spawn(serve)),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn answer(mut stream: TcpStream, answers: Answers, requests: Arc<AtomicUsize>) {
    let Some((head, body)) = read_request(&mut stream).await else {
        return;
    };
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name}"))
    };
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: &body,
    };
    let secrets = Secrets::try_from(vec![SECRET.to_owned()]).expect("a secret");
    secrets.verify(signed, SystemTime::now()).expect("signed");
    let number = requests.fetch_add(1, Ordering::SeqCst);
    let answer = match answers {
        Answers::Later(times) if number < times => "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n".to_owned(),
        Answers::With(head) => format!("{head}content-length: 0\r\n"),
        Answers::Never => return std::future::pending().await,
        Answers::Honestly | Answers::Later(_) => scan(&body).await,
        Answers::Held(permits) => {
            permits.acquire().await.expect("open").forget();
            scan(&body).await
        }
    };
    let (head, body) = answer.split_once("\n\n").unwrap_or((answer.trim_end(), ""));
    let answer = format!("{head}\r\nconnection: close\r\n\r\n{body}");
    // The server does not wait for an answer that it does not need any more.
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// Downloads the draft, and answers by its bytes.
async fn scan(body: &[u8]) -> String {
    let question: Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!(question["type"], "draft.scan");
    let draft = &question["data"];
    let mut get = http_client().get(draft["url"].as_str().expect("a URL"));
    for (name, value) in draft["headers"].as_object().expect("headers") {
        get = get.header(name, value.as_str().expect("a text"));
    }
    let got = get.send().await.expect("an answer");
    if !got.status().is_success() {
        return "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n".to_owned();
    }
    assert_eq!(
        got.headers()["etag"],
        format!("\"{}\"", draft["etag"].as_str().expect("an ETag"))
    );
    let bytes = got.text().await.expect("a text");
    assert_eq!(draft["size"], bytes.len());
    assert_eq!(draft["content_type"], "text/plain");
    let verdict = if bytes == MALWARE {
        json!({"verdict": "rejected", "reason": "Test.Malware"})
    } else {
        json!({"verdict": "accepted"})
    };
    let verdict = verdict.to_string();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\n\n{verdict}", verdict.len())
}

/// Returns the head and the body, or `None` if the client went away.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut request = Vec::new();
    loop {
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&request);
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a length").parse().expect("a number");
        let body = &request[head.len() + 4..];
        if body.len() >= length {
            return Some((head.to_owned(), body.to_vec()));
        }
    }
}

/// A server whose callers have drafts scanned.
pub(crate) struct World {
    server: Server,
    _policy: Policy,
    key: String,
}

impl World {
    pub(crate) fn start(scanners: &[&Scanner], quorum: usize, variables: &[(&str, &str)]) -> Self {
        let (key, caller) = new_key("shop");
        let mut policy = format!(
            "{caller}scopes = ['upload', 'inspect', 'confirm']\nprofile = 'scanned'\n\
             [profiles.scanned.checks.webhook]\nquorum = {quorum}\nprivate_hosts = ['127.0.0.1']\n"
        );
        for (number, scanner) in scanners.iter().enumerate() {
            let secrets = match number {
                1 => "secrets_file = 'scanner.secrets'".to_owned(),
                _ => format!("secrets = ['{SECRET}']"),
            };
            let written = write!(
                policy,
                "[[profiles.scanned.checks.webhook.scanners]]\nname = 'scanner-{number}'\nurl = '{}'\n{secrets}\n",
                scanner.url
            );
            written.expect("a string takes text");
        }
        let policy = Policy::new(&policy);
        policy.write("scanner.secrets", format!("{SECRET}\n"));
        Self {
            server: policy.server("api-key", variables),
            _policy: policy,
            key: bearer(&key),
        }
    }

    pub(crate) async fn call(&self, front: Front, call: &str, name: &str) -> Result<Value, Failure> {
        let request = match call {
            "upload-url" => json!({"object_name": name, "content_type": "text/plain"}),
            _ => json!({ "object_name": name }),
        };
        self.send(front, call, request).await
    }

    pub(crate) async fn send(&self, front: Front, call: &str, request: Value) -> Result<Value, Failure> {
        let headers = [("authorization", self.key.as_str())];
        front.call_with(&headers, &self.server, call, request).await
    }

    /// Confirms until the checks have ended.
    pub(crate) async fn confirmed(&self, front: Front, name: &str) -> Result<Value, Failure> {
        loop {
            match self.call(front, "confirm-upload", name).await {
                Err(failure) if failure.reason == "CHECKS_PENDING" => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn uploaded(&self, front: Front, name: &str, bytes: &'static str) {
        let issued = self.call(front, "upload-url", name).await.expect("issued");
        assert_eq!(upload(&issued, bytes).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scanners_decide_what_is_confirmed() {
    let scanners = [
        Scanner::start(Answers::Honestly).await,
        Scanner::start(Answers::Honestly).await,
    ];
    let world = World::start(&[&scanners[0], &scanners[1]], 2, &PATIENT);
    for front in FRONTS {
        let (clean, malware) = (front.name("clean"), front.name("malware"));
        world.uploaded(front, &clean, "a text").await;
        world.uploaded(front, &malware, MALWARE).await;
        world.call(front, "confirm-upload", &clean).await.expect("accepted");
        let refused = world
            .call(front, "confirm-upload", &malware)
            .await
            .expect_err("rejected");
        refused.assert(422, Code::FailedPrecondition, "REJECTED");
        assert!(
            refused.fields.iter().all(|field| field == "checks.webhook"),
            "{refused:?}"
        );
        let seen = world.call(front, "inspect-draft", &malware).await.expect("there");
        assert_eq!(seen["checks"]["reasons"][0]["code"], "REFUSED_BY_SCANNER", "{seen}");
        let detail = seen["checks"]["reasons"][0]["detail"].as_str().expect("a sentence");
        assert!(detail.contains("Test.Malware"), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_scanners_is_enough_where_the_policy_says_so() {
    let (honest, silent) = (
        Scanner::start(Answers::Honestly).await,
        Scanner::start(Answers::Never).await,
    );
    let world = World::start(&[&silent, &honest], 1, &PATIENT);
    for front in FRONTS {
        let name = front.name("clean");
        world.uploaded(front, &name, "a text").await;
        world.call(front, "confirm-upload", &name).await.expect("accepted");
        assert!(silent.requests() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scanner_that_needs_time_is_asked_again() {
    let scanner = Scanner::start(Answers::Later(2)).await;
    let world = World::start(&[&scanner], 1, &PATIENT);
    world.uploaded(Front::Rest, "a", "a text").await;
    world.call(Front::Rest, "confirm-upload", "a").await.expect("accepted");
    assert_eq!(scanner.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_that_is_no_verdict_is_never_a_yes() {
    for head in [
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/latest/meta-data\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://localhost:1/\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.1 500 Internal Server Error\r\n",
        "nonsense\r\n",
    ] {
        let scanner = Scanner::start(Answers::With(head)).await;
        let world = World::start(&[&scanner], 1, &[("CHECK_WAIT", "2"), ("CHECK_TIMEOUT", "3")]);
        world.uploaded(Front::Rest, "a", "a text").await;
        let refused = world.confirmed(Front::Rest, "a").await.expect_err(head);
        refused.assert(503, Code::Unavailable, "SCANNER_UNAVAILABLE");
        assert_eq!(refused.fields, ["checks.webhook"]);
        assert!(scanner.requests() > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scanner_that_is_away_is_named() {
    let (honest, silent) = (
        Scanner::start(Answers::Honestly).await,
        Scanner::start(Answers::Never).await,
    );
    let world = World::start(&[&honest, &silent], 2, &[("CHECK_WAIT", "2"), ("CHECK_TIMEOUT", "3")]);
    for front in FRONTS {
        let name = front.name("a");
        world.uploaded(front, &name, "a text").await;
        let refused = world
            .confirmed(front, &name)
            .await
            .expect_err("one accepts, and one is silent");
        refused.assert(503, Code::Unavailable, "SCANNER_UNAVAILABLE");
        assert_eq!(refused.fields, ["checks.webhook"]);
        let rule = "has no verdict within CHECK_TIMEOUT: scanner-1 did not scan the draft";
        assert_eq!(refused.rules, [rule]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_swapped_before_the_scan_are_not_confirmed_by_it() {
    let permits = Arc::new(Semaphore::new(0));
    let scanner = Scanner::start(Answers::Held(Arc::clone(&permits))).await;
    let world = World::start(&[&scanner], 1, &PATIENT);
    world.uploaded(Front::Rest, "a", "a text").await;
    let confirm = world.call(Front::Rest, "confirm-upload", "a");
    let swap = async {
        while scanner.requests() == 0 {
            tokio::task::yield_now().await;
        }
        world.uploaded(Front::Rest, "a", MALWARE).await;
        permits.add_permits(100);
    };
    let (confirmed, ()) = tokio::join!(confirm, swap);
    confirmed
        .expect_err("swapped")
        .assert(409, Code::Aborted, "CHECKS_PENDING");
    let refused = world
        .call(Front::Rest, "confirm-upload", "a")
        .await
        .expect_err("malware");
    refused.assert(422, Code::FailedPrecondition, "REJECTED");
}
