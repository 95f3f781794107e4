//! Destinations: confirmed objects in other buckets, and under a prefix.

use serde_json::{Value, json};
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Failure, Front, download, upload};
use crate::server::{Server, command};

const DESTINATIONS: &str = "[destinations.archive]\nbucket = 'files-archive'\nprefix = 'kept/'\nstorage_class = 'STANDARD_IA'\n\
     [destinations.folder]\nprefix = 'folder/'\n[profiles.folders]\ndestinations = ['folder']\n";

/// A server with callers of two tenants that may name destinations, and one that may not.
struct World {
    server: Server,
    _policy: Policy,
    acme: String,
    other: String,
    plain: String,
}

impl World {
    fn start() -> Self {
        let all = "scopes = ['upload', 'download', 'inspect', 'confirm', 'manage', 'admin']\n";
        let [acme, other, plain] = ["acme", "other", "plain"].map(new_key);
        let policy = Policy::new(&format!(
            "{DESTINATIONS}{}{all}tenant = 'acme'\nprofile = 'folders'\ndestinations = ['archive']\n\
             {}{all}tenant = 'other'\ndestinations = ['archive']\n{}{all}tenant = 'plain'\n",
            acme.1, other.1, plain.1
        ));
        let [acme, other, plain] = [acme, other, plain].map(|(key, _)| bearer(&key));
        let variables = [("DESTINATION_BUCKETS", "files-archive"), ("KEEP_REPLACED", "true")];
        Self {
            server: policy.server("api-key", &variables),
            _policy: policy,
            acme,
            other,
            plain,
        }
    }

    async fn call(&self, front: Front, key: &str, route: &str, request: Value) -> Result<Value, Failure> {
        let headers = [("authorization", key)];
        front.call_with(&headers, &self.server, route, request).await
    }

    async fn ok(&self, front: Front, route: &str, request: Value) -> Value {
        let answer = self.call(front, &self.acme, route, request).await;
        answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
    }

    async fn refused(&self, front: Front, key: &str, route: &str, request: Value) -> Failure {
        let answer = self.call(front, key, route, request).await;
        answer.expect_err(route)
    }

    async fn draft(&self, front: Front, name: &str, bytes: &str) {
        let issued = self.ok(front, "upload-url", json!({ "object_name": name })).await;
        assert_eq!(upload(&issued, bytes.to_owned()).await, 200);
    }

    async fn kept(&self, front: Front, name: &str, bytes: &str) -> Value {
        self.draft(front, name, bytes).await;
        let confirm = json!({"object_name": name, "destination": "archive", "overwrite": true});
        self.ok(front, "confirm-upload", confirm).await
    }
}

/// Returns a request about an object at the destination `archive`.
fn at(name: &str, more: Value) -> Value {
    let mut request = more;
    request["object_name"] = json!(name);
    request["destination"] = json!("archive");
    request
}

#[tokio::test]
async fn usage_counts_the_buckets_of_destinations() {
    let world = World::start();
    for front in FRONTS {
        world.kept(front, "counted", "bytes").await;
        world.server.count_usage_with(&["files-archive"]).await;
        let usage = world.ok(front, "usage", json!({})).await;
        let rows = usage["usage"].as_array().expect("rows");
        let archived = json!({
            "tenant": "acme",
            "stage": "STAGE_MAIN",
            "bucket": "files-archive",
            "storage_class": "STANDARD_IA",
            "objects": "1",
            "bytes": "5",
        });
        assert!(rows.contains(&archived), "{front:?}: {usage}");
        let other = world
            .call(front, &world.other, "usage", json!({}))
            .await
            .expect("counted");
        let is_empty = other["usage"].as_array().is_none_or(Vec::is_empty);
        assert!(is_empty, "{front:?}: {other}");
    }
}

