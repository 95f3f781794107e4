//! Kills of several servers and of sweeps on one store under load, with an endpoint that fails in every way now and then.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use draftstore_service::cleaner::{Brakes, Mode};
use draftstore_service::{Buckets, Cleaner, Store, SystemClock};
use draftstore_storage::DraftBucket;
use draftstore_testing::{Embedded, StoreEndpoint, bucket, connect, sdk};
use futures::future::join_all;
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::block_in_place;
use tokio::time::{sleep, timeout};
use ulid::Ulid;

use super::{Answer, PATIENCE, SECRET, Sink, call, http_client, upload_as};
use crate::callers::ground::{Policy, new_key};
use crate::front::put;
use crate::server::Server;

/// The numbers of kills, of confirms that are answered at least, and of servers, unless the variables of these names set others.
const KILLS: usize = 8;
const CONFIRMS: usize = 20;
const REPLICAS: usize = 3;
const CLIENTS: usize = 4;

/// The note by which a sweep knows that an endpoint wants its events.
const WANTED: &str = ".drafts/events/.wanted/draft.expired";

/// The answers of a troubled endpoint, over and over.
const TROUBLED: [Answer; 16] = {
    use Answer::{Error, Gone, Ok, Redirect, Reset, Silence};
    [
        Ok, Ok, Error, Ok, Ok, Ok, Silence, Ok, Ok, Reset, Ok, Ok, Redirect, Ok, Gone, Ok,
    ]
};

/// The kind of an event, and the name of its draft or object.
type Act = (String, String);

/// The servers, some of which may just have been killed.
#[derive(Debug, Clone)]
struct Scene {
    http: Vec<String>,
    go_on: bool,
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} is a number"))
    })
}

/// Kills one of `REPLICAS` servers on one store after the other under load, `KILLS` times and until `CONFIRMS` confirms were
/// answered, with an endpoint that acknowledges most events and fails in every other way. Sweeps are broken off meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn kills_and_a_troubled_endpoint_lose_no_event() {
    let [kills, confirms, replicas] = [("KILLS", KILLS), ("CONFIRMS", CONFIRMS), ("REPLICAS", REPLICAS)]
        .map(|(name, otherwise)| number(name, otherwise));
    let store = Embedded::start().await;
    let sink = Sink::start(&TROUBLED).await;
    let [(shop, shop_entry), (strict, strict_entry)] = ["shop", "strict"].map(new_key);
    let policy = Policy::new(&policy_text(&sink, &shop_entry, &strict_entry));
    let path = policy.path();
    let settings = [
        ("AUTH", "api-key"),
        ("POLICY_FILE", path.to_str().expect("UTF-8")),
        ("CONFIRM_TIMEOUT", "10"),
        ("RATE_LIMIT", "off"),
        ("CONFIRM_RATE_LIMIT", "off"),
        ("ADDRESS_RATE_LIMIT", "off"),
    ];
    let start = || block_in_place(|| crate::iam::server(&store.endpoint(), &store.endpoint(), &settings));
    let without_auth = block_in_place(|| crate::iam::server(&store.endpoint(), &store.endpoint(), &[]));
    crate::iam::call(&without_auth, "draft-bucket", json!({})).await;
    drop(without_auth);
    draftstore_testing::keep_versions(&store.endpoint(), &bucket("main")).await;
    let mut servers: Vec<_> = (0..replicas).map(|_| start()).collect();

    let addresses = |servers: &[Server]| servers.iter().map(|server| server.http.clone()).collect();
    let (scene, of_clients) = watch::channel(Scene {
        http: addresses(&servers),
        go_on: true,
    });
    let confirmed = Arc::new(AtomicUsize::new(0));
    let clients = (0..CLIENTS).map(|number| {
        let client = Client {
            number,
            http: http_client(),
            store: store.endpoint(),
            keys: [shop.clone(), strict.clone()],
            scene: of_clients.clone(),
            confirmed: Arc::clone(&confirmed),
            done: Done::default(),
        };
        tokio::spawn(client.work())
    });
    let clients = tokio::spawn(join_all(clients));
    let sweeper = tokio::spawn(sweep(store.endpoint(), of_clients.clone()));
    for kill in 0.. {
        if kill >= kills && confirmed.load(Ordering::SeqCst) >= confirms {
            break;
        }
        let life = Duration::from_millis(rand::rng().random_range(100..1500));
        sleep(life).await;
        if kill < kills {
            let victim = kill % replicas;
            block_in_place(|| servers[victim].signal("KILL"));
            servers[victim] = start();
            let http = addresses(&servers);
            scene.send_replace(Scene { http, go_on: true });
        }
    }
    scene.send_modify(|scene| scene.go_on = false);
    let mut done = Done::default();
    for client in clients.await.expect("no panic") {
        done.add(client.expect("no panic"));
    }
    let (cleaner, broken_off) = sweeper.await.expect("no panic");
    cleaner.sweep(Mode::Delete, &mut |_| ()).await.expect("swept");
    // A server may have been told that the endpoint is gone.
    sink.answer(&[Answer::Ok]);
    block_in_place(|| servers.clear());
    let _server = start();
    let repeats = all_events(&sink, &done).await;
    let confirmed = confirmed.load(Ordering::SeqCst);
    println!(
        "{kills} kills of {replicas} servers, {broken_off} sweeps broken off, {confirmed} confirms and {} other acts, {} answers \
         cut off by a kill, {repeats}",
        done.acts.len() - confirmed,
        done.cut_off,
    );
}

