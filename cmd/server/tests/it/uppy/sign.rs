//! Tests of `signRequest` of Uppy 6: the page chooses the key, and speaks S3 itself.

use draftstore_testing::http_client;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{asked, confirm, refused};
use crate::server::Server;

/// Signs a request and sends it. The content type is not signed.
async fn send(server: &Server, request: Value, content_type: &str, body: &str) -> Response {
    let method: Method = request["method"].as_str().expect("a method").parse().expect("a method");
    let signed = asked(server, Method::POST, "sign", Some(request)).await;
    let url = signed["url"].as_str().expect("a URL");
    assert!(
        url.contains("X-Amz-SignedHeaders=host&") || url.ends_with("X-Amz-SignedHeaders=host"),
        "{url}"
    );
    let send = http_client()
        .request(method, url)
        .header("content-type", content_type)
        .body(body.to_owned());
    send.send().await.expect("an answer")
}

fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).expect("the element");
    rest.split('<').next().expect("a text")
}

#[tokio::test]
async fn small_file_is_uploaded_to_the_key_of_the_page() {
    let server = Server::start();
    let key = "0b2d4c1e-été 1+1.jpg";
    let request = json!({"method": "PUT", "key": key, "contentType": "image/jpeg"});
    assert_eq!(send(&server, request, "image/jpeg", "hello").await.status(), 200);
    assert_eq!(confirm(&server, &json!(key)).await, (key.to_owned(), b"hello".to_vec()));
}

#[tokio::test]
async fn large_file_is_uploaded_with_signed_requests() {
    let server = Server::start();
    let key = "films/été 1+1.mp4";
    let create = json!({"method": "POST", "key": key});
    let answer = send(&server, create.clone(), "video/mp4", "").await;
    assert_eq!(answer.status(), 200);
    let created = answer.text().await.expect("text");
    let id = element(&created, "UploadId");

    let put = json!({"method": "PUT", "key": key, "uploadId": id, "partNumber": 1});
    let answer = send(&server, put, "", "hello").await;
    assert_eq!(answer.status(), 200);
    let etag = answer.headers()["etag"].to_str().expect("ASCII").to_owned();

    let list = json!({"method": "GET", "key": key, "uploadId": id});
    let listed = send(&server, list, "", "").await.text().await.expect("text");
    assert_eq!(element(&listed, "PartNumber"), "1");

    let complete = json!({"method": "POST", "key": key, "uploadId": id});
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    let answer = send(&server, complete, "application/xml", &body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(element(&answer.text().await.expect("text"), "Key"), key);
    assert_eq!(confirm(&server, &json!(key)).await, (key.to_owned(), b"hello".to_vec()));

    let created = send(&server, create, "video/mp4", "").await.text().await.expect("text");
    let id = element(&created, "UploadId");
    let abort = json!({"method": "DELETE", "key": key, "uploadId": id});
    assert_eq!(send(&server, abort, "", "").await.status(), 204);
    let list = json!({"method": "GET", "key": key, "uploadId": id});
    assert_eq!(send(&server, list, "", "").await.status(), 404);
}

#[tokio::test]
async fn nothing_else_is_signed() {
    let server = Server::start();
    for (request, field) in [
        (json!({"method": "PUT", "key": ".drafts/00/x/a"}), "key"),
        (json!({"method": "PUT", "key": "../a"}), "key"),
        (json!({"method": "PUT", "key": ""}), "key"),
        (json!({"method": "GET", "key": "a"}), "method"),
        (json!({"method": "DELETE", "key": "a"}), "method"),
        (json!({"method": "PUT", "key": "a", "uploadId": "x"}), "method"),
        (json!({"method": "PUT", "key": "a", "partNumber": 1}), "method"),
        (
            json!({"method": "GET", "key": "a", "uploadId": "x", "partNumber": 1}),
            "method",
        ),
        (json!({"method": "HEAD", "key": "a"}), "method"),
        (json!({"method": "put", "key": "a"}), "method"),
        (json!({"method": "GET", "key": "a", "uploadId": "x&acl=\n"}), "uploadId"),
        (json!({"method": "GET", "key": "a", "uploadId": ""}), "uploadId"),
        (
            json!({"method": "PUT", "key": "a", "uploadId": "x", "partNumber": 0}),
            "PartNumber",
        ),
        (
            json!({"method": "PUT", "key": "a", "uploadId": "x", "partNumber": 10_001}),
            "PartNumber",
        ),
        (json!({"method": "PUT"}), "body"),
        (json!({"method": "PUT", "key": 5}), "key"),
    ] {
        let (status, code, message) = refused(&server, Method::POST, "sign", Some(request.clone())).await;
        assert_eq!((status, code.as_str()), (400, "INVALID_REQUEST"), "{request}");
        assert!(message.starts_with(field), "{request}: {message}");
    }
    // A query inside an ID remains part of the ID.
    let request = json!({"method": "GET", "key": "a", "uploadId": "x&acl="});
    let signed = asked(&server, Method::POST, "sign", Some(request)).await;
    assert!(
        signed["url"].as_str().expect("a URL").contains("&uploadId=x%26acl%3D&"),
        "{signed}"
    );
}
