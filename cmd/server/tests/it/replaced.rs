//! Copies of what is replaced or deleted where main has no versions.

use std::collections::BTreeSet;

use draftstore_storage::Operation;
use draftstore_testing::Embedded;
use draftstore_testing::proxy::{FaultProxy, Moment, RequestFilter};
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, download, draft};
use crate::server::Server;

const KEEPING: [(&str, &str); 2] = [("KEEP_REPLACED", "true"), ("REPLACED_LIFETIME", "3600")];

async fn call(front: Front, server: &Server, route: &str, request: Value) -> Value {
    let answer = front.call(server, route, request).await;
    answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
}

/// Confirms these bytes under the name, in place of what is there, and returns the response.
async fn keep(front: Front, server: &Server, name: &str, bytes: &'static [u8]) -> Value {
    draft(server, name, bytes).await;
    let options = json!({"tags": {"case": "4711"}, "storage_class": "STANDARD_IA"});
    let confirm = json!({"object_name": name, "overwrite": true, "storage_options": options});
    call(front, server, "confirm-upload", confirm).await
}

async fn versions(front: Front, server: &Server, name: &str) -> Vec<Value> {
    let listed = call(front, server, "list-versions", json!({ "object_name": name })).await;
    assert_eq!(listed.get("next_page_token"), None);
    listed["versions"].as_array().cloned().unwrap_or_default()
}

async fn read(front: Front, server: &Server, name: &str, version: Option<&Value>) -> String {
    let request = json!({"object_name": name, "stage": "STAGE_MAIN", "version_id": version});
    let issued = call(front, server, "download-url", request).await;
    download(&issued).await.text().await.expect("text")
}

#[tokio::test]
async fn replace_is_rolled_back_by_one_call_without_versions() {
    let server = Server::start_with(&KEEPING);
    for front in FRONTS {
        let name = front.name("a");
        let first = keep(front, &server, &name, b"first").await;
        assert_eq!(first.get("replaced_version_id"), None);
        keep(front, &server, &format!("{name}/replaced-b"), b"another").await;
        keep(front, &server, &format!("{name}/replaced-b"), b"another again").await;
        let second = keep(front, &server, &name, b"second, and longer").await;
        let copy = &second["replaced_version_id"];
        assert!(copy.as_str().expect("an ID").starts_with("replaced-"), "{second}");

        let listed = versions(front, &server, &name).await;
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!(
            (&listed[0]["version_id"], &listed[0]["size"], &listed[0]["is_current"]),
            (copy, &json!("5"), &json!(false))
        );
        assert_eq!(read(front, &server, &name, Some(copy)).await, "first");
        let described = json!({"object_name": name, "version_id": copy});
        let described = call(front, &server, "get-object", described).await;
        assert_eq!((&described["version_id"], &described["etag"]), (copy, &first["etag"]));
        assert_eq!(described["tags"], json!({"case": "4711"}));

        let restore = json!({"object_name": name, "version_id": copy, "if_match": second["etag"]});
        let restored = call(front, &server, "restore-version", restore.clone()).await;
        assert_eq!(
            (&restored["etag"], &restored["replayed"]),
            (&first["etag"], &json!(false))
        );
        let replaced = &restored["replaced_version_id"];
        assert_eq!(read(front, &server, &name, Some(replaced)).await, "second, and longer");
        assert_eq!(read(front, &server, &name, None).await, "first");
        let again = call(front, &server, "restore-version", restore).await;
        assert_eq!(again["replayed"], true);
        // The object is what its confirm made, with its options.
        let described = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(
            (&described["tags"], &described["storage_class"], &described["metadata"]),
            (&json!({"case": "4711"}), &json!("STANDARD_IA"), &json!({}))
        );
        assert!(described["draft_etag"].is_string(), "{described}");
        let stale = json!({"object_name": name, "version_id": replaced, "if_match": second["etag"]});
        let refused = front.call(&server, "restore-version", stale).await.expect_err("stale");
        refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        let ids = versions(front, &server, &name).await;
        let ids: Vec<_> = ids.iter().map(|version| &version["version_id"]).collect();
        assert_eq!(ids, [replaced, copy], "the newest first, and nothing is lost");
    }
}