/// Returns a policy with a caller without checks and one with checks, and a webhook for every kind of event that they cause.
fn policy_text(sink: &Sink, shop: &str, strict: &str) -> String {
    format!(
        "[profiles.images.checks.type]\n{shop}scopes = ['upload', 'inspect', 'confirm', 'discard', 'manage', 'admin']\n\
         {strict}scopes = ['upload', 'inspect']\nprofile = 'images'\n[[webhooks]]\nname = \"erp\"\nurl = \"{}\"\n\
         private_hosts = [\"127.0.0.1\"]\nsecrets = [\"{SECRET}\"]\nevents = [\"draft.uploaded\", \"draft.confirmed\", \
         \"draft.rejected\", \"draft.discarded\", \"draft.expired\", \"object.deleted\", \"object.version_deleted\", \
         \"object.updated\", \"object.copied\", \"object.moved\", \"object.restored\"]\n",
        sink.url
    )
}

/// Waits for an event of each act that is done, with one ID and none of any other act, and returns the repeats.
async fn all_events(sink: &Sink, done: &Done) -> Repeats {
    let missing = || {
        let events = sink.acts();
        done.acts
            .iter()
            .filter(|act| !events.contains_key(*act))
            .cloned()
            .collect::<Vec<_>>()
    };
    let begun = Instant::now();
    while !missing().is_empty() {
        assert!(begun.elapsed() < PATIENCE, "no event of {:?}", missing());
        sleep(Duration::from_millis(100)).await;
    }
    let mut repeats = Repeats::default();
    for (act, ids) in &sink.acts() {
        let happened = done.acts.contains(act) || done.untraced.contains(act);
        assert!(happened, "an event of {act:?}, which did not happen");
        assert_eq!(ids.len(), 1, "one ID for {act:?}: {ids:?}");
        for deliveries in ids.values() {
            repeats.deliveries += deliveries;
            repeats.repeats += deliveries - 1;
        }
    }
    repeats
}

/// The deliveries that the endpoint acknowledged, and those among them whose ID it had acknowledged before.
#[derive(Debug, Default)]
struct Repeats {
    deliveries: usize,
    repeats: usize,
}

impl fmt::Display for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = self.repeats * 10_000 / self.deliveries.max(1);
        let (percent, rest) = (hundredths / 100, hundredths % 100);
        let Self { deliveries, repeats } = self;
        write!(
            f,
            "{deliveries} deliveries, {repeats} of them repeats: {percent}.{rest:02} %"
        )
    }
}

