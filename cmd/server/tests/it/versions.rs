//! The calls on versions: list, restore and delete them, and read them by their IDs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::Operation;
use draftstore_testing::proxy::{FaultProxy, FaultReply, InjectedError, InjectedFault, RequestFilter, RequestRange};
use draftstore_testing::{Embedded, expire_versions};
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, download, draft};
use crate::server::Server;

/// Confirms these bytes under the name, in place of what is there, and returns the response.
async fn keep(front: Front, server: &Server, name: &str, bytes: &'static [u8]) -> Value {
    draft(server, name, bytes).await;
    let confirm = json!({"object_name": name, "overwrite": true});
    front.call(server, "confirm-upload", confirm).await.expect("confirmed")
}

async fn call(front: Front, server: &Server, route: &str, request: Value) -> Value {
    let answer = front.call(server, route, request).await;
    answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
}

async fn versions(front: Front, server: &Server, name: &str) -> Vec<Value> {
    let listed = call(front, server, "list-versions", json!({ "object_name": name })).await;
    assert_eq!(listed.get("next_page_token"), None);
    listed["versions"].as_array().expect("versions").clone()
}

async fn read(front: Front, server: &Server, name: &str, version: Option<&Value>) -> String {
    let request = json!({"object_name": name, "stage": "STAGE_MAIN", "version_id": version});
    let issued = call(front, server, "download-url", request).await;
    download(&issued).await.text().await.expect("text")
}