#[tokio::test]
async fn delete_is_undone_without_versions() {
    let server = Server::start_with(&KEEPING);
    for front in FRONTS {
        let name = front.name("a");
        let undelete = json!({ "object_name": name });
        let refused = front.call(&server, "restore-version", undelete.clone()).await;
        refused
            .expect_err("none")
            .assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        let refused = front.call(&server, "list-versions", undelete.clone()).await;
        refused
            .expect_err("none")
            .assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        keep(front, &server, &name, b"older").await;
        let kept = keep(front, &server, &name, b"kept").await;
        let refused = front.call(&server, "restore-version", undelete.clone()).await;
        refused
            .expect_err("there")
            .assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");

        let batch = json!({"objects": [{"object_name": name}, {"object_name": front.name("never")}]});
        let mut deleted = call(front, &server, "delete-objects", batch).await["outcomes"].take();
        let deleted = deleted[0]["deleted"].take();
        assert_eq!(
            (
                &deleted["etag"],
                &deleted["can_be_undone"],
                &deleted["undo_until_unknown"]
            ),
            (&kept["etag"], &json!(true), &json!(false))
        );
        let until: jiff::Timestamp = deleted["undo_until"].as_str().expect("a time").parse().expect("a time");
        let left = until.duration_since(jiff::Timestamp::now()).as_secs();
        assert!((3000..=3600).contains(&left), "{left}");

        let restored = call(front, &server, "restore-version", undelete.clone()).await;
        assert_eq!(
            (&restored["etag"], restored.get("replaced_version_id")),
            (&kept["etag"], None)
        );
        assert_eq!(read(front, &server, &name, None).await, "kept", "the newest copy");
        let again = call(front, &server, "restore-version", undelete.clone()).await;
        assert_eq!(again["replayed"], true);

        let deleted = call(front, &server, "delete-object", json!({ "object_name": name })).await;
        let named = json!({"object_name": name, "version_id": deleted["version_id"]});
        call(front, &server, "restore-version", named.clone()).await;
        assert_eq!(read(front, &server, &name, None).await, "kept");
        for _ in 0..2 {
            assert_eq!(call(front, &server, "delete-version", named.clone()).await, json!({}));
        }
        let refused = front.call(&server, "get-object", named).await.expect_err("gone");
        refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        for (route, version) in [
            ("delete-version", "null"),
            ("delete-version", "1"),
            ("restore-version", "null"),
        ] {
            let named = json!({"object_name": name, "version_id": version});
            let refused = front.call(&server, route, named).await.expect_err("no copy");
            refused.assert(404, Code::NotFound, "VERSION_NOT_FOUND");
        }
        assert_eq!(read(front, &server, &name, None).await, "kept");
    }
}