/// Sweeps until the clients end, and breaks off each sweep at a random moment, as a kill does. Returns the cleaner, and the number
/// of sweeps that were broken off.
async fn sweep(endpoint: StoreEndpoint, scene: watch::Receiver<Scene>) -> (Cleaner, usize) {
    let noted = sdk(&endpoint);
    let begun = Instant::now();
    while noted
        .head_object()
        .bucket("main-draft")
        .key(WANTED)
        .send()
        .await
        .is_err()
    {
        assert!(
            begun.elapsed() < PATIENCE,
            "no server has noted that an event is wanted"
        );
        sleep(Duration::from_millis(50)).await;
    }
    let (draft, main) = DraftBucket::pair(bucket("main-draft"), bucket("main")).expect("two buckets");
    let storage = connect(draftstore_testing::settings(&endpoint)).await;
    let store = Store::new(Arc::new(storage), Buckets::new(draft, main));
    store.probe().await.expect("the store can be probed");
    let day = Duration::from_secs(24 * 3600);
    let lifetimes = draftstore_service::Policy::new(day, day, day, Duration::ZERO).expect("a policy");
    let cleaner = Cleaner::new(store, lifetimes, Brakes::default(), Arc::new(SystemClock));
    let mut broken_off = 0;
    while scene.borrow().go_on {
        let life = Duration::from_millis(rand::rng().random_range(5..100));
        match timeout(life, cleaner.sweep(Mode::Delete, &mut |_| ())).await {
            Ok(swept) => drop(swept.expect("swept")),
            Err(_elapsed) => broken_off += 1,
        }
    }
    (cleaner, broken_off)
}

/// The acts that were answered with success, by the kind of event and the name, and the number of answers that a kill cut off.
#[derive(Debug, Default)]
struct Done {
    acts: BTreeSet<Act>,
    /// The acts whose traces another act has removed.
    untraced: BTreeSet<Act>,
    cut_off: usize,
}

impl Done {
    fn add(&mut self, other: Self) {
        self.acts.extend(other.acts);
        self.untraced.extend(other.untraced);
        self.cut_off += other.cut_off;
    }
}

/// A client that repeats each call until it is answered, at any of the servers.
struct Client {
    number: usize,
    http: reqwest::Client,
    store: StoreEndpoint,
    /// The keys of the caller without checks, and of the one with checks.
    keys: [String; 2],
    scene: watch::Receiver<Scene>,
    confirmed: Arc<AtomicUsize>,
    done: Done,
}

impl Client {
    fn server(&self) -> String {
        let http = &self.scene.borrow().http;
        http[rand::rng().random_range(0..http.len())].clone()
    }

    async fn work(mut self) -> Done {
        for n in 0.. {
            if !self.scene.borrow().go_on {
                break;
            }
            let name = format!("{}/{n}", self.number);
            if n % 8 == 7 {
                self.upload_in_parts(&name).await;
                self.expire(&format!("{name}-old")).await;
                continue;
            }
            let draft = self.upload(0, json!({"object_name": name, "unique": n % 2 == 0})).await;
            match n % 4 {
                // A draft that nothing happens to.
                3 => {}
                2 => self.act("draft.discarded", &name, "discard-draft", draft).await,
                _ => {
                    self.act("draft.confirmed", &name, "confirm-upload", draft).await;
                    self.confirmed.fetch_add(1, Ordering::SeqCst);
                    if n % 8 == 0 {
                        self.acts_on(&name).await;
                    }
                }
            }
        }
        self.done
    }

    /// Uploads a draft in one part.
    async fn upload_in_parts(&mut self, name: &str) {
        let create = json!({ "object_name": name });
        let created = self.until_answered(0, "multipart/create", &create).await;
        let mut upload = json!({"object_name": name, "upload_id": created.expect("begun")["upload_id"]});
        let complete = upload.clone();
        upload["parts"] = json!([{"part_number": 1}]);
        let signed = self.until_answered(0, "multipart/sign-parts", &upload).await;
        let part = put(&signed.expect("signed")["parts"][0], name.to_owned()).await;
        assert_eq!(part.status(), 200);
        self.act("draft.uploaded", name, "multipart/complete", complete).await;
    }