#[tokio::test]
async fn every_version_is_listed_described_and_read() {
    let server = Server::start();
    server.keep_versions().await;
    for front in FRONTS {
        let name = front.name("a");
        let first = keep(front, &server, &name, b"first").await;
        keep(front, &server, &format!("{name}/below"), b"another object").await;
        let second = keep(front, &server, &name, b"second, and longer").await;
        call(front, &server, "delete-object", json!({ "object_name": name })).await;

        let listed = versions(front, &server, &name).await;
        let kinds: Vec<_> = listed
            .iter()
            .map(|version| {
                (
                    &version["is_current"],
                    &version["is_delete_marker"],
                    version.get("etag"),
                )
            })
            .collect();
        let [yes, no] = [json!(true), json!(false)];
        let expected = [
            (&yes, &yes, None),
            (&no, &no, Some(&second["etag"])),
            (&no, &no, Some(&first["etag"])),
        ];
        assert_eq!(kinds, expected);
        assert_eq!((&listed[1]["size"], &listed[2]["size"]), (&json!("18"), &json!("5")));
        assert!(listed[2]["created_at"].as_str().expect("a time").ends_with('Z'));

        let old = &listed[2]["version_id"];
        let described = json!({"object_name": name, "version_id": old});
        let described = call(front, &server, "get-object", described).await;
        assert_eq!((&described["version_id"], &described["etag"]), (old, &first["etag"]));
        assert_eq!(read(front, &server, &name, Some(old)).await, "first");
        let marker = json!({"object_name": name, "version_id": listed[0]["version_id"]});
        let refused = front.call(&server, "get-object", marker).await.expect_err("a marker");
        refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        let draft = json!({"object_name": name, "stage": "STAGE_DRAFT", "version_id": old});
        let refused = front.call(&server, "download-url", draft).await.expect_err("a draft");
        refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(refused.fields, ["version_id"]);
    }
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let server = Server::start();
    server.keep_versions().await;
    for front in FRONTS {
        let name = front.name("a");
        for bytes in [&b"1"[..], b"2", b"3", b"4", b"5"] {
            keep(front, &server, &name, bytes).await;
        }
        keep(front, &server, &format!("{name}b"), b"another").await;
        let (mut listed, mut token) = (Vec::new(), Value::Null);
        loop {
            let request = json!({"object_name": name, "page_size": 2, "page_token": token});
            let page = call(front, &server, "list-versions", request).await;
            let versions = page["versions"].as_array().expect("versions");
            assert!(versions.len() <= 2);
            listed.extend(versions.iter().map(|version| version["version_id"].clone()));
            match page.get("next_page_token") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        let whole = versions(front, &server, &name).await;
        let whole: Vec<_> = whole.iter().map(|version| version["version_id"].clone()).collect();
        assert_eq!((listed.len(), &listed), (5, &whole));
        let request = json!({"object_name": format!("{name}b"), "page_token": token});
        let refused = front.call(&server, "list-versions", request).await;
        assert!(token.is_null() || refused.is_err(), "a token of another object");
    }
}

#[tokio::test]
async fn replace_is_rolled_back_by_one_call() {
    let server = Server::start();
    server.keep_versions().await;
    for front in FRONTS {
        let name = front.name("a");
        let first = keep(front, &server, &name, b"first").await;
        let second = keep(front, &server, &name, b"second").await;
        assert_ne!(first["version_id"], second["version_id"]);
        assert_eq!(second["replaced_version_id"], first["version_id"]);

        let restore =
            json!({"object_name": name, "version_id": second["replaced_version_id"], "if_match": second["etag"]});
        let restored = call(front, &server, "restore-version", restore.clone()).await;
        assert_eq!(
            (&restored["etag"], &restored["replayed"]),
            (&first["etag"], &json!(false))
        );
        assert_eq!(restored["replaced_version_id"], second["version_id"]);
        assert_eq!(read(front, &server, &name, None).await, "first");
        assert_eq!(versions(front, &server, &name).await.len(), 3, "nothing is lost");

        // A repeat has no further effect, and a restore over another version none at all.
        let mut again = call(front, &server, "restore-version", restore).await;
        assert_eq!(again["replayed"].take(), true);
        assert_eq!(again["version_id"], restored["version_id"]);
        let stale = json!({"object_name": name, "version_id": second["version_id"], "if_match": second["etag"]});
        let refused = front.call(&server, "restore-version", stale).await.expect_err("stale");
        refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(versions(front, &server, &name).await.len(), 3);
        // The object is what its confirm made, also for a repeat of the confirm.
        let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert!(described["draft_etag"].is_string(), "{described}");
        assert_eq!(described["metadata"], json!({}));
    }
}

#[tokio::test]
async fn delete_is_undone() {
    let server = Server::start();
    server.keep_versions().await;
    for front in FRONTS {
        let name = front.name("a");
        let kept = keep(front, &server, &name, b"kept").await;
        let undelete = json!({ "object_name": name });
        let refused = front
            .call(&server, "restore-version", undelete.clone())
            .await
            .expect_err("there");
        refused.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");

        let deleted = call(front, &server, "delete-object", json!({ "object_name": name })).await;
        assert_eq!(
            (&deleted["can_be_undone"], &deleted["version_id"]),
            (&json!(true), &kept["version_id"])
        );
        let restored = call(front, &server, "restore-version", undelete.clone()).await;
        assert_eq!(
            (&restored["etag"], restored.get("replaced_version_id")),
            (&kept["etag"], None)
        );
        assert_eq!(read(front, &server, &name, None).await, "kept");
        let again = call(front, &server, "restore-version", undelete.clone()).await;
        assert_eq!(again["replayed"], true);

        // A version that is named is restored over a delete, too.
        call(front, &server, "delete-object", json!({ "object_name": name })).await;
        let named = json!({"object_name": name, "version_id": kept["version_id"]});
        call(front, &server, "restore-version", named).await;
        assert_eq!(read(front, &server, &name, None).await, "kept");
        let none = json!({ "object_name": front.name("never") });
        let refused = front
            .call(&server, "restore-version", none.clone())
            .await
            .expect_err("none");
        refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        let refused = front.call(&server, "list-versions", none).await.expect_err("none");
        refused.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn deleted_version_is_gone_for_good() {
    let server = Server::start();
    server.keep_versions().await;
    for front in FRONTS {
        let name = front.name("a");
        let first = keep(front, &server, &name, b"first").await;
        let second = keep(front, &server, &name, b"second").await;
        let delete = json!({"object_name": name, "version_id": first["version_id"]});
        for _ in 0..2 {
            assert_eq!(call(front, &server, "delete-version", delete.clone()).await, json!({}));
        }
        let refused = front.call(&server, "restore-version", delete).await.expect_err("gone");
        refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        for id in ["x", "a/b+c"] {
            let none = json!({"object_name": name, "version_id": id});
            assert_eq!(call(front, &server, "delete-version", none.clone()).await, json!({}));
            let refused = front.call(&server, "get-object", none).await.expect_err("none");
            refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        }
        let left = versions(front, &server, &name).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0]["version_id"], second["version_id"]);
    }
}

#[tokio::test]
async fn main_without_versions_says_so() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let kept = keep(front, &server, &name, b"kept").await;
        assert_eq!(kept.get("version_id"), None);
        let named = json!({ "object_name": name });
        let version = json!({"object_name": name, "version_id": "null"});
        for (route, request) in [
            ("list-versions", &named),
            ("delete-version", &version),
            (
                "restore-version",
                &json!({"object_name": front.name("none"), "version_id": "x"}),
            ),
            ("restore-version", &json!({"object_name": front.name("none")})),
            ("restore-version", &named),
            ("restore-version", &version),
            ("restore-version", &json!({"object_name": name, "if_match": "0"})),
            ("get-object", &json!({"object_name": name, "version_id": "x"})),
        ] {
            let refused = front.call(&server, route, request.clone()).await.expect_err(route);
            refused.assert(412, Code::FailedPrecondition, "VERSIONS_NOT_ENABLED");
        }
        assert_eq!(read(front, &server, &name, None).await, "kept");
    }
}

