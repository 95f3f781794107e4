use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, download, upload};
use crate::server::Server;

#[tokio::test]
async fn unique_drafts_with_the_same_name_are_independent() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("file.jpg");
        let mut ids = Vec::new();
        for bytes in ["first", "second"] {
            let request = json!({"object_name": name, "unique": true});
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(issued["headers"], json!({"if-none-match": "*"}));
            assert_eq!(upload(&issued, bytes).await, 200);
            assert_eq!(upload(&issued, "swapped").await, 412, "it is written once");
            ids.push(issued["draft_id"].as_str().expect("an ID").to_owned());
        }
        let named = front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await;
        named
            .expect_err("there is no draft")
            .assert(404, Code::NotFound, "DRAFT_NOT_FOUND");

        for (id, bytes, kept_as) in [
            (&ids[0], "first", name.clone()),
            (&ids[1], "second", front.name("other.jpg")),
        ] {
            let request = json!({"object_name": name, "draft_id": id});
            let seen = front.call(&server, "download-url", request).await.expect("there");
            assert_eq!(seen["stage"], "STAGE_DRAFT");
            assert_eq!(download(&seen).await.text().await.expect("text"), bytes);

            let request = json!({"object_name": name, "draft_id": id, "destination_name": kept_as});
            let first = front
                .call(&server, "confirm-upload", request.clone())
                .await
                .expect("confirmed");
            assert_eq!(first["final_location"], format!("main/{kept_as}"));
            let again = front
                .call(&server, "confirm-upload", request)
                .await
                .expect("confirmed again");
            assert_eq!((&first["etag"], &again["replayed"]), (&again["etag"], &json!(true)));
            let kept = front
                .call(&server, "download-url", json!({ "object_name": kept_as }))
                .await
                .expect("there");
            assert_eq!(download(&kept).await.text().await.expect("text"), bytes);
        }
    }
}

#[tokio::test]
async fn two_confirms_under_one_name_have_one_winner() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("file.jpg");
        let mut confirms = Vec::new();
        for bytes in ["first", "second"] {
            let request = json!({"object_name": name, "unique": true});
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, bytes).await, 200);
            confirms.push(json!({"object_name": name, "draft_id": issued["draft_id"]}));
        }
        let confirm = |request: &Value| front.call(&server, "confirm-upload", request.clone());
        let (one, other) = tokio::join!(confirm(&confirms[0]), confirm(&confirms[1]));
        let lost = if one.is_ok() { other } else { one };
        lost.expect_err("one lost")
            .assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");
    }
}

#[tokio::test]
async fn url_never_outlives_the_draft() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": "a", "unique": true, "draft_lifetime": 60});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert!(
            issued["upload_url"]
                .as_str()
                .expect("a URL")
                .contains("X-Amz-Expires=60&")
        );
        for (request, field) in [
            (
                json!({"object_name": "a", "unique": true, "draft_lifetime": 60, "expires_in": 61}),
                "expires_in",
            ),
            (
                json!({"object_name": "a", "unique": true, "draft_lifetime": 86_401}),
                "draft_lifetime",
            ),
            (json!({"object_name": "a", "draft_lifetime": 60}), "draft_lifetime"),
        ] {
            let failure = front.call(&server, "upload-url", request).await.expect_err("refused");
            assert_eq!(failure.fields, [field]);
        }
        let request = json!({"object_name": "a", "draft_id": "nonsense", "destination_name": "../b"});
        let failure = front
            .call(&server, "confirm-upload", request)
            .await
            .expect_err("refused");
        assert_eq!(failure.fields, ["draft_id", "destination_name"]);
    }
}
