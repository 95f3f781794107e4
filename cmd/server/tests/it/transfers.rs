//! The calls that update, copy and move confirmed objects.

use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, download, draft, upload};
use crate::server::Server;

async fn call(front: Front, server: &Server, route: &str, request: Value) -> Value {
    let answer = front.call(server, route, request).await;
    answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
}

/// Confirms these bytes under the name, in place of what is there, and returns the response.
async fn keep(front: Front, server: &Server, name: &str, bytes: &'static [u8]) -> Value {
    draft(server, name, bytes).await;
    let confirm = json!({"object_name": name, "overwrite": true});
    call(front, server, "confirm-upload", confirm).await
}

async fn get(front: Front, server: &Server, name: &str) -> Value {
    call(front, server, "get-object", json!({ "object_name": name })).await
}

/// Returns the bytes of an object, or `None` if there is none.
async fn read(front: Front, server: &Server, name: &str) -> Option<String> {
    let request = json!({"object_name": name, "stage": "STAGE_MAIN"});
    match front.call(server, "download-url", request).await {
        Ok(issued) => Some(download(&issued).await.text().await.expect("text")),
        Err(refused) => {
            refused.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
            None
        }
    }
}

#[tokio::test]
async fn update_changes_what_it_names_and_keeps_the_rest() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({
            "object_name": name,
            "unique": true,
            "content_type": "text/plain",
            "metadata": {"author": "ada", "draft": "yes"},
            "cache_control": "max-age=60",
            "content_language": "de",
            "storage_options": {"tags": {"project": "apollo", "old": "1"}, "storage_class": "STANDARD_IA"},
        });
        let issued = call(front, &server, "upload-url", request).await;
        assert_eq!(upload(&issued, "hello").await, 200);
        let confirm = json!({"object_name": name, "draft_id": issued["draft_id"]});
        call(front, &server, "confirm-upload", confirm.clone()).await;
        let before = get(front, &server, &name).await;

        let update = json!({
            "object_name": name,
            "if_match": before["etag"],
            "metadata": {"author": "grace", "year": "1906"},
            "cache_control": "no-store",
            "storage_options": {"tags": {"project": "gemini"}},
            "remove": ["metadata.draft", "content_language"],
        });
        let updated = call(front, &server, "update-object", update.clone()).await;
        assert_eq!(
            (&updated["object_name"], &updated["replayed"]),
            (&json!(name), &json!(false))
        );
        let mut expected = before.clone();
        expected["metadata"] = json!({"author": "grace", "year": "1906"});
        expected["cache_control"] = json!("no-store");
        expected["tags"] = json!({"project": "gemini"});
        expected.as_object_mut().expect("fields").remove("content_language");
        assert_eq!(
            get(front, &server, &name).await,
            expected,
            "also its origin and its class"
        );
        assert_eq!(read(front, &server, &name).await.as_deref(), Some("hello"));

        // A repeat changes nothing, and neither does a repeat of the confirm.
        assert_eq!(
            call(front, &server, "update-object", update.clone()).await["replayed"],
            true
        );
        assert_eq!(call(front, &server, "confirm-upload", confirm).await["replayed"], true);
        assert_eq!(get(front, &server, &name).await, expected);

        let no_tags = json!({"object_name": name, "remove": ["tags"], "content_type": "text/csv"});
        call(front, &server, "update-object", no_tags).await;
        let now = get(front, &server, &name).await;
        assert_eq!((&now["tags"], &now["content_type"]), (&json!({}), &json!("text/csv")));
        assert_eq!(now["metadata"], expected["metadata"]);

        keep(front, &server, &name, b"another").await;
        let refused = front
            .call(&server, "update-object", update)
            .await
            .expect_err("another version");
        refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(refused.fields, ["if_match"]);
    }
}