/// Returns a time in whole seconds, as stores have them.
fn in_days(days: u64) -> String {
    let later = SystemTime::now() + Duration::from_secs(days * 24 * 3600);
    let seconds = later.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let time = jiff::Timestamp::from_second(seconds.cast_signed());
    time.expect("a time").to_string()
}

#[tokio::test]
async fn locked_version_is_not_deleted_and_the_error_says_why() {
    let server = Server::start();
    server.lock_objects().await;
    for front in FRONTS {
        let name = front.name("a");
        let until = in_days(3);
        let kept = keep(front, &server, &name, b"kept").await;
        let locks = [
            (json!({"legal_hold": true}), &["legal_hold"][..]),
            (
                json!({"retention": {"mode": "RETENTION_MODE_GOVERNANCE", "until": until}}),
                &["retention", "legal_hold"],
            ),
        ];
        for (options, fields) in locks {
            let update = json!({"object_name": name, "storage_options": options});
            let updated = call(front, &server, "update-object", update).await;
            let delete = json!({"object_name": name, "version_id": updated["version_id"]});
            let refused = front.call(&server, "delete-version", delete).await.expect_err("locked");
            refused.assert(409, Code::FailedPrecondition, "OBJECT_LOCKED");
            assert_eq!(refused.fields, fields);
            let says_when = refused.rules.join(" ").contains(&format!("GOVERNANCE until {until}"));
            assert_eq!(says_when, fields.contains(&"retention"), "{:?}", refused.rules);
        }
        // Neither a delete nor a version without a lock is kept from anything.
        let free = json!({"object_name": name, "version_id": kept["version_id"]});
        call(front, &server, "delete-version", free).await;
        let deleted = call(front, &server, "delete-object", json!({ "object_name": name })).await;
        assert_eq!(deleted["can_be_undone"], true);
        call(front, &server, "restore-version", json!({ "object_name": name })).await;
        assert_eq!(read(front, &server, &name, None).await, "kept");
    }
}