    /// Stores a unique draft whose time is over, for the sweeps.
    async fn expire(&mut self, name: &str) {
        let expired = SystemTime::now() - Duration::from_secs(3600);
        let since_epoch = expired.duration_since(UNIX_EPOCH).expect("a time of today");
        let milliseconds = u64::try_from(since_epoch.as_millis()).expect("a time of today");
        let id = Ulid::from_parts(milliseconds, rand::random());
        let key = format!(".drafts/{:02x}/{id}/{name}", id.random() & 0xff);
        let put = sdk(&self.store).put_object().bucket("main-draft").key(key);
        put.body(name.as_bytes().to_vec().into()).send().await.expect("stored");
        self.done.acts.insert(("draft.expired".to_owned(), name.to_owned()));
    }

    /// Does everything that can be done to an object, and some that is refused.
    async fn acts_on(&mut self, name: &str) {
        let [copy, moved, gone] = ["copy", "moved", "gone"].map(|of| format!("{name}-{of}"));
        let update = json!({"object_name": name, "metadata": {"order": "42"}});
        self.act("object.updated", name, "update-object", update).await;
        let listed = self
            .until_answered(0, "list-versions", &json!({ "object_name": name }))
            .await
            .expect("listed");
        let oldest = listed["versions"].as_array().and_then(|versions| versions.last());
        let version = &oldest.expect("two versions")["version_id"];
        let version = json!({"object_name": name, "version_id": version});
        self.act("object.version_deleted", name, "delete-version", version)
            .await;
        let destination = json!({"object_name": name, "destination_name": copy});
        self.act("object.copied", &copy, "copy-object", destination).await;
        let destination = json!({"object_name": copy, "destination_name": moved});
        self.act("object.moved", &moved, "move-object", destination).await;
        let refused = json!({"object_name": name, "if_match": "\"00000000000000000000000000000000\""});
        let error = self
            .until_answered(0, "delete-object", &refused)
            .await
            .expect_err("refused");
        assert!(error.starts_with("412"), "{error}");
        let destination = json!({"object_name": name, "destination_name": gone});
        self.act("object.copied", &gone, "copy-object", destination).await;
        let deleted = json!({ "object_name": gone });
        self.act("object.deleted", &gone, "delete-object", deleted).await;
        // A restore removes the trace of a delete whose answer was cut off, and a repeat of the delete finds nothing to do.
        let deleted = json!({ "object_name": moved });
        self.until_answered(0, "delete-object", &deleted)
            .await
            .expect("deleted");
        self.done.untraced.insert(("object.deleted".to_owned(), moved.clone()));
        self.act(
            "object.restored",
            &moved,
            "restore-version",
            json!({ "object_name": moved }),
        )
        .await;
        let page = format!("{name}-page");
        let draft = self
            .upload(1, json!({"object_name": page, "content_type": "image/png"}))
            .await;
        self.until_answered(1, "check-draft", &draft).await.expect("checked");
        self.done.acts.insert(("draft.rejected".to_owned(), page));
    }

    async fn upload(&mut self, key: usize, request: Value) -> Value {
        loop {
            match upload_as(&self.http, &self.server(), &self.keys[key], request.clone()).await {
                Ok(draft) => return draft,
                Err(error) => assert!(!error.starts_with('4'), "{error}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn act(&mut self, kind: &str, name: &str, path: &str, request: Value) {
        let done = self.until_answered(0, path, &request).await;
        done.unwrap_or_else(|error| panic!("{path} {name}: {error}"));
        self.done.acts.insert((kind.to_owned(), name.to_owned()));
    }

    /// Repeats a call until it is answered. Returns the refusal if there is one.
    async fn until_answered(&mut self, key: usize, path: &str, request: &Value) -> Result<Value, String> {
        loop {
            match call(&self.http, &self.server(), &self.keys[key], path, request).await {
                Err(error) if !error.starts_with('4') => {}
                answered => return answered,
            }
            self.done.cut_off += 1;
            sleep(Duration::from_millis(20)).await;
        }
    }
}
