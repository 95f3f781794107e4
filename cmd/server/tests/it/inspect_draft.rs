use serde_json::json;
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
