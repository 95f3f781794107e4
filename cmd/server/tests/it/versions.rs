//! The calls on versions: list, restore and delete them, and read them by their IDs.

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
            ("get-object", &json!({"object_name": name, "version_id": "x"})),
        ] {
            let refused = front.call(&server, route, request.clone()).await.expect_err(route);
            refused.assert(412, Code::FailedPrecondition, "VERSIONS_NOT_ENABLED");
        }
        assert_eq!(read(front, &server, &name, None).await, "kept");
    }
}