#[tokio::test]
async fn update_that_breaks_a_rule_names_its_field() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        for (field, update) in [
            (
                "metadata.draftstore-draft",
                json!({"metadata": {"draftstore-draft": "x"}}),
            ),
            ("content_type", json!({"content_type": "text"})),
            ("cache_control", json!({"cache_control": "max-age=60 x"})),
            ("remove[1]", json!({"remove": ["tags", "size"]})),
            ("remove[0]", json!({"remove": ["metadata.draftstore-origin"]})),
            (
                "storage_options.storage_class",
                json!({"storage_options": {"storage_class": "x"}}),
            ),
            (
                "remove[1]",
                json!({"metadata": {"a": "1"}, "remove": ["metadata.b", "metadata.a"]}),
            ),
            (
                "remove[0]",
                json!({"expires": "Thu, 31 Dec 2026 23:59:59 GMT", "remove": ["expires"]}),
            ),
            (
                "remove[0]",
                json!({"storage_options": {"tags": {"a": "1"}}, "remove": ["tags"]}),
            ),
            ("remove[0]", json!({"remove": ["legal_hold"]})),
        ] {
            let mut request = update;
            request["object_name"] = json!(name);
            let refused = front
                .call(&server, "update-object", request)
                .await
                .expect_err("invalid");
            refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(refused.fields, [field]);
        }
        let absent = json!({"object_name": name, "metadata": {"a": "1"}});
        let refused = front.call(&server, "update-object", absent).await.expect_err("none");
        refused.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn copy_has_the_bytes_the_attributes_and_the_origin_of_the_object() {
    let server = Server::start();
    for front in FRONTS {
        let (name, copy) = (front.name("a"), front.name("copy +%20 é"));
        let request = json!({
            "object_name": name, "content_type": "text/plain", "metadata": {"author": "ada"},
            "storage_options": {"tags": {"project": "apollo"}, "storage_class": "STANDARD_IA"},
        });
        let issued = call(front, &server, "upload-url", request).await;
        assert_eq!(upload(&issued, "hello").await, 200);
        call(front, &server, "confirm-upload", json!({ "object_name": name })).await;
        let before = get(front, &server, &name).await;

        let request = json!({"object_name": name, "destination_name": copy});
        let made = call(front, &server, "copy-object", request.clone()).await;
        assert_eq!((&made["object_name"], &made["replayed"]), (&json!(copy), &json!(false)));
        let mut expected = before.clone();
        expected["object_name"] = json!(copy);
        assert_eq!(get(front, &server, &copy).await, expected);
        assert_eq!(get(front, &server, &name).await, before);
        assert_eq!(read(front, &server, &copy).await.as_deref(), Some("hello"));
        assert_eq!(
            call(front, &server, "copy-object", request.clone()).await["replayed"],
            true
        );

        // Another object, with and without the right to replace the copy.
        keep(front, &server, &name, b"second").await;
        let refused = front
            .call(&server, "copy-object", request.clone())
            .await
            .expect_err("taken");
        refused.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");
        let mut over = request.clone();
        over["overwrite"] = json!(true);
        over["overwrite_if_match"] = json!("00000000000000000000000000000000");
        let refused = front
            .call(&server, "copy-object", over.clone())
            .await
            .expect_err("another");
        assert_eq!(refused.fields, ["overwrite_if_match"]);
        over["overwrite_if_match"] = made["etag"].clone();
        over["storage_options"] = json!({"tags": {"copy": "2"}});
        call(front, &server, "copy-object", over).await;
        assert_eq!(read(front, &server, &copy).await.as_deref(), Some("second"));
        assert_eq!(get(front, &server, &copy).await["tags"], json!({"copy": "2"}));

        let onto_itself = json!({"object_name": name, "destination_name": name});
        let refused = front
            .call(&server, "copy-object", onto_itself)
            .await
            .expect_err("invalid");
        assert_eq!(refused.fields, ["destination_name"]);
    }
}

#[tokio::test]
async fn move_leaves_the_object_under_its_new_name_alone() {
    let server = Server::start();
    for front in FRONTS {
        let (name, to) = (front.name("a"), front.name("b"));
        keep(front, &server, &name, b"hello").await;
        let before = get(front, &server, &name).await;
        let request = json!({"object_name": name, "destination_name": to, "if_match": before["etag"]});
        let moved = call(front, &server, "move-object", request.clone()).await;
        assert_eq!((&moved["object_name"], &moved["size"]), (&json!(to), &json!("5")));
        assert_eq!(read(front, &server, &name).await, None);
        assert_eq!(read(front, &server, &to).await.as_deref(), Some("hello"));
        assert_eq!(get(front, &server, &to).await["confirmed_at"], before["confirmed_at"]);
        assert_eq!(
            call(front, &server, "move-object", request.clone()).await["replayed"],
            true
        );

        // The name is free again, and what comes there is not moved by a repeat.
        keep(front, &server, &name, b"other").await;
        let refused = front
            .call(&server, "move-object", request)
            .await
            .expect_err("another version");
        refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(read(front, &server, &name).await.as_deref(), Some("other"));
        assert_eq!(read(front, &server, &to).await.as_deref(), Some("hello"));

        let absent = json!({"object_name": front.name("none"), "destination_name": front.name("c")});
        let refused = front.call(&server, "move-object", absent).await.expect_err("none");
        refused.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn archived_objects_are_not_copied() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"hello").await;
        let confirm = json!({"object_name": name, "storage_options": {"storage_class": "GLACIER"}});
        call(front, &server, "confirm-upload", confirm).await;
        let to = front.name("b");
        for (route, request) in [
            ("update-object", json!({"object_name": name, "metadata": {"a": "b"}})),
            ("copy-object", json!({"object_name": name, "destination_name": to})),
            ("move-object", json!({"object_name": name, "destination_name": to})),
        ] {
            let refused = front.call(&server, route, request).await.expect_err("archived");
            refused.assert(409, Code::FailedPrecondition, "OBJECT_ARCHIVED");
        }
    }
}

