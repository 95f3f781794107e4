use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, HELLO_SHA256, draft, upload, wait_until_deleted};
use crate::server::Server;

#[tokio::test]
async fn inspect_returns_the_fields_that_a_confirm_checks() {
    let server = Server::start();
    for front in FRONTS {
        for unique in [false, true] {
            let request = json!({
                "object_name": front.name("a"),
                "unique": unique,
                "content_type": "text/plain",
                "checksum_sha256": HELLO_SHA256,
                "metadata": {"author": "ada"},
            });
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, "hello").await, 200);
            let name = json!({"object_name": front.name("a"), "draft_id": issued.get("draft_id")});
            let seen = front.call(&server, "inspect-draft", name).await.expect("there");
            assert_eq!(seen.get("draft_id"), issued.get("draft_id"));
            assert_eq!(seen["size"], "5");
            assert_eq!(seen["content_type"], "text/plain");
            assert_eq!(seen["metadata"], json!({"author": "ada"}));
            assert!(seen["expires_at"].as_str().expect("a time").ends_with('Z'));
            let pinned = json!({
                "object_name": front.name("a"),
                "draft_id": issued.get("draft_id"),
                "destination_name": front.name(if unique { "unique" } else { "named" }),
                "if_match": seen["etag"],
                "content_length": seen["size"],
                "checksum_sha256": seen["checksum_sha256"],
            });
            front.call(&server, "confirm-upload", pinned).await.expect("confirmed");
        }
    }
}

#[tokio::test]
async fn inspect_of_an_unknown_draft_is_404_even_with_an_object_in_main() {
    let server = Server::start();
    for front in FRONTS {
        let name = json!({ "object_name": front.name("a") });
        draft(&server, &front.name("a"), b"x").await;
        front
            .call(&server, "confirm-upload", name.clone())
            .await
            .expect("confirmed");
        wait_until_deleted(&server, &front.name("a")).await;
        let failure = front.call(&server, "inspect-draft", name).await.expect_err("gone");
        failure.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
    }
}

#[tokio::test]
async fn unique_draft_waits_for_its_upload_and_is_not_listed() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("waits");
        let call = async |call, request| front.call(&server, call, request).await;
        let issued = call("upload-url", json!({"object_name": name, "unique": true})).await;
        let issued = issued.expect("issued");
        let draft = json!({"object_name": name, "draft_id": issued["draft_id"]});
        let waiting = call("inspect-draft", draft.clone()).await.expect("issued");
        assert_eq!(waiting["state"], "DRAFT_STATE_WAITING", "{waiting}");
        assert_eq!(
            (&waiting["object_name"], &waiting["draft_id"]),
            (&draft["object_name"], &draft["draft_id"])
        );
        let is_listed = async || {
            let listed = call("list-drafts", json!({})).await.expect("listed");
            let drafts = listed["drafts"].as_array().cloned().unwrap_or_default();
            drafts
                .iter()
                .any(|listed: &Value| listed["draft_id"] == draft["draft_id"])
        };
        assert!(!is_listed().await);
        assert_eq!(upload(&issued, "bytes").await, 200);
        let uploaded = call("inspect-draft", draft.clone()).await.expect("there");
        assert_eq!(uploaded["state"], "DRAFT_STATE_UPLOADED", "{uploaded}");
        assert!(is_listed().await);
        call("confirm-upload", draft.clone()).await.expect("confirmed");
        while is_listed().await {}
        let gone = call("inspect-draft", draft).await.expect_err("confirmed");
        gone.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
    }
}
