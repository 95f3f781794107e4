//! Tests of small files, which are uploaded with the form of `params`.

use draftstore_testing::http_client;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use super::{asked, confirm, post_form};
use crate::front::Front;
use crate::server::Server;

/// Returns the query as both versions write it, with `URLSearchParams`.
fn params(pairs: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params("http://x", pairs).expect("a URL");
    format!("params?{}", url.query().expect("a query"))
}

#[tokio::test]
async fn small_file_is_uploaded_with_a_form_and_confirmed() {
    let server = Server::start();
    let path = params(&[
        ("filename", "été 1+1.jpg"),
        ("type", "image/jpeg"),
        ("metadata[name]", "été 1+1.jpg"),
        ("metadata[type]", "image/jpeg"),
        ("metadata[relativePath]", "null"),
        ("metadata[caption]", "a view"),
    ]);
    let answer = asked(&server, Method::GET, &path, None).await;
    assert_eq!(answer["url"], format!("{}/main-draft/", server.store));
    let expires = answer["expires"].as_i64().expect("seconds");
    assert!((3590..=3600).contains(&expires), "{expires}");
    let (status, document) = post_form(&answer, b"hello").await;
    assert_eq!(status, 201, "{document}");

    let key = &answer["fields"]["key"];
    let request = json!({ "object_name": key });
    let seen = Front::Rest
        .call(&server, "inspect-draft", request)
        .await
        .expect("there");
    assert_eq!(
        (&seen["object_name"], &seen["content_type"]),
        (&json!("été 1+1.jpg"), &json!("image/jpeg"))
    );
    let metadata = json!({"name": "%C3%A9t%C3%A9 1+1.jpg", "type": "image/jpeg", "caption": "a view"});
    assert_eq!(seen["metadata"], metadata);

    // Uppy 6.0.1 shows a location that it joins itself, without encoding.
    let location = format!(
        "{}{}",
        answer["url"].as_str().expect("a URL"),
        key.as_str().expect("a key")
    );
    let location = Url::parse(&location).expect("a URL");
    let names: Vec<_> = location.path_segments().expect("a path").collect();
    assert_eq!(names.last(), Some(&"%C3%A9t%C3%A9%201+1.jpg"));
    assert_eq!(
        http_client().get(location).send().await.expect("an answer").status(),
        403,
        "it is not signed"
    );

    assert_eq!(
        confirm(&server, key).await,
        ("été 1+1.jpg".to_owned(), b"hello".to_vec())
    );
}

#[tokio::test]
async fn files_with_the_same_name_are_independent() {
    let server = Server::start();
    let path = params(&[("filename", "a.txt"), ("type", "")]);
    let one = asked(&server, Method::GET, &path, None).await;
    let other = asked(&server, Method::GET, &path, None).await;
    assert_ne!(one["fields"]["key"], other["fields"]["key"]);
    assert_eq!(one["fields"].get("Content-Type"), None);
    assert_eq!(post_form(&one, b"one").await.0, 201);
    assert_eq!(post_form(&other, b"other").await.0, 201);
    assert_eq!(confirm(&server, &other["fields"]["key"]).await.1, b"other");
    assert_eq!(
        one["fields"]["key"].as_str().map(|key| key.ends_with("/a.txt")),
        Some(true)
    );
}

#[tokio::test]
async fn page_may_request_a_smaller_limit() {
    let server = Server::start();
    let path = params(&[("filename", "a.txt"), ("max_content_length", "3")]);
    let answer = asked(&server, Method::GET, &path, None).await;
    assert_eq!(post_form(&answer, b"1234").await.0, 400);
    assert_eq!(post_form(&answer, b"123").await.0, 201);
}

#[tokio::test]
async fn pages_of_allowed_origins_may_upload() {
    let origin = "https://app.example.com";
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", origin)]);
    let preflight = async |url: &str, method: &str| {
        let request = http_client().request(Method::OPTIONS, url);
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", method);
        let request = request.header("access-control-request-headers", "content-type");
        let answer = request.send().await.expect("an answer");
        let header = |name: &str| {
            let value = answer
                .headers()
                .get(name)
                .map(|value| value.to_str().expect("ASCII").to_ascii_uppercase());
            value.unwrap_or_default()
        };
        assert_eq!(
            header("access-control-allow-origin"),
            origin.to_ascii_uppercase(),
            "{method} {url}"
        );
        assert!(
            header("access-control-allow-methods").contains(method),
            "{method} {url}"
        );
        assert!(
            header("access-control-allow-headers").contains("CONTENT-TYPE"),
            "{method} {url}"
        );
        header("access-control-expose-headers")
    };
    for method in ["GET", "POST", "DELETE"] {
        preflight(&format!("http://{}/uppy/s3/multipart/x", server.http), method).await;
    }
    for method in ["GET", "PUT", "POST", "DELETE", "HEAD"] {
        let exposed = preflight(&format!("{}/main-draft/a", server.store), method).await;
        assert!(exposed.contains("ETAG") && exposed.contains("LOCATION"), "{exposed}");
    }
    let answer = http_client().get(format!("http://{}/uppy/s3/params?filename=a", server.http));
    let answer = answer.header("origin", origin).send().await.expect("an answer");
    assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    let params: Value = answer.json().await.expect("JSON");
    assert_eq!(params["method"], "POST");
}
