//! Tests that kill the server at random times while clients change, move, delete and restore what they have kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use draftstore_testing::proxy::FaultProxy;
use draftstore_testing::{StoreEndpoint, TestBuckets, connect, keep_versions, sdk, settings as connection};
use rand::RngExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::block_in_place;

use super::audit::{COPIES, nothing_is_left, objects};
use super::clients::Client;
use super::random::{MAX_LIFE, kill_under_load, kills_or};
use super::settings;
use crate::front::Front;
use crate::server::Server;

/// The number of kills of each test, unless the variable `KILLS` sets another.
const KILLS: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn kills_during_changes_lose_no_version() {
    let world = TestBuckets::embedded().await;
    keep_versions(&world.endpoint, world.main.name()).await;
    kill_during_changes(&world, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_during_changes_lose_no_replaced_object() {
    let keeping = [("KEEP_REPLACED", "true"), ("REPLACED_LIFETIME", "3600")];
    kill_during_changes(&TestBuckets::embedded().await, &keeping).await;
}

async fn kill_during_changes(world: &TestBuckets, more: &[(&'static str, &'static str)]) {
    let begun = Instant::now();
    let proxy = FaultProxy::start(&world.endpoint);
    let endpoint = proxy.endpoint();
    let unused = TempDir::new().expect("a temporary directory");
    let start = || {
        let settings = [&settings(world, &endpoint)[..], more].concat();
        block_in_place(|| Server::start_in(unused.path(), &settings))
    };
    let kills = kills_or(KILLS);
    let (ledgers, server) = kill_under_load(kills, MAX_LIFE, start, Changes::run).await;
    let mut ledger = Ledger::default();
    for of_client in ledgers {
        ledger.add(of_client);
    }
    println!(
        "{kills} kills in {:.1} s: {} calls cut off by a kill, {} objects, {} removed, {:?}",
        begun.elapsed().as_secs_f64(),
        ledger.unanswered,
        ledger.current.len(),
        ledger.removed.len(),
        ledger.calls,
    );
    assert!(ledger.unanswered > 0 && !ledger.removed.is_empty(), "{ledger:?}");
    undelete(&server, &mut ledger).await;
    let main = world.main.name().as_str();
    audit(&world.endpoint, main, &ledger).await;
    nothing_is_left(&world.endpoint, main).await;
    let storage = connect(connection(&world.endpoint)).await;
    assert_eq!(objects(&storage, world.main.name()).await, bytes(&ledger));
}

/// Undoes each delete that is not undone yet.
async fn undelete(server: &Server, ledger: &mut Ledger) {
    for (name, object) in std::mem::take(&mut ledger.deleted) {
        let restore = json!({ "object_name": name });
        let restored = Front::Rest.call(server, "restore-version", restore).await;
        let restored = restored.unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
        assert_eq!(
            restored["etag"], object.etag,
            "{name} has other bytes than were deleted"
        );
        ledger.current.insert(name, object);
    }
}

/// Asserts that main has exactly what the responses say, and everything that was replaced or deleted.
async fn audit(store: &StoreEndpoint, main: &str, ledger: &Ledger) {
    let storage = connect(connection(store)).await;
    let found = objects(&storage, &draftstore_testing::bucket(main)).await;
    for (name, object) in &ledger.current {
        match found.get(name) {
            Some(found) => assert!(*found == object.bytes, "{name} holds other bytes than were answered"),
            None => panic!("{name} is lost"),
        }
    }
    for name in found.keys() {
        assert!(ledger.current.contains_key(name), "nobody has kept {name}");
    }
    let older = older_versions(store, main).await;
    for removed in &ledger.removed {
        assert!(
            older.contains(removed),
            "{removed:?} was removed, and cannot be found again"
        );
    }
    for there in &older {
        assert!(ledger.known.contains(there), "nobody has kept {there:?}");
    }
}

/// Returns the names and `ETag`s of all versions in main, and of the copies in their place.
async fn older_versions(store: &StoreEndpoint, main: &str) -> BTreeSet<(String, String)> {
    let client = sdk(store);
    let mut older = BTreeSet::new();
    let mut after = (None, None);
    loop {
        let list = client.list_object_versions().bucket(main);
        let list = list.set_key_marker(after.0).set_version_id_marker(after.1);
        let page = list.send().await.expect("listed");
        for version in page.versions() {
            let key = version.key().unwrap_or_default();
            let etag = version.e_tag().unwrap_or_default().trim_matches('"').to_owned();
            let copied = key.strip_prefix(COPIES).and_then(|copy| copy.rsplit_once('/'));
            let name = copied.map_or(key, |(name, _)| name);
            older.insert((name.to_owned(), etag));
        }
        if page.is_truncated() != Some(true) {
            return older;
        }
        after = (
            page.next_key_marker().map(ToOwned::to_owned),
            page.next_version_id_marker().map(ToOwned::to_owned),
        );
    }
}

fn bytes(ledger: &Ledger) -> BTreeMap<String, Vec<u8>> {
    let objects = ledger.current.iter();
    objects
        .map(|(name, object)| (name.clone(), object.bytes.clone()))
        .collect()
}

/// An object that was answered to be in main.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Object {
    bytes: Vec<u8>,
    etag: String,
}

/// The state that follows from the responses.
#[derive(Debug, Default)]
struct Ledger {
    current: BTreeMap<String, Object>,
    /// The objects whose last removal was a delete.
    deleted: BTreeMap<String, Object>,
    /// Everything that was replaced or deleted, by name and `ETag`.
    removed: BTreeSet<(String, String)>,
    /// Everything that was ever there, by name and `ETag`.
    known: BTreeSet<(String, String)>,
    /// The number of calls of each route.
    calls: BTreeMap<String, usize>,
    unanswered: usize,
}

impl Ledger {
    fn add(&mut self, other: Self) {
        self.current.extend(other.current);
        self.deleted.extend(other.deleted);
        self.removed.extend(other.removed);
        self.known.extend(other.known);
        self.unanswered += other.unanswered;
        for (route, calls) in other.calls {
            *self.calls.entry(route).or_default() += calls;
        }
    }

    /// Records that a name has an object now.
    fn keep(&mut self, name: &str, object: Object) {
        let etag = object.etag.clone();
        self.known.insert((name.to_owned(), etag.clone()));
        self.deleted.remove(name);
        if let Some(before) = self.current.insert(name.to_owned(), object)
            && before.etag != etag
        {
            self.removed.insert((name.to_owned(), before.etag));
        }
    }

    /// Records that an object was deleted.
    fn delete(&mut self, name: &str) {
        let Some(object) = self.current.remove(name) else {
            return;
        };
        self.removed.insert((name.to_owned(), object.etag.clone()));
        self.deleted.insert(name.to_owned(), object);
    }
}

/// A client that changes objects of its own, one after another. So it knows from the responses what main has.
struct Changes {
    client: Client,
    ledger: Ledger,
    /// The bytes of every `ETag`.
    bytes: BTreeMap<String, Vec<u8>>,
    names: usize,
}

impl Changes {
    async fn run(client: Client) -> Ledger {
        let mut changes = Self {
            client,
            ledger: Ledger::default(),
            bytes: BTreeMap::new(),
            names: 0,
        };
        while changes.client.goes_on() {
            let name = changes.name();
            match (changes.client.random.random_range(0..10), name) {
                (0..=1, _) | (_, None) => {
                    let name = changes.new_name();
                    changes.confirm(&name).await;
                }
                (2, Some(name)) => changes.confirm(&name).await,
                (3, Some(name)) => changes.update(&name).await,
                (4, Some(name)) => changes.transfer("copy-object", &name).await,
                (5..=6, Some(name)) => changes.transfer("move-object", &name).await,
                (7, Some(name)) => changes.delete(&name).await,
                (8, Some(_)) => changes.restore().await,
                (_, Some(name)) => changes.archive(&name).await,
            }
        }
        changes.ledger
    }

    /// Returns the name of one of the objects.
    fn name(&mut self) -> Option<String> {
        let objects = self.ledger.current.len();
        let place = (objects > 0).then(|| self.client.random.random_range(0..objects))?;
        self.ledger.current.keys().nth(place).cloned()
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("{}/{}", self.client.name, self.names)
    }

    /// Repeats a call until there is a final response.
    async fn try_call(&mut self, route: &str, request: &Value) -> Result<Value, Value> {
        let (answer, unanswered) = self.client.ask(route, request).await;
        self.ledger.unanswered += unanswered;
        *self.ledger.calls.entry(route.to_owned()).or_default() += 1;
        answer
    }

    async fn call(&mut self, route: &str, request: &Value) -> Value {
        let answer = self.try_call(route, request).await;
        answer.unwrap_or_else(|refused| panic!("{route} {request}: {refused}"))
    }

    /// Confirms new bytes, in place of what is there.
    async fn confirm(&mut self, name: &str) {
        let mut uploaded = self.client.upload(name, true).await;
        uploaded.confirm["destination_name"] = json!(name);
        uploaded.confirm["overwrite"] = json!(true);
        let kept = self.call("confirm-upload", &uploaded.confirm).await;
        let etag = text(&kept["etag"]);
        self.bytes.insert(etag.clone(), uploaded.bytes.clone());
        let bytes = uploaded.bytes;
        self.ledger.keep(name, Object { bytes, etag });
    }

    async fn update(&mut self, name: &str) {
        let number: u32 = self.client.random.random();
        let update = json!({"object_name": name, "metadata": {"number": number.to_string()}});
        self.call("update-object", &update).await;
        let described = self.call("get-object", &json!({ "object_name": name })).await;
        assert_eq!(described["metadata"]["number"], number.to_string());
        assert_eq!(described["etag"], self.ledger.current[name].etag, "{name}");
    }

    /// Copies or moves an object to a free name, or over one of other bytes.
    async fn transfer(&mut self, route: &str, name: &str) {
        let object = self.ledger.current[name].clone();
        let other = self.name().filter(|_| self.client.random.random_ratio(1, 2));
        let other = other.filter(|other| self.ledger.current[other].etag != object.etag);
        let to = other.unwrap_or_else(|| self.new_name());
        let request = json!({"object_name": name, "destination_name": to, "overwrite": true});
        match self.try_call(route, &request).await {
            Ok(made) => {
                assert_eq!(made["etag"], object.etag, "{request}");
                if route == "move-object" {
                    self.ledger.current.remove(name);
                }
            }
            // Both were made in the same second, and the server cannot tell which way the object was moved.
            Err(refused) if refused["code"] == "OBJECT_BUSY" && route == "move-object" => {
                self.delete_one(name).await;
            }
            Err(refused) => panic!("{route} {request}: {refused}"),
        }
        self.ledger.keep(&to, object);
    }

    /// Deletes one object, or two together.
    async fn delete(&mut self, name: &str) {
        let other = self.name().filter(|other| other != name);
        match other.filter(|_| self.client.random.random_ratio(1, 2)) {
            None => self.delete_one(name).await,
            Some(other) => {
                let request = json!({"objects": [{"object_name": name}, {"object_name": other}]});
                loop {
                    let answer = self.call("delete-objects", &request).await;
                    if answer["success"] == true {
                        break;
                    }
                    // The store was not there for one of them.
                    assert!(!answer.to_string().contains("OBJECT_CHANGED"), "{answer}");
                }
                self.ledger.delete(name);
                self.ledger.delete(&other);
            }
        }
    }

    async fn delete_one(&mut self, name: &str) {
        let request = json!({"object_name": name, "if_match": self.ledger.current[name].etag});
        self.call("delete-object", &request).await;
        self.ledger.delete(name);
    }

    /// Makes something that was replaced or deleted the current object again.
    async fn restore(&mut self) {
        let removed = self.ledger.removed.len();
        if removed == 0 {
            return;
        }
        let place = self.client.random.random_range(0..removed);
        let Some((name, etag)) = self.ledger.removed.iter().nth(place).cloned() else {
            return;
        };
        let listed = self
            .call("list-versions", &json!({"object_name": name, "page_size": 1000}))
            .await;
        let versions = listed["versions"].as_array().cloned().unwrap_or_default();
        for version in versions.iter().filter(|version| version["etag"] == etag) {
            let mut request = json!({"object_name": name, "version_id": version["version_id"]});
            if let Some(current) = self.ledger.current.get(&name) {
                request["if_match"] = json!(current.etag);
            }
            match self.try_call("restore-version", &request).await {
                Ok(restored) => {
                    assert_eq!(restored["etag"], etag, "{request}");
                    let bytes = self.bytes[&etag].clone();
                    return self.ledger.keep(&name, Object { bytes, etag });
                }
                // The object was in an archive class for a moment.
                Err(refused) if refused["code"] == "OBJECT_ARCHIVED" => {}
                Err(refused) => panic!("{request}: {refused}"),
            }
        }
        panic!("{name} has no version {etag} that can be restored: {listed}");
    }

    /// Archives an object, makes it readable, and takes it back.
    async fn archive(&mut self, name: &str) {
        let class = |class: &str| json!({"object_name": name, "storage_options": {"storage_class": class}});
        self.call("update-object", &class("GLACIER")).await;
        let restored = self
            .call("restore-object", &json!({"object_name": name, "days": 1}))
            .await;
        assert_eq!(restored["archive"]["is_restoring"], false, "{restored}");
        self.call("update-object", &class("STANDARD")).await;
        let described = self.call("get-object", &json!({ "object_name": name })).await;
        assert_eq!(described["etag"], self.ledger.current[name].etag, "{name}");
        assert_eq!(described.get("archive"), None, "{described}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
