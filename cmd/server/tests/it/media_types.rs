//! Tests that a media type is parsed as a whole wherever one is taken, and response as it was parsed.

use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::front::{FRONTS, Front, download, draft, put};
use crate::server::Server;

/// Texts that some readers take for an image, and others for HTML or for nothing.
const NO_MEDIA_TYPES: [&str; 16] = [
    "image/png;,text/html",
    "image/png, text/html",
    "image/png; x=y, text/html",
    "image/png; x=\"y, text/html\"",
    "text/plain;,text/html",
    "image/png;",
    "image/png;;a=b",
    "image/png; a",
    "image/png; a=",
    "image/png; a=b; a=c",
    "image/png; a=\"b",
    "image/png text/html",
    "image/*",
    "image",
    " image/png",
    "image/png\r\nx: y",
];

async fn uppy(server: &Server, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = Client::new().request(method, format!("http://{}/uppy/s3/{path}", server.http));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let response = request.send().await.expect("a response");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types_are_parsed_wherever_they_are_given() {
    let server = Server::start();
    for bad in NO_MEDIA_TYPES {
        for front in FRONTS {
            for route in ["upload-url", "multipart/create"] {
                let request = json!({"object_name": front.name("a"), "content_type": bad});
                let refused = front.call(&server, route, request).await.expect_err(bad);
                assert_eq!(refused.fields, ["content_type"], "{route}: {bad:?}");
            }
            let batch = json!({"uploads": [{"object_name": front.name("a"), "content_type": bad}]});
            let outcome = front.call(&server, "upload-urls", batch).await.expect("answered");
            let outcome = &outcome["outcomes"][0]["error"]["errors"][0];
            assert_eq!(outcome["field"], "content_type", "{bad:?}");
            if bad != "image/*" {
                let refused = front.call(&server, "tickets", json!({ "content_types": [bad] })).await;
                assert_eq!(refused.expect_err(bad).fields, ["content_types[0]"], "{bad:?}");
            }
        }
        let query = reqwest::Url::parse_with_params("http://x", [("filename", "a"), ("type", bad)]);
        let path = format!("params?{}", query.expect("a URL").query().expect("a query"));
        let (status, refused) = uppy(&server, Method::GET, &path, None).await;
        assert_eq!((status, &refused["error"]), (400, &json!("INVALID_REQUEST")), "{bad:?}");
        for (path, body) in [
            ("multipart", json!({"filename": "a", "type": bad})),
            ("sign", json!({"method": "PUT", "key": "a", "contentType": bad})),
        ] {
            let (status, refused) = uppy(&server, Method::POST, path, Some(body)).await;
            assert_eq!(
                (status, &refused["error"]),
                (400, &json!("INVALID_REQUEST")),
                "{path}: {bad:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_types_are_signed_in_canonical_form() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": front.name("a"), "content_type": "Text/Plain;Charset=\"utf-8\""});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(issued["headers"], json!({"content-type": "text/plain; charset=utf-8"}));
        assert_eq!(put(&issued, "bytes").await.status(), 200);
    }
}

/// Uploads a draft by a URL that does not say the type.
async fn upload_as(issued: &Value, content_type: &str, bytes: &'static str) {
    let mut typed = issued.clone();
    typed["headers"]["content-type"] = json!(content_type);
    assert_eq!(put(&typed, bytes).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploaded_media_types_are_parsed_at_every_reader() {
    let server = Server::start();
    for (place, (uploaded, parsed, disposition)) in [
        ("image/png;,text/html", "application/octet-stream", "inline"),
        ("text/plain;,text/html", "application/octet-stream", "inline"),
        ("image/png, text/html", "application/octet-stream", "inline"),
        ("Image/PNG;A=b", "image/png; a=b", "inline"),
        ("text/html", "text/html", "attachment"),
    ]
    .into_iter()
    .enumerate()
    {
        for front in FRONTS {
            let name = front.name(&place.to_string());
            let request = json!({ "object_name": name });
            let issued = front
                .call(&server, "upload-url", request.clone())
                .await
                .expect("issued");
            upload_as(&issued, uploaded, "<script>").await;
            let call = async |route| front.call(&server, route, request.clone()).await.expect("a response");
            let seen = call("inspect-draft").await;
            assert_eq!(seen["content_type"], parsed);
            let dropped = (parsed == "application/octet-stream").then(|| json!(uploaded));
            assert_eq!(seen["dropped"].get("content_type"), dropped.as_ref());
            for stage in ["draft", "main"] {
                if stage == "main" {
                    assert_eq!(call("confirm-upload").await["content_type"], parsed);
                }
                let issued = call("download-url").await;
                assert_eq!(issued["content_type"], parsed, "{stage}");
                let response = download(&issued).await;
                assert_eq!(response.headers()["content-type"], parsed, "{stage}");
                assert_eq!(response.headers()["content-disposition"], disposition, "{stage}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn download_serves_the_type_that_was_there_when_it_was_issued() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({ "object_name": front.name("a.png") });
        let issued = front
            .call(&server, "upload-url", request.clone())
            .await
            .expect("issued");
        upload_as(&issued, "image/png", "png").await;
        let url = front.call(&server, "download-url", request).await.expect("issued");
        upload_as(&issued, "text/html", "<script>").await;
        let response = download(&url).await;
        assert_eq!(response.headers()["content-type"], "image/png");
        assert_eq!(response.headers()["content-disposition"], "inline");
        assert_eq!(response.text().await.expect("text"), "<script>");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unchecked_download_has_no_type_of_the_uploader() {
    let server = Server::start();
    draft(&server, "a", b"<script>").await;
    for disposition in ["DISPOSITION_UNSPECIFIED", "DISPOSITION_INLINE"] {
        let request = json!({
            "object_name": "a", "stage": "STAGE_DRAFT", "unchecked": true, "disposition": disposition,
        });
        let issued = Front::Rest
            .call(&server, "download-url", request)
            .await
            .expect("issued");
        let response = download(&issued).await;
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
    }
}
