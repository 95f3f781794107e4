//! Tests of form uploads, whose size the store limits.

use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, HELLO_SHA256, download, upload_form};
use crate::server::Server;

async fn issue(front: Front, server: &Server, request: Value) -> Value {
    front.call(server, "upload-url", request).await.expect("issued")
}

#[tokio::test]
async fn form_enforces_the_maximum_size() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("photos/été 1+1 $5.jpg");
        let request = json!({"object_name": name, "max_content_length": 5});
        let issued = issue(front, &server, request).await;
        assert_eq!(issued["upload_url"], format!("{}/main-draft/", server.store));
        assert_eq!(issued["fields"]["key"], name);
        assert_eq!(upload_form(&issued, b"123456").await, 400);
        let draft = json!({ "object_name": name });
        let nothing = front.call(&server, "inspect-draft", draft.clone()).await;
        assert_eq!(nothing.expect_err("nothing was stored").reason, "DRAFT_NOT_FOUND");
        assert_eq!(upload_form(&issued, b"hello").await, 201);
        let confirmed = front.call(&server, "confirm-upload", draft.clone()).await;
        assert_eq!(confirmed.expect("confirmed")["size"], "5");
        let found = front.call(&server, "download-url", draft).await.expect("there");
        assert_eq!(download(&found).await.text().await.expect("text"), "hello");
    }
}

#[tokio::test]
async fn form_fields_cannot_be_changed() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("constrained");
        let request = json!({
            "object_name": name,
            "content_type": "image/png",
            "max_content_length": "100",
            "checksum_sha256": HELLO_SHA256,
            "metadata": {"author": "Ada L."},
            "unique": true,
        });
        let issued = issue(front, &server, request).await;
        let id = issued["draft_id"].as_str().expect("an ID");
        let key = issued["fields"]["key"].as_str().expect("a key");
        assert!(key.ends_with(&format!("/{id}/{name}")), "{key}");
        for (field, value) in [
            ("key", json!(name)),
            ("Content-Type", json!("text/html")),
            ("x-amz-meta-author", json!("somebody else")),
            ("x-amz-meta-more", json!("1")),
            ("x-amz-signature", json!("0".repeat(64))),
        ] {
            let mut tampered = issued.clone();
            tampered["fields"][field] = value;
            assert_eq!(upload_form(&tampered, b"hello").await, 403, "{field}");
        }
        assert_eq!(upload_form(&issued, b"jello").await, 400, "other bytes");
        assert_eq!(upload_form(&issued, b"hello").await, 201);
        let request = json!({"object_name": name, "draft_id": id});
        let seen = front.call(&server, "inspect-draft", request).await.expect("there");
        assert_eq!(
            (&seen["content_type"], &seen["checksum_sha256"], &seen["metadata"]),
            (&json!("image/png"), &json!(HELLO_SHA256), &json!({"author": "Ada L."}))
        );
    }
}

#[tokio::test]
async fn form_of_a_unique_draft_can_be_sent_twice_and_is_confirmed_with_its_etag() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("again");
        let request = json!({"object_name": name, "unique": true, "max_content_length": 10});
        let issued = issue(front, &server, request).await;
        assert_eq!(upload_form(&issued, b"first").await, 201);
        let mut draft = json!({"object_name": name, "draft_id": issued["draft_id"]});
        let seen = front
            .call(&server, "inspect-draft", draft.clone())
            .await
            .expect("there");
        assert_eq!(upload_form(&issued, b"second").await, 201);
        draft["if_match"] = seen["etag"].clone();
        let failure = front
            .call(&server, "confirm-upload", draft)
            .await
            .expect_err("another version");
        failure.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
    }
}

#[tokio::test]
async fn invalid_sizes_and_names_name_the_field() {
    let server = Server::start();
    for front in FRONTS {
        for (request, field) in [
            (
                json!({"object_name": "a", "max_content_length": -1}),
                "max_content_length",
            ),
            (
                json!({"object_name": "a", "max_content_length": 5, "content_length": 5}),
                "max_content_length",
            ),
            (
                json!({"object_name": "a/${filename}", "max_content_length": 5}),
                "object_name",
            ),
        ] {
            let failure = front.call(&server, "upload-url", request).await.expect_err("refused");
            failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(failure.fields, [field]);
        }
        let request = json!({"object_name": "a", "max_content_length": "5368709121"});
        let failure = front.call(&server, "upload-url", request).await.expect_err("refused");
        failure.assert(413, Code::InvalidArgument, "TOO_LARGE");
        assert_eq!(failure.fields, ["max_content_length"]);
        let request = json!({"object_name": "a", "max_content_length": "5368709120"});
        assert_eq!(issue(front, &server, request).await["method"], "POST");
    }
}