#[tokio::test]
async fn confirmed_object_is_found_again_at_its_destination() {
    let world = World::start();
    for front in FRONTS {
        let name = front.name("a");
        let kept = world.kept(front, &name, "hello").await;
        assert_eq!(kept["final_location"], format!("files-archive/kept/{name}"));
        let described = world.ok(front, "get-object", at(&name, json!({}))).await;
        assert_eq!(
            (
                &described["object_name"],
                &described["storage_class"],
                &described["etag"]
            ),
            (&json!(name), &json!("STANDARD_IA"), &kept["etag"])
        );
        for (key, request) in [
            (&world.acme, json!({ "object_name": name })),
            (&world.acme, json!({"object_name": name, "destination": "folder"})),
            (&world.other, at(&name, json!({}))),
        ] {
            let refused = world.refused(front, key, "get-object", request).await;
            refused.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        }
        let download_url = at(&name, json!({"stage": "STAGE_MAIN"}));
        let issued = world.ok(front, "download-url", download_url.clone()).await;
        assert_eq!(download(&issued).await.text().await.expect("text"), "hello");
        let refused = world.refused(front, &world.other, "download-url", download_url).await;
        refused.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");

        let moved = front.name("b");
        let update = at(&name, json!({"cache_control": "no-store"}));
        assert_eq!(world.ok(front, "update-object", update).await["object_name"], name);
        let copy = at(&name, json!({ "destination_name": moved }));
        assert_eq!(world.ok(front, "copy-object", copy).await["object_name"], moved);
        let to = json!({"destination_name": front.name("c")});
        world.ok(front, "move-object", at(&moved, to)).await;
        let list = json!({"destination": "archive", "prefix": front.name("")});
        let listed = world.ok(front, "list-objects", list).await;
        let names: Vec<_> = listed["objects"]
            .as_array()
            .expect("objects")
            .iter()
            .map(|one| &one["object_name"])
            .collect();
        assert_eq!(names, [&json!(name), &json!(front.name("c"))]);
        let folders = json!({"destination": "archive", "delimiter": "/"});
        let folders = world.ok(front, "list-objects", folders).await;
        assert!(
            folders["folders"]
                .as_array()
                .expect("folders")
                .contains(&json!(front.name(""))),
            "{folders}"
        );
        let listed = world.ok(front, "list-objects", json!({"prefix": front.name("")})).await;
        assert_eq!(listed["objects"], json!([]), "main has none");

        let deleted = world.ok(front, "delete-object", at(&name, json!({}))).await;
        assert_eq!(
            (&deleted["deleted"], &deleted["can_be_undone"]),
            (&json!(true), &json!(true))
        );
        let versions = world.ok(front, "list-versions", at(&name, json!({}))).await;
        assert_eq!(
            versions["versions"].as_array().map(Vec::len),
            Some(1),
            "a copy of what was deleted"
        );
        world.ok(front, "restore-version", at(&name, json!({}))).await;
        let version = json!({"version_id": deleted["version_id"]});
        world.ok(front, "delete-version", at(&name, version)).await;
        let both = json!({"objects": [at(&name, json!({})), at(&front.name("c"), json!({}))]});
        assert_eq!(world.ok(front, "delete-objects", both).await["success"], true);
        let mixed = json!({"objects": [at(&name, json!({})), {"object_name": name}]});
        let refused = world.refused(front, &world.acme, "delete-objects", mixed).await;
        assert_eq!(refused.fields, ["objects[1].destination"]);
    }
}

#[tokio::test]
async fn pages_of_one_place_do_not_continue_in_another() {
    let world = World::start();
    let front = Front::Rest;
    for name in ["a", "b"] {
        world.kept(front, name, "hello").await;
    }
    let first = json!({"destination": "archive", "page_size": 1});
    let token = world.ok(front, "list-objects", first).await["next_page_token"].take();
    let next = json!({"destination": "archive", "page_token": token});
    assert_eq!(
        world.ok(front, "list-objects", next).await["objects"][0]["object_name"],
        "b"
    );
    for elsewhere in [
        json!({ "page_token": token }),
        json!({"destination": "folder", "page_token": token}),
    ] {
        let refused = world.refused(front, &world.acme, "list-objects", elsewhere).await;
        assert_eq!(refused.fields, ["page_token"]);
    }
}