#[tokio::test]
async fn copy_and_move_keep_what_they_replace() {
    let server = Server::start_with(&KEEPING);
    for front in FRONTS {
        let (name, to) = (front.name("a"), front.name("b"));
        keep(front, &server, &name, b"new").await;
        for route in ["copy-object", "move-object"] {
            keep(front, &server, &to, b"old").await;
            let before = versions(front, &server, &to).await.len();
            let transfer = json!({"object_name": name, "destination_name": to, "overwrite": true});
            let made = call(front, &server, route, transfer).await;
            let copy = Some(&made["replaced_version_id"]);
            assert_eq!(read(front, &server, &to, copy).await, "old", "{route}");
            assert_eq!(versions(front, &server, &to).await.len(), before + 1, "{route}");
        }
        // An update changes attributes alone, and the source of a move is at its destination.
        let update = json!({"object_name": to, "metadata": {"a": "1"}});
        let updated = call(front, &server, "update-object", update).await;
        assert_eq!(updated.get("replaced_version_id"), None);
        let listed = front
            .call(&server, "list-versions", json!({ "object_name": name }))
            .await;
        listed
            .expect_err("moved")
            .assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn copies_are_hidden_and_their_names_are_refused() {
    let server = Server::start_with(&KEEPING);
    for front in FRONTS {
        for bytes in [&b"1"[..], b"2", b"3", b"4"] {
            keep(front, &server, "a", bytes).await;
        }
        let mut names = Vec::new();
        let mut token = Value::Null;
        loop {
            let list = json!({"page_size": 2, "page_token": token, "totals": true});
            let page = call(front, &server, "list-objects", list).await;
            assert_eq!(page["totals"]["objects"], "1");
            names.extend(page["objects"].as_array().cloned().unwrap_or_default());
            match page.get("next_page_token") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        assert_eq!(names.len(), 1, "{names:?}");
        let folders = call(front, &server, "list-objects", json!({"delimiter": "/"})).await;
        assert_eq!(folders.get("folders").unwrap_or(&json!([])), &json!([]));
        let inside = call(front, &server, "list-objects", json!({"prefix": ".replaced/"})).await;
        assert_eq!(inside.get("objects").unwrap_or(&json!([])), &json!([]));
        for route in ["upload-url", "get-object", "delete-object"] {
            let reserved = json!({"object_name": ".replaced/a"});
            let refused = front.call(&server, route, reserved).await.expect_err("reserved");
            assert_eq!(refused.fields, ["object_name"], "{route}");
        }

        let (mut listed, mut token) = (BTreeSet::new(), Value::Null);
        loop {
            let list = json!({"object_name": "a", "page_size": 2, "page_token": token});
            let page = call(front, &server, "list-versions", list).await;
            let versions = page["versions"].as_array().cloned().unwrap_or_default();
            listed.extend(versions.iter().map(|version| version["version_id"].to_string()));
            match page.get("next_page_token") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        assert_eq!(listed.len(), versions(front, &server, "a").await.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_racing_replace_is_lost() {
    let store = Embedded::start().await;
    let server = || crate::iam::server(&store.endpoint(), &store.endpoint(), &KEEPING);
    let (one, other) = (server(), server());
    let front = Front::Rest;
    call(front, &one, "draft-bucket", json!({})).await;
    let mut made = BTreeSet::new();
    for round in 0..6 {
        let sources = ["one", "other"].map(|of| format!("{of}-{round}"));
        for source in &sources {
            draft(&one, source, source.clone().into_bytes().leak()).await;
            call(front, &one, "confirm-upload", json!({ "object_name": source })).await;
        }
        let copy = |source: &str| json!({"object_name": source, "destination_name": "a", "overwrite": true});
        let (first, second) = tokio::join!(
            front.call(&one, "copy-object", copy(&sources[0])),
            front.call(&other, "copy-object", copy(&sources[1])),
        );
        assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
        for (source, copied) in sources.iter().zip([first, second]) {
            match copied {
                Ok(_) => _ = made.insert(source.clone()),
                Err(refused) => assert_eq!(refused.reason, "OBJECT_CHANGED", "{refused:?}"),
            }
        }
    }
    let mut found = BTreeSet::from([read(front, &one, "a", None).await]);
    for version in versions(front, &one, "a").await {
        found.insert(read(front, &one, "a", Some(&version["version_id"])).await);
    }
    assert_eq!(found, made, "what was answered with success is there, or has its copy");
}

/// Two servers race to move or to delete one object. One of their calls is answered with success.
#[tokio::test(flavor = "multi_thread")]
async fn object_is_moved_or_deleted_once() {
    let store = Embedded::start().await;
    let server = || crate::iam::server(&store.endpoint(), &store.endpoint(), &[]);
    let (one, other) = (server(), server());
    let front = Front::Rest;
    call(front, &one, "draft-bucket", json!({})).await;
    for round in 0..12 {
        let name = format!("a-{round}");
        keep(front, &one, &name, b"bytes").await;
        let [to_b, to_c] = ["b", "c"].map(|to| {
            let to = format!("{to}-{round}");
            ("move-object", json!({"object_name": name, "destination_name": to}))
        });
        let delete = ("delete-object", json!({ "object_name": name }));
        let (first, second) = match round % 3 {
            0 => (to_b, to_c),
            1 => (to_b, delete),
            _ => (delete, to_c),
        };
        let (first, second) = tokio::join!(
            front.call(&one, first.0, first.1),
            front.call(&other, second.0, second.1),
        );
        let mut winners = 0;
        for answer in [first, second] {
            match answer {
                Ok(answer) => winners += usize::from(answer.get("deleted") != Some(&json!(false))),
                Err(refused) => assert!(
                    ["OBJECT_CHANGED", "OBJECT_NOT_FOUND"].contains(&refused.reason.as_str()),
                    "{refused:?}"
                ),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_between_copy_and_overwrite_loses_nothing() {
    let store = Embedded::start().await;
    let front = Front::Rest;
    for route in ["confirm-upload", "delete-object"] {
        let calls = FaultProxy::start(&store.endpoint());
        let first = crate::iam::server(&calls.endpoint(), &store.endpoint(), &KEEPING);
        call(front, &first, "draft-bucket", json!({})).await;
        let name = route;
        keep(front, &first, name, b"first").await;
        draft(&first, name, b"second").await;
        let main = "main".parse().expect("a name");
        let (operation, nth) = match route {
            "confirm-upload" => (Operation::CopyObject, 2),
            _ => (Operation::DeleteObject, 1),
        };
        let mut overwrite = calls.pause_at(RequestFilter::of(operation).on(&main), nth, Moment::Before);
        let request = match route {
            "confirm-upload" => json!({"object_name": name, "overwrite": true}),
            _ => json!({ "object_name": name }),
        };
        let killed = async {
            overwrite.arrived().await;
            first.signal("KILL");
        };
        let url = format!("http://{}/api/v1/{route}", first.http);
        let post = reqwest::Client::new().post(url).json(&request);
        let (answer, ()) = tokio::join!(post.send(), killed);
        assert!(answer.is_err(), "{answer:?}");

        let second = crate::iam::server(&store.endpoint(), &store.endpoint(), &KEEPING);
        assert_eq!(read(front, &second, name, None).await, "first");
        assert_eq!(versions(front, &second, name).await.len(), 1, "the copy is there");
        let repeated = call(front, &second, route, request).await;
        let version = repeated.get("replaced_version_id").or(repeated.get("version_id"));
        assert_eq!(read(front, &second, name, version).await, "first");
        drop(overwrite);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_and_no_call_is_added_without_the_setting() {
    let store = Embedded::start().await;
    let calls = FaultProxy::start(&store.endpoint());
    let server = crate::iam::server(&calls.endpoint(), &store.endpoint(), &[]);
    let front = Front::Rest;
    call(front, &server, "draft-bucket", json!({})).await;
    keep(front, &server, "a", b"first").await;
    draft(&server, "a", b"second").await;
    let main = |from: usize| {
        let requests = calls.requests();
        let on_main = requests[from..]
            .iter()
            .filter(|request| request.bucket.as_str() == "main");
        on_main.map(|request| request.operation).collect::<Vec<_>>()
    };
    let before = calls.requests().len();
    let confirm = json!({"object_name": "a", "overwrite": true});
    let replaced = call(front, &server, "confirm-upload", confirm).await;
    assert_eq!(replaced.get("replaced_version_id"), None);
    assert_eq!(
        main(before),
        [Operation::HeadObject, Operation::CopyObject, Operation::HeadObject]
    );
    let before = calls.requests().len();
    let deleted = call(front, &server, "delete-object", json!({"object_name": "a"})).await;
    assert_eq!(deleted["can_be_undone"], false);
    assert_eq!(main(before), [Operation::HeadObject, Operation::DeleteObject]);
    let refused = front
        .call(&server, "list-versions", json!({"object_name": "a"}))
        .await
        .expect_err("none");
    refused.assert(412, Code::FailedPrecondition, "VERSIONS_NOT_ENABLED");
}

#[tokio::test]
async fn real_versions_are_not_copied() {
    let server = Server::start_with(&KEEPING);
    server.keep_versions().await;
    for front in FRONTS {
        let name = front.name("a");
        let first = keep(front, &server, &name, b"first").await;
        let second = keep(front, &server, &name, b"second").await;
        assert_eq!(second["replaced_version_id"], first["version_id"]);
        let deleted = call(front, &server, "delete-object", json!({ "object_name": name })).await;
        assert_eq!(deleted["version_id"], second["version_id"]);
        assert_eq!(versions(front, &server, &name).await.len(), 3);
    }
}