#[tokio::test]
async fn legal_hold_is_released() {
    let server = Server::start();
    server.lock_objects().await;
    for front in FRONTS {
        let name = front.name("a");
        keep(front, &server, &name, b"kept").await;
        let request = |is_held: bool| json!({"object_name": name, "storage_options": {"legal_hold": is_held}});
        let held = call(front, &server, "update-object", request(true)).await;
        assert_eq!(held["replayed"], false);
        assert_eq!(
            call(front, &server, "update-object", request(true)).await["replayed"],
            true
        );
        // Another change keeps the hold, so that there are two versions with one.
        let other = json!({"object_name": name, "metadata": {"a": "1"}});
        let current = call(front, &server, "update-object", other).await;

        let released = call(front, &server, "update-object", request(false)).await;
        assert_eq!(
            (
                &released["replayed"],
                &released["version_id"],
                released.get("replaced_version_id")
            ),
            (&json!(false), &current["version_id"], None),
            "the version itself is changed"
        );
        assert_eq!(
            call(front, &server, "update-object", request(false)).await["replayed"],
            true
        );
        let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(described["legal_hold"], false);

        let mut old = request(false);
        old["version_id"] = held["version_id"].clone();
        let delete = json!({"object_name": name, "version_id": held["version_id"]});
        let refused = front.call(&server, "delete-version", delete.clone()).await;
        refused
            .expect_err("locked")
            .assert(409, Code::FailedPrecondition, "OBJECT_LOCKED");
        for replayed in [false, true] {
            let released = call(front, &server, "update-object", old.clone()).await;
            assert_eq!(
                (&released["version_id"], &released["replayed"]),
                (&held["version_id"], &json!(replayed))
            );
        }
        for version in [&held, &current] {
            let delete = json!({"object_name": name, "version_id": version["version_id"]});
            call(front, &server, "delete-version", delete).await;
        }

        // The hold can be set again after its release, together with something else.
        keep(front, &server, &name, b"again").await;
        call(front, &server, "update-object", request(true)).await;
        let mut both = request(false);
        both["metadata"] = json!({"a": "2"});
        let updated = call(front, &server, "update-object", both).await;
        for version in [&updated["version_id"], &updated["replaced_version_id"]] {
            let described = json!({"object_name": name, "version_id": version});
            assert_eq!(call(front, &server, "get-object", described).await["legal_hold"], false);
        }
        call(front, &server, "update-object", request(true)).await;
        let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(described["legal_hold"], true);
        call(front, &server, "update-object", request(false)).await;
        call(front, &server, "update-object", request(true)).await;
        let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(
            described["legal_hold"], true,
            "a repeat of what was undone is done again"
        );

        for (field, value) in [("metadata", json!({"a": "1"})), ("remove", json!(["tags"]))] {
            let mut more = old.clone();
            more[field] = value;
            let refused = front
                .call(&server, "update-object", more)
                .await
                .expect_err("of a version");
            assert_eq!(refused.fields, ["version_id"]);
        }
        let mut none = old.clone();
        none["version_id"] = json!("x");
        let refused = front.call(&server, "update-object", none).await.expect_err("none");
        refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
    }
}

#[tokio::test]
async fn retention_in_force_is_extended_and_never_shortened() {
    let server = Server::start();
    server.lock_objects().await;
    for front in FRONTS {
        let (name, to) = (front.name("a"), front.name("b"));
        keep(front, &server, &name, b"kept").await;
        let retain = |mode: &str, days| {
            let mode = format!("RETENTION_MODE_{mode}");
            json!({"object_name": name, "storage_options": {"retention": {"mode": mode, "until": in_days(days)}}})
        };
        for longer in [
            retain("GOVERNANCE", 2),
            retain("GOVERNANCE", 3),
            retain("COMPLIANCE", 4),
        ] {
            call(front, &server, "update-object", longer.clone()).await;
            let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
            assert_eq!(described["retention"], longer["storage_options"]["retention"]);
        }
        let before = versions(front, &server, &name).await.len();
        for weaker in [retain("COMPLIANCE", 3), retain("GOVERNANCE", 5)] {
            let mut moved = weaker.clone();
            moved["destination_name"] = json!(to);
            for (route, request) in [("update-object", weaker), ("move-object", moved)] {
                let refused = front.call(&server, route, request).await.expect_err("shorter");
                refused.assert(409, Code::FailedPrecondition, "OBJECT_LOCKED");
                assert_eq!(refused.fields, ["storage_options.retention"]);
                assert!(
                    refused.rules.join(" ").contains("COMPLIANCE until "),
                    "{:?}",
                    refused.rules
                );
            }
        }
        assert_eq!(versions(front, &server, &name).await.len(), before);
    }
}