#[tokio::test]
async fn destination_that_the_caller_may_not_name_is_refused_by_name() {
    let world = World::start();
    for front in FRONTS {
        for (key, destination) in [
            (&world.plain, "archive"),
            (&world.other, "folder"),
            (&world.acme, "nowhere"),
        ] {
            for (route, mut request) in [
                ("confirm-upload", json!({"object_name": "a"})),
                ("get-object", json!({"object_name": "a"})),
                ("list-objects", json!({})),
                ("download-url", json!({"object_name": "a"})),
                ("delete-object", json!({"object_name": "a"})),
                ("update-object", json!({"object_name": "a"})),
                ("copy-object", json!({"object_name": "a", "destination_name": "b"})),
                ("move-object", json!({"object_name": "a", "destination_name": "b"})),
                ("list-versions", json!({"object_name": "a"})),
                ("restore-version", json!({"object_name": "a"})),
                ("restore-object", json!({"object_name": "a", "days": 1})),
                ("delete-version", json!({"object_name": "a", "version_id": "1"})),
            ] {
                request["destination"] = json!(destination);
                let refused = world.refused(front, key, route, request).await;
                refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
                assert_eq!(refused.fields, ["destination"], "{route}");
            }
        }
        let contradicts = at("a", json!({"storage_options": {"storage_class": "GLACIER"}}));
        let refused = world.refused(front, &world.acme, "confirm-upload", contradicts).await;
        assert_eq!(refused.fields, ["storage_options.storage_class"]);
        assert!(refused.rules[0].contains("the destination 'archive'"), "{refused:?}");
        let long = at(&"x".repeat(900), json!({}));
        let refused = world.refused(front, &world.acme, "get-object", long).await;
        assert_eq!(refused.fields, ["object_name"]);
    }
}

#[tokio::test]
async fn draft_is_not_kept_at_a_second_destination() {
    let world = World::start();
    for front in FRONTS {
        let name = front.name("a");
        world.kept(front, &name, "hello").await;
        let again = world
            .ok(front, "confirm-upload", at(&name, json!({"overwrite": true})))
            .await;
        assert_eq!(again["replayed"], true);
        for elsewhere in [
            json!({ "object_name": name }),
            json!({"object_name": name, "destination": "folder"}),
        ] {
            let refused = world.refused(front, &world.acme, "confirm-upload", elsewhere).await;
            refused.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");
            assert_eq!(refused.fields, ["destination"]);
            assert!(refused.rules[0].contains("'archive'"), "{refused:?}");
        }
        // What is uploaded again under the name is another draft.
        world.draft(front, &name, "again").await;
        let folder = json!({"object_name": name, "destination": "folder"});
        for replayed in [false, true] {
            let kept = world.ok(front, "confirm-upload", folder.clone()).await;
            assert_eq!(kept["replayed"], replayed);
        }

        let plain = front.name("plain");
        world.draft(front, &plain, "hello").await;
        world.ok(front, "confirm-upload", json!({ "object_name": plain })).await;
        let refused = world
            .refused(front, &world.acme, "confirm-upload", at(&plain, json!({})))
            .await;
        refused.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");
        assert!(refused.rules[0].contains("must be left out"), "{refused:?}");
        let refused = world
            .refused(front, &world.other, "confirm-upload", at(&plain, json!({})))
            .await;
        refused.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
    }
}

#[tokio::test]
async fn atomic_batch_confirms_to_several_destinations_or_to_none() {
    let world = World::start();
    for front in FRONTS {
        let [one, other, never] = ["one", "other", "never"].map(|name| front.name(name));
        world.draft(front, &one, "one").await;
        world.draft(front, &other, "other").await;
        let to = |name: &str, destination: &str| json!({"object_name": name, "destination": destination, "destination_name": front.name("same")});
        let missing = json!({"atomic": true, "uploads": [to(&one, "archive"), {"object_name": never}]});
        assert_eq!(world.ok(front, "confirm-uploads", missing).await["success"], false);
        let both = json!({"atomic": true, "uploads": [to(&one, "archive"), to(&other, "folder")]});
        let confirmed = world.ok(front, "confirm-uploads", both).await;
        assert_eq!(confirmed["success"], true, "{confirmed}");
        for (destination, bytes) in [("archive", "one"), ("folder", "other")] {
            let request = json!({"object_name": front.name("same"), "stage": "STAGE_MAIN", "destination": destination});
            let issued = world.ok(front, "download-url", request).await;
            assert_eq!(download(&issued).await.text().await.expect("text"), bytes);
        }
        let in_main = json!({"object_name": format!("folder/{}", front.name("same"))});
        world.ok(front, "get-object", in_main).await;
    }
}

#[test]
fn policy_with_a_bucket_that_is_not_configured_does_not_start() {
    let (_, caller) = new_key("a");
    let policy = Policy::new(&format!("{DESTINATIONS}{caller}scopes = ['admin']\n"));
    let output = command()
        .env("AUTH", "api-key")
        .env("POLICY_FILE", policy.path())
        .env("EMBEDDED_DATA_DIR", policy.directory().join("data"))
        .output()
        .expect("runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("destinations.archive.bucket = 'files-archive', which must be in DESTINATION_BUCKETS"),
        "{said}"
    );
}