#[tokio::test]
async fn idempotency_key_answers_a_repeat_after_the_source_has_changed() {
    let server = Server::start();
    for front in FRONTS {
        let (name, to) = (front.name("a"), front.name("b"));
        keep(front, &server, &name, b"hello").await;
        let request = json!({"object_name": name, "destination_name": to, "idempotency_key": "order-1"});
        let first = call(front, &server, "copy-object", request.clone()).await;
        keep(front, &server, &name, b"second").await;
        let again = call(front, &server, "copy-object", request).await;
        assert_eq!((&again["replayed"], &again["etag"]), (&json!(true), &first["etag"]));
        assert_eq!(read(front, &server, &to).await.as_deref(), Some("hello"));
    }
}

#[tokio::test]
async fn idempotency_key_of_another_request_is_refused() {
    let server = Server::start();
    for front in FRONTS {
        let [a, b, to] = ["a", "b", "to"].map(|name| front.name(name));
        keep(front, &server, &a, b"first").await;
        keep(front, &server, &b, b"second").await;
        let request = |from: &str, overwrite: bool| json!({"object_name": from, "destination_name": to, "overwrite": overwrite, "idempotency_key": "order-1"});
        call(front, &server, "copy-object", request(&a, false)).await;
        let mut tagged = request(&a, true);
        tagged["storage_options"] = json!({"tags": {"a": "1"}});
        draft(&server, &to, b"third").await;
        let confirm = json!({"object_name": to, "overwrite": true, "idempotency_key": "order-1"});
        for (route, request) in [
            ("copy-object", request(&b, true)),
            ("copy-object", request(&b, false)),
            ("copy-object", tagged),
            ("move-object", request(&a, true)),
            ("move-object", request(&b, true)),
            ("move-object", request(&front.name("none"), true)),
            ("confirm-upload", confirm),
        ] {
            let refused = front.call(&server, route, request).await.expect_err("another request");
            refused.assert(422, Code::FailedPrecondition, "IDEMPOTENCY_KEY_REUSED");
            assert_eq!(refused.fields, ["idempotency_key"]);
        }
        assert_eq!(read(front, &server, &to).await.as_deref(), Some("first"));
        assert_eq!(read(front, &server, &b).await.as_deref(), Some("second"));
        let again = call(front, &server, "copy-object", request(&a, false)).await;
        assert_eq!(again["replayed"], true);

        // The key of a confirm is that of another request, too.
        let confirmed = front.name("confirmed");
        draft(&server, &confirmed, b"fourth").await;
        let confirm = json!({"object_name": confirmed, "idempotency_key": "order-2"});
        call(front, &server, "confirm-upload", confirm).await;
        let over = json!({
            "object_name": a, "destination_name": confirmed, "overwrite": true, "idempotency_key": "order-2",
        });
        let refused = front
            .call(&server, "copy-object", over)
            .await
            .expect_err("another request");
        refused.assert(422, Code::FailedPrecondition, "IDEMPOTENCY_KEY_REUSED");
    }
}

#[tokio::test]
async fn move_over_the_same_bytes_says_that_a_move_may_have_them() {
    let server = Server::start();
    for front in FRONTS {
        let (name, to) = (front.name("a"), front.name("b"));
        keep(front, &server, &name, b"same").await;
        keep(front, &server, &to, b"same").await;
        let request = json!({"object_name": name, "destination_name": to, "overwrite": true});
        let refused = front.call(&server, "move-object", request).await.expect_err("recent");
        refused.assert(409, Code::Aborted, "OBJECT_BUSY");
        for name in [&name, &to] {
            assert_eq!(read(front, &server, name).await.as_deref(), Some("same"));
        }
    }
}

#[tokio::test]
async fn updates_and_moves_lose_no_version() {
    let server = Server::start();
    server.lock_objects().await;
    for front in FRONTS {
        let (name, to) = (front.name("a"), front.name("b"));
        keep(front, &server, &to, b"replaced").await;
        let kept = keep(front, &server, &name, b"hello").await;
        let hold = json!({"object_name": name, "storage_options": {"legal_hold": true}});
        let updated = call(front, &server, "update-object", hold).await;
        assert_eq!(updated["replaced_version_id"], kept["version_id"]);
        let copy = json!({"object_name": name, "destination_name": front.name("copy")});
        call(front, &server, "copy-object", copy).await;
        assert_eq!(get(front, &server, &front.name("copy")).await["legal_hold"], false);

        let request = json!({"object_name": name, "destination_name": to, "overwrite": true});
        let moved = call(front, &server, "move-object", request).await;
        assert_eq!(get(front, &server, &to).await["legal_hold"], true);
        let restore = json!({"object_name": to, "version_id": moved["replaced_version_id"]});
        call(front, &server, "restore-version", restore).await;
        assert_eq!(read(front, &server, &to).await.as_deref(), Some("replaced"));
        call(front, &server, "restore-version", json!({ "object_name": name })).await;
        assert_eq!(read(front, &server, &name).await.as_deref(), Some("hello"));
    }
}
