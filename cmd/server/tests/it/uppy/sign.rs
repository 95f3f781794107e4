//! Tests of `signRequest` of Uppy 6: the page chooses the key, and speaks S3 itself.

use draftstore_testing::http_client;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{asked, confirm, refused};
use crate::front::{Front, download, upload_form};
use crate::server::Server;

/// Signs a request as plugins before 6.3 do, which know no media type, and sends it with another media type.
async fn send(server: &Server, request: Value, content_type: &str, body: &str) -> Response {
    let method: Method = request["method"].as_str().expect("a method").parse().expect("a method");
    let signed = asked(server, Method::POST, "sign", Some(request.clone())).await;
    assert_eq!(signed["key"], request["key"], "named as the page chose");
    assert!(
        signed.get("headers").is_none() && signed.get("fields").is_none(),
        "{signed}"
    );
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
    let request = json!({"method": "PUT", "key": key});
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
        (json!({"method": "PUT", "key": "a", "contentType": "image"}), "type"),
        (
            json!({"method": "POST", "key": "a", "contentType": "a/b;,text/html"}),
            "type",
        ),
        (
            json!({"method": "PUT", "key": "a", "maxContentLength": -1}),
            "max_content_length",
        ),
        (
            json!({"method": "PUT", "key": ".drafts/00/x/a", "uploadId": "x", "partNumber": 1}),
            "key",
        ),
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

/// Sends a signed request as Uppy 6.3 does: with the signed headers, or as a form if there are fields. Returns the status and the
/// text of the answer.
async fn send_signed(method: Method, signed: &Value, body: &str) -> (u16, String) {
    let url = signed["url"].as_str().expect("a URL");
    if signed.get("fields").is_some() {
        let form = json!({"method": "POST", "headers": {}, "upload_url": url, "fields": signed["fields"]});
        return (upload_form(&form, body.as_bytes()).await, String::new());
    }
    let headers = signed["headers"].as_object().into_iter().flatten();
    let request = http_client().request(method, url).body(body.to_owned());
    let request = headers.fold(request, |request, (name, value)| {
        request.header(name, value.as_str().expect("a text"))
    });
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

async fn sign(server: &Server, request: Value) -> Value {
    asked(server, Method::POST, "sign", Some(request)).await
}

#[tokio::test]
async fn media_type_is_signed_if_it_is_named() {
    let server = Server::start();
    for (method, unique) in [("PUT", false), ("PUT", true), ("POST", false), ("POST", true)] {
        let request = json!({"method": method, "key": "a b.png", "contentType": "image/png", "unique": unique});
        let mut signed = sign(&server, request).await;
        assert_eq!(signed["headers"]["content-type"], "image/png");
        let method: Method = method.parse().expect("a method");
        let right = signed.clone();
        signed["headers"]["content-type"] = json!("text/html");
        assert_eq!(send_signed(method.clone(), &signed, "x").await.0, 403);
        assert_eq!(send_signed(method, &right, "x").await.0, 200);
    }
}

#[tokio::test]
async fn unique_drafts_of_one_key_do_not_meet() {
    let server = Server::start();
    let request = json!({"method": "PUT", "key": "photo.jpg", "unique": true});
    let mut keys = Vec::new();
    for body in ["one", "two"] {
        let signed = sign(&server, request.clone()).await;
        assert_eq!(send_signed(Method::PUT, &signed, body).await.0, 200);
        let again = send_signed(Method::PUT, &signed, "another").await.0;
        assert_eq!(again, 412, "a unique draft is uploaded once");
        keys.push(signed["key"].clone());
    }
    for (key, body) in keys.iter().zip(["one", "two"]) {
        let key = key.as_str().expect("a key");
        assert!(key.starts_with(".drafts/") && key.ends_with("/photo.jpg"), "{key}");
        let destination = format!("{body}.jpg");
        let confirm = json!({"object_name": key, "destination_name": destination});
        let confirmed = Front::Rest
            .call(&server, "confirm-upload", confirm)
            .await
            .expect("confirmed");
        assert_eq!(confirmed["final_location"], format!("main/{destination}"));
        let main = json!({"object_name": destination, "stage": "STAGE_MAIN"});
        let issued = Front::Rest.call(&server, "download-url", main).await.expect("issued");
        assert_eq!(download(&issued).await.text().await.expect("text"), body);
    }
}

#[tokio::test]
async fn names_of_unique_drafts_are_made_to_fit() {
    let server = Server::start();
    for (key, name) in [
        ("a/b c.jpg", "/a/b c.jpg"),
        ("../a", "/.._a"),
        (".drafts/x", "/.drafts_x"),
    ] {
        for method in ["PUT", "POST"] {
            let signed = sign(&server, json!({"method": method, "key": key, "unique": true})).await;
            assert!(signed["key"].as_str().expect("a key").ends_with(name), "{signed}");
        }
    }
}

#[tokio::test]
async fn large_unique_draft_is_uploaded_by_its_key() {
    let server = Server::start();
    let created = sign(&server, json!({"method": "POST", "key": "film.mp4", "unique": true})).await;
    let key = created["key"].as_str().expect("a key");
    assert!(key.starts_with(".drafts/") && key.ends_with("/film.mp4"), "{key}");
    let (_, begun) = send_signed(Method::POST, &created, "").await;
    let id = element(&begun, "UploadId");
    let part = sign(
        &server,
        json!({"method": "PUT", "key": key, "uploadId": id, "partNumber": 1}),
    )
    .await;
    assert_eq!(part["key"], key);
    assert_eq!(send_signed(Method::PUT, &part, "hello").await.0, 200);
    let list = sign(&server, json!({"method": "GET", "key": key, "uploadId": id})).await;
    let (_, listed) = send_signed(Method::GET, &list, "").await;
    let etag = element(&listed, "ETag");
    let complete = sign(&server, json!({"method": "POST", "key": key, "uploadId": id})).await;
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    );
    assert_eq!(send_signed(Method::POST, &complete, &body).await.0, 200);
    assert_eq!(
        confirm(&server, &json!(key)).await,
        ("film.mp4".to_owned(), b"hello".to_vec())
    );
}

#[tokio::test]
async fn uploads_with_a_maximum_size_are_forms_of_unique_drafts() {
    let server = Server::start();
    let request = json!({"method": "PUT", "key": "a.txt", "contentType": "text/plain", "maxContentLength": 5});
    let signed = sign(&server, request).await;
    assert_eq!(
        (&signed["fields"]["key"], &signed["fields"]["Content-Type"]),
        (&signed["key"], &json!("text/plain"))
    );
    assert_eq!(send_signed(Method::PUT, &signed, "longer").await.0, 400);
    assert_eq!(send_signed(Method::PUT, &signed, "short").await.0, 201);
    assert_eq!(
        confirm(&server, &signed["key"]).await,
        ("a.txt".to_owned(), b"short".to_vec())
    );
}

#[tokio::test]
async fn tickets_hold_in_sign_mode() {
    let server = Server::start();
    let order = json!({
        "object_name": "avatar.png", "max_object_bytes": 5, "content_types": ["image/png"], "max_uploads": 1,
    });
    let ticket = Front::Rest.call(&server, "tickets", order).await.expect("minted");
    let url = format!(
        "http://{}/t/{}/uppy/s3/sign",
        server.http,
        ticket["ticket"].as_str().expect("a ticket")
    );
    let sign = async |request: Value| {
        let answer = http_client().post(&url).json(&request).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json::<Value>().await.expect("JSON"))
    };
    let put = json!({"method": "PUT", "key": "0b2d-holiday.png", "contentType": "image/png"});
    let (status, signed) = sign(put.clone()).await;
    assert_eq!(status, 200, "{signed}");
    assert_eq!(send_signed(Method::PUT, &signed, "longer").await.0, 400);
    assert_eq!(send_signed(Method::PUT, &signed, "bytes").await.0, 201);
    for (request, refused, reason) in [
        (put, 409, "NO_MORE_UPLOADS"),
        (
            json!({"method": "PUT", "key": "a", "contentType": "text/html"}),
            400,
            "INVALID_REQUEST",
        ),
        (json!({"method": "PUT", "key": "a"}), 400, "INVALID_REQUEST"),
        (
            json!({"method": "PUT", "key": "a", "contentType": "image/png", "maxContentLength": 6}),
            413,
            "TOO_LARGE",
        ),
        (
            json!({"method": "POST", "key": "a", "contentType": "image/png"}),
            400,
            "INVALID_REQUEST",
        ),
        (
            json!({"method": "PUT", "key": signed["key"], "uploadId": "x", "partNumber": 1}),
            400,
            "INVALID_REQUEST",
        ),
    ] {
        let (status, answer) = sign(request.clone()).await;
        assert_eq!(
            (status, &answer["error"]),
            (refused, &json!(reason)),
            "{request}: {answer}"
        );
    }
    assert_eq!(
        confirm(&server, &signed["key"]).await,
        ("avatar.png".to_owned(), b"bytes".to_vec())
    );
}