#[tokio::test]
async fn restored_version_keeps_its_class_its_tags_and_its_lock() {
    let server = Server::start();
    server.lock_objects().await;
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"first").await;
        let confirm = json!({"object_name": name, "storage_options": {
            "tags": {"project": "apollo"}, "storage_class": "STANDARD_IA", "legal_hold": true,
            "retention": {"mode": "RETENTION_MODE_GOVERNANCE", "until": in_days(2)},
        }});
        let first = call(front, &server, "confirm-upload", confirm).await;
        let kept = call(front, &server, "get-object", json!({ "object_name": name })).await;
        keep(front, &server, &name, b"second").await;
        let restore = json!({"object_name": name, "version_id": first["version_id"]});
        let restored = call(front, &server, "restore-version", restore).await;
        let mut expected = kept.clone();
        expected["version_id"] = restored["version_id"].clone();
        let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(described, expected);
        // It is as locked as the version that it was made of.
        let delete = json!({"object_name": name, "version_id": restored["version_id"]});
        let refused = front.call(&server, "delete-version", delete).await.expect_err("locked");
        refused.assert(409, Code::FailedPrecondition, "OBJECT_LOCKED");
    }
}

#[tokio::test]
async fn delete_says_until_when_it_can_be_undone() {
    let server = Server::start();
    server.keep_versions().await;
    expire_versions(&server.endpoint(), &"main".parse().expect("a name"), "short/", 7).await;
    for front in FRONTS {
        let [short, long] = ["short", "long"].map(|folder| format!("{folder}/{}", front.name("a")));
        for name in [&short, &long] {
            keep(front, &server, name, b"kept").await;
        }
        let before = jiff::Timestamp::now();
        let deleted = call(front, &server, "delete-object", json!({ "object_name": short })).await;
        let until: jiff::Timestamp = deleted["undo_until"].as_str().expect("a time").parse().expect("a time");
        let hours = until.duration_since(before).as_hours();
        assert!((7 * 24 - 1..=7 * 24).contains(&hours), "{deleted}");
        assert_eq!(
            (&deleted["can_be_undone"], &deleted["undo_until_unknown"]),
            (&json!(true), &json!(false))
        );
        let batch = json!({"objects": [{"object_name": "a\tb"}, {"object_name": long}, {"object_name": short}]});
        let answer = call(front, &server, "delete-objects", batch).await;
        let outcomes = answer["outcomes"].as_array().expect("outcomes");
        assert_eq!(outcomes[0]["error"]["reason"], "INVALID_REQUEST");
        let kept = &outcomes[1]["deleted"];
        assert_eq!(
            (
                &kept["can_be_undone"],
                kept.get("undo_until"),
                &kept["undo_until_unknown"]
            ),
            (&json!(true), None, &json!(false)),
            "no rule removes it"
        );
        assert_eq!(outcomes[2]["deleted"]["deleted"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn delete_says_if_it_is_unknown_how_long_it_can_be_undone() {
    let store = Embedded::start().await;
    let calls = FaultProxy::start(&store.endpoint());
    let server = crate::iam::server(&calls.endpoint(), &store.endpoint(), &[]);
    call(Front::Rest, &server, "draft-bucket", json!({})).await;
    let main = "main".parse().expect("a name");
    draftstore_testing::keep_versions(&store.endpoint(), &main).await;
    expire_versions(&store.endpoint(), &main, "", 7).await;
    let denied = InjectedFault::Before(FaultReply::Error(InjectedError::AccessDenied));
    let reads = RequestFilter::of(Operation::GetBucketLifecycleConfiguration).on(&main);
    calls.plan(reads, RequestRange::ALL, denied);
    for front in FRONTS {
        let name = front.name("a");
        keep(front, &server, &name, b"kept").await;
        let deleted = call(front, &server, "delete-object", json!({ "object_name": name })).await;
        assert_eq!(
            (
                &deleted["can_be_undone"],
                deleted.get("undo_until"),
                &deleted["undo_until_unknown"]
            ),
            (&json!(true), None, &json!(true))
        );
    }
    // The rules are not read again for a while.
    let reads = calls.requests().into_iter();
    let reads = reads.filter(|request| request.operation == Operation::GetBucketLifecycleConfiguration);
    assert_eq!(reads.count(), 1);
}
