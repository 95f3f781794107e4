use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, HELLO_SHA256, draft, upload};
use crate::server::Server;

#[tokio::test]
async fn get_object_tells_everything_about_a_confirmed_object() {
    let server = Server::start();
    for front in FRONTS {
        for unique in [false, true] {
            let name = front.name(if unique { "unique" } else { "named" });
            let request = json!({
                "object_name": front.name("a"),
                "unique": unique,
                "content_type": "text/plain",
                "checksum_sha256": HELLO_SHA256,
                "metadata": {"author": "ada"},
                "cache_control": "max-age=60",
                "content_disposition": "attachment",
                "content_encoding": "gzip",
                "content_language": "de-CH",
                "expires": "Thu, 31 Dec 2026 23:59:59 GMT",
            });
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, "hello").await, 200);
            let draft = json!({"object_name": front.name("a"), "draft_id": issued.get("draft_id")});
            let draft = front.call(&server, "inspect-draft", draft).await.expect("a draft");
            let confirm = json!({
                "object_name": front.name("a"), "draft_id": issued.get("draft_id"), "destination_name": name,
            });
            let confirmed = front.call(&server, "confirm-upload", confirm).await.expect("confirmed");

            let described = json!({ "object_name": name });
            let mut described = front.call(&server, "get-object", described).await.expect("there");
            let confirmed_at = described["confirmed_at"].take();
            assert!(confirmed_at.as_str().expect("a time").ends_with('Z'));
            let mut expected = json!({
                "object_name": name,
                "etag": confirmed["etag"],
                "size": "5",
                "content_type": "text/plain",
                "checksums": {"sha256": HELLO_SHA256},
                "cache_control": "max-age=60",
                "content_disposition": "attachment",
                "content_encoding": "gzip",
                "content_language": "de-CH",
                "expires": "Thu, 31 Dec 2026 23:59:59 GMT",
                "metadata": {"author": "ada"},
                "tags": {},
                "legal_hold": false,
                "confirmed_at": null,
                "draft_etag": draft["etag"],
            });
            if unique {
                expected["draft_id"] = issued["draft_id"].clone();
            }
            assert_eq!(described, expected);
        }
    }
}

#[tokio::test]
async fn get_object_of_a_draft_alone_is_404() {
    let server = Server::start();
    for front in FRONTS {
        let name = json!({ "object_name": front.name("a") });
        draft(&server, &front.name("a"), b"x").await;
        let failure = front.call(&server, "get-object", name).await.expect_err("no object");
        failure.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        let key = json!({"object_name": ".drafts/00/x"});
        let failure = front.call(&server, "get-object", key).await.expect_err("no name");
        failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(failure.fields, ["object_name"]);
    }
}

/// The metadata of an object is public. It does not show which draft was confirmed.
#[tokio::test]
async fn origin_of_an_object_is_sealed_in_its_metadata() {
    let server = Server::start();
    let front = FRONTS[0];
    let request = json!({"object_name": "a", "unique": true});
    let issued = front.call(&server, "upload-url", request).await.expect("issued");
    assert_eq!(upload(&issued, "hello").await, 200);
    let draft = json!({"object_name": "a", "draft_id": issued["draft_id"]});
    front.call(&server, "confirm-upload", draft).await.expect("confirmed");
    let read = json!({"object_name": "a"});
    let read = front.call(&server, "download-url", read).await.expect("issued");
    let answer = crate::front::download(&read).await;
    let origin = answer.headers()["x-amz-meta-draftstore-origin"]
        .to_str()
        .expect("ASCII");
    let Value::String(id) = &issued["draft_id"] else {
        panic!("no ID");
    };
    assert!(!origin.contains(id.as_str()) && origin.len() < 100, "{origin}");
}
