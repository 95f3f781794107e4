use draftstore_testing::Embedded;
use draftstore_testing::http_client;
use serde_json::json;

use crate::front::FRONTS;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn buckets_are_created_once() {
    for front in FRONTS {
        let store = Embedded::start().await;
        let endpoint = store.endpoint();
        let server = Server::start_with(&[
            ("S3_ENDPOINT", &endpoint.url),
            ("AWS_ACCESS_KEY_ID", &endpoint.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key),
            ("BUCKET_NAME", "files"),
            ("CORS_ALLOWED_ORIGINS", "https://app.example.com"),
        ]);
        let missing = front.call(&server, "confirm-upload", json!({"object_name": "a"})).await;
        assert_eq!(missing.expect_err("no bucket").reason, "DRAFT_NOT_FOUND");

        let first = front.call(&server, "draft-bucket", json!({})).await.expect("made");
        assert_eq!(first["draft_bucket"], "files-draft");
        assert_eq!(first["main_bucket"], "files");
        assert_eq!(first["created"], json!(["files-draft", "files"]));
        assert_eq!(first["cors_applied"], true);
        let second = front.call(&server, "draft-bucket", json!({})).await.expect("there");
        assert_eq!(second["created"], json!([]));
    }
}

#[tokio::test]
async fn listed_origin_may_upload_from_a_page() {
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", "https://app.example.com")]);
    let request = json!({"object_name": "a", "content_type": "image/png"});
    let issued = FRONTS[0].call(&server, "upload-url", request).await.expect("issued");
    let rest = format!("http://{}/api/v1/upload-url", server.http);
    for url in [issued["upload_url"].as_str().expect("a URL"), &rest] {
        for (origin, allowed) in [("https://app.example.com", true), ("https://evil.example.com", false)] {
            let method = if url == rest { "POST" } else { "PUT" };
            let preflight = http_client()
                .request(reqwest::Method::OPTIONS, url)
                .header("origin", origin)
                .header("access-control-request-method", method)
                .header("access-control-request-headers", "content-type")
                .send()
                .await
                .expect("an answer");
            let granted = preflight.headers().get("access-control-allow-origin");
            let granted = granted.is_some_and(|value| value == origin || value == "*");
            assert_eq!(granted, allowed, "{method} from {origin}: {preflight:?}");
        }
    }
}
