//! Clients that upload and confirm while the server is killed, and record the responses.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

/// The maximum size of a draft, in bytes.
const MAX_BYTES: usize = 4096;

/// The longest wait for the next server before a request is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// The current server, and whether clients continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scene {
    /// The `host:port` of REST.
    pub(super) http: String,
    /// The number of the server, because a new one may have the same port.
    pub(super) server: usize,
    pub(super) go_on: bool,
}

/// The responses that clients got.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The bytes of successful confirms, by name in main.
    pub(super) kept: BTreeMap<String, Vec<u8>>,
    /// The names that two drafts were confirmed under.
    pub(super) races: usize,
    /// The number of confirms that were repeated after a response.
    pub(super) repeats: usize,
    /// The number of confirms that were running when the server was killed.
    pub(super) unanswered: usize,
}

impl Ledger {
    pub(super) fn add(&mut self, other: Self) {
        self.kept.extend(other.kept);
        self.races += other.races;
        self.repeats += other.repeats;
        self.unanswered += other.unanswered;
    }
}

/// One client.
pub(super) struct Client {
    pub(super) name: usize,
    scene: watch::Receiver<Scene>,
    http: reqwest::Client,
    pub(super) random: StdRng,
    ledger: Ledger,
}

/// An uploaded draft, and its fields for a confirm.
pub(super) struct Uploaded {
    pub(super) confirm: Value,
    pub(super) bytes: Vec<u8>,
}

impl Client {
    pub(super) fn new(name: usize, seed: u64, scene: watch::Receiver<Scene>, http: reqwest::Client) -> Self {
        Self {
            name,
            scene,
            http,
            random: StdRng::seed_from_u64(seed.wrapping_add(name as u64)),
            ledger: Ledger::default(),
        }
    }

    /// Returns false if the client has to stop.
    pub(super) fn goes_on(&self) -> bool {
        self.scene.borrow().go_on
    }

    /// Works until it is told to stop, and finishes the current draft.
    pub(super) async fn run(mut self) -> Ledger {
        for n in 0.. {
            if !self.goes_on() {
                break;
            }
            let kept_as = format!("{}/{n}", self.name);
            match self.random.random_range(0..4) {
                0 => self.keep_named(&kept_as).await,
                1 => self.keep_unique(&kept_as).await,
                2 => self.race(&kept_as).await,
                _ => drop(self.upload(&format!("left/{kept_as}"), n % 2 == 0).await),
            }
        }
        self.ledger
    }

    async fn keep_named(&mut self, name: &str) {
        let uploaded = self.upload(name, false).await;
        self.keep(name, uploaded).await;
    }

    async fn keep_unique(&mut self, name: &str) {
        let mut uploaded = self.upload("file.jpg", true).await;
        uploaded.confirm["destination_name"] = json!(name);
        self.keep(name, uploaded).await;
    }

    /// Confirms until there is a response, and sometimes once more.
    async fn keep(&mut self, name: &str, uploaded: Uploaded) {
        let times = 1 + usize::from(self.random.random_ratio(1, 4));
        self.ledger.repeats += times - 1;
        for _ in 0..times {
            let (answer, unanswered) = self.ask("confirm-upload", &uploaded.confirm).await;
            self.ledger.unanswered += unanswered;
            answer.unwrap_or_else(|refused| panic!("{name}: {refused}"));
        }
        self.ledger.kept.insert(name.to_owned(), uploaded.bytes);
    }

    /// Confirms two drafts under one name concurrently: one succeeds, and the other is refused.
    async fn race(&mut self, name: &str) {
        let mut drafts = [self.upload("file.jpg", true).await, self.upload("file.jpg", true).await];
        for draft in &mut drafts {
            draft.confirm["destination_name"] = json!(name);
        }
        let [one, other] = drafts.each_ref().map(|draft| &draft.confirm);
        let ((one, unanswered), (other, as_well)) =
            join(self.ask("confirm-upload", one), self.ask("confirm-upload", other)).await;
        self.ledger.unanswered += unanswered + as_well;
        let [first, second] = drafts;
        let (winner, loser) = match (one, other) {
            (Ok(_), Err(loser)) => (first, loser),
            (Err(loser), Ok(_)) => (second, loser),
            (one, other) => panic!("{name}: {one:?} and {other:?}"),
        };
        assert_eq!(loser["code"], "OBJECT_ALREADY_EXISTS", "{name}: {loser}");
        self.ledger.races += 1;
        self.ledger.kept.insert(name.to_owned(), winner.bytes);
    }

    /// Uploads new bytes, with a new URL if necessary.
    pub(super) async fn upload(&mut self, object_name: &str, unique: bool) -> Uploaded {
        let length = self.random.random_range(0..MAX_BYTES);
        let mut bytes = vec![0; length];
        self.random.fill_bytes(&mut bytes);
        let request = json!({"object_name": object_name, "unique": unique});
        loop {
            let (issued, _) = self.ask("upload-url", &request).await;
            let issued = issued.unwrap_or_else(|refused| panic!("{object_name}: {refused}"));
            // The store may have ended with the server that signed the URL.
            let Some(etag) = self.put(&issued, bytes.clone()).await else {
                continue;
            };
            let mut confirm = json!({"object_name": object_name, "if_match": etag});
            if unique {
                confirm["draft_id"] = issued["draft_id"].clone();
            }
            return Uploaded { confirm, bytes };
        }
    }

    async fn put(&self, issued: &Value, bytes: Vec<u8>) -> Option<String> {
        let headers = issued["headers"].as_object().expect("headers").iter();
        let headers: HeaderMap = headers
            .map(|(name, value)| {
                let value = value.as_str().expect("text").parse().expect("a value");
                (name.parse().expect("a name"), value)
            })
            .collect();
        let url = issued["upload_url"].as_str().expect("a URL");
        let answer = self.http.put(url).headers(headers).body(bytes).send().await.ok()?;
        assert_eq!(answer.status(), 200);
        Some(answer.headers()["etag"].to_str().expect("ASCII").to_owned())
    }

    /// Repeats a request until there is a final response. Also returns how often the server died.
    pub(super) async fn ask(&self, route: &str, request: &Value) -> (Result<Value, Value>, usize) {
        let mut scene = self.scene.clone();
        let mut unanswered = 0;
        loop {
            let Scene { http, server, .. } = scene.borrow_and_update().clone();
            let url = format!("http://{http}/api/v1/{route}");
            let answer = match self.http.post(url).json(request).send().await {
                Ok(answer) => {
                    let status = answer.status();
                    answer.json().await.map(|body: Value| (status, body))
                }
                Err(error) => Err(error),
            };
            match answer {
                Ok((status, body)) if status.is_success() => return (Ok(body), unanswered),
                Ok((status, _)) if status == 503 => {}
                Ok((_, refusal)) => return (Err(refusal), unanswered),
                Err(error) => {
                    unanswered += usize::from(!error.is_connect());
                    // A server that lives can end a connection too, and the last one has no successor.
                    let moved = scene.wait_for(|scene| scene.server != server);
                    if let Ok(moved) = timeout(RETRY_AFTER, moved).await {
                        moved.expect("there is a next server");
                    }
                }
            }
        }
    }
}
