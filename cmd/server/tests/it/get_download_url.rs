use serde_json::json;
use tonic::Code;

use crate::front::{FRONTS, Front, download, draft, upload};
use crate::server::Server;

#[tokio::test]
async fn download_prefers_the_draft_unless_a_stage_is_set() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"first").await;
        front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await
            .expect("confirmed");
        draft(&server, &name, b"second").await;
        for (stage, found, bytes) in [
            ("STAGE_UNSPECIFIED", "STAGE_DRAFT", "second"),
            ("STAGE_DRAFT", "STAGE_DRAFT", "second"),
            ("STAGE_MAIN", "STAGE_MAIN", "first"),
        ] {
            let request = json!({"object_name": name, "stage": stage});
            let issued = front.call(&server, "download-url", request).await.expect("issued");
            assert_eq!(issued["stage"], found);
            assert_eq!(issued["size"], bytes.len().to_string());
            assert_eq!(download(&issued).await.text().await.expect("text"), bytes);
        }
    }
}

#[tokio::test]
async fn download_of_an_unknown_object_is_404() {
    let server = Server::start();
    for front in FRONTS {
        let failure = front
            .call(&server, "download-url", json!({"object_name": "none"}))
            .await
            .expect_err("none");
        failure.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
    }
}

#[tokio::test]
async fn unchecked_url_needs_no_request_to_the_store() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": "none", "stage": "STAGE_MAIN", "unchecked": true});
        let issued = front.call(&server, "download-url", request).await.expect("issued");
        assert_eq!(issued.get("etag"), None);
        assert_eq!(download(&issued).await.status(), 404);

        let no_stage = json!({"object_name": "none", "unchecked": true});
        let failure = front
            .call(&server, "download-url", no_stage)
            .await
            .expect_err("refused");
        assert_eq!(failure.fields, ["unchecked"]);
    }
}

#[tokio::test]
async fn scripts_are_saved_unless_inline_is_requested() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("evil.svg");
        let request = json!({"object_name": name, "content_type": "image/svg+xml"});
        let issued = Front::Rest.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload(&issued, "<svg/>").await, 200);
        for (disposition, filename, expected) in [
            ("DISPOSITION_UNSPECIFIED", None, "attachment"),
            ("DISPOSITION_INLINE", None, "inline"),
            (
                "DISPOSITION_UNSPECIFIED",
                Some("é.svg"),
                "attachment; filename=\"_.svg\"; filename*=UTF-8''%C3%A9.svg",
            ),
        ] {
            let request = json!({"object_name": name, "disposition": disposition, "filename": filename});
            let issued = front.call(&server, "download-url", request).await.expect("issued");
            assert_eq!(download(&issued).await.headers()["content-disposition"], expected);
        }
    }
}
