//! Tests of invented names and IDs.

use draftstore_testing::http_client;
use reqwest::{Method, Url};
use serde_json::json;

use super::{Generation, ask, asked, confirm, post_form, refused};
use crate::server::Server;

#[tokio::test]
async fn any_file_name_can_be_uploaded() {
    let server = Server::start();
    for (filename, kept) in [
        ("../../etc/passwd", ".._.._etc_passwd"),
        (".drafts/staging/x", ".drafts_staging_x"),
        ("a?b#c%2e%2e\\d", "a_b_c_2e_2e_d"),
        ("exe\u{202E}gpj\u{0}\r\nx: y", "exe_gpj___x: y"),
        ("${filename}", "_{filename}"),
        ("\"quoted\" 'file'; a=b", "\"quoted\" 'file'; a=b"),
        ("..", "file"),
        ("写真 🐱", "写真 🐱"),
    ] {
        let query = Url::parse_with_params("http://x", [("filename", filename), ("type", "null")]).expect("a URL");
        let path = format!("params?{}", query.query().expect("a query"));
        let params = asked(&server, Method::GET, &path, None).await;
        assert_eq!(post_form(&params, b"hello").await.0, 201, "{filename:?}");
        assert_eq!(confirm(&server, &params["fields"]["key"]).await.0, kept, "{filename:?}");
        let body = json!({"filename": filename, "type": "null", "metadata": {"a b": filename}});
        let created = asked(&server, Method::POST, "multipart", Some(body)).await;
        assert!(
            created["key"].as_str().expect("a key").ends_with(&format!("/{kept}")),
            "{created}"
        );
    }
    let long = format!("{}.pdf", "é".repeat(5000));
    let created = asked(&server, Method::POST, "multipart", Some(json!({ "filename": long }))).await;
    assert!(created["key"].as_str().expect("a key").ends_with("é.pdf"), "{created}");
}

#[tokio::test]
async fn upload_id_is_bound_to_its_key() {
    let server = Server::start();
    let create = async |name: &str| {
        let created = asked(&server, Method::POST, "multipart", Some(json!({ "filename": name }))).await;
        let text = |field: &str| created[field].as_str().expect("text").to_owned();
        (text("key"), text("uploadId"))
    };
    let ((key, id), (other, _)) = (create("mine").await, create("mine").await);
    let bodies = json!({"parts": [{"PartNumber": 1, "ETag": "\"x\""}]});
    for (id, key) in [
        (id.as_str(), other.as_str()),
        (&id, "mine"),
        (&id, ""),
        (&id, ".drafts/"),
        (&id, &key.replace("/mine", "/../mine")),
        (&id, &format!("{key}/x")),
        ("x", &key),
        ("..", &key),
        ("%2e%2e%2f", &key),
        ("%ff", &key),
        ("%00", &key),
        (&"x".repeat(5000), &key),
    ] {
        let key = Generation::Six.query("key", key);
        for (method, rest, body) in [
            (Method::GET, "", None),
            (Method::GET, "/1", None),
            (Method::GET, "/batch", None),
            (Method::POST, "/complete", Some(bodies.clone())),
            (Method::DELETE, "", None),
        ] {
            // A client resolves dot segments itself.
            if id == ".." {
                continue;
            }
            let path = format!("multipart/{id}{rest}?{key}&partNumbers=1");
            let (status, answer) = ask(&server, method.clone(), &path, body).await;
            assert_eq!(
                (status, &answer["error"]),
                (400, &json!("INVALID_REQUEST")),
                "{method} {path}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn invalid_requests_have_a_message() {
    let server = Server::start();
    let created = asked(&server, Method::POST, "multipart", Some(json!({"filename": "a"}))).await;
    let (key, id) = (
        created["key"].as_str().expect("a key"),
        created["uploadId"].as_str().expect("an ID"),
    );
    let complete = format!("multipart/{id}/complete?key={key}");
    for (method, path, body, status, says) in [
        (Method::GET, "params".to_owned(), None, 400, "filename"),
        (
            Method::GET,
            "params?filename=a&max_content_length=x".to_owned(),
            None,
            400,
            "max_content_length",
        ),
        (
            Method::GET,
            "params?filename=a&max_content_length=-1".to_owned(),
            None,
            400,
            "max_content_length",
        ),
        (
            Method::GET,
            "params?filename=a&max_content_length=5368709121".to_owned(),
            None,
            413,
            "max_content_length",
        ),
        (Method::POST, "multipart".to_owned(), Some(json!({})), 400, "filename"),
        (Method::POST, "multipart".to_owned(), Some(json!([])), 400, "body"),
        (
            Method::GET,
            format!("multipart/{id}/x?key={key}"),
            None,
            400,
            "PartNumber",
        ),
        (
            Method::GET,
            format!("multipart/{id}/10001?key={key}"),
            None,
            400,
            "PartNumber",
        ),
        (Method::GET, format!("multipart/{id}"), None, 400, "key"),
        (Method::POST, complete.clone(), Some(json!({"parts": []})), 400, "parts"),
        (
            Method::POST,
            complete.clone(),
            Some(json!({"parts": [{"PartNumber": 1}]})),
            400,
            "parts[0]",
        ),
        (
            Method::POST,
            complete.clone(),
            Some(json!({"parts": [{"PartNumber": 1, "ETag": "x y"}]})),
            400,
            "parts[0].ETag",
        ),
        (
            Method::POST,
            complete,
            Some(json!({"parts": [{"PartNumber": 1, "ETag": "\"x\""}]})),
            412,
            "parts[0]",
        ),
        (Method::GET, "sts".to_owned(), None, 404, "no route for"),
        (Method::PUT, "params".to_owned(), None, 405, "PUT"),
    ] {
        let (found, _, message) = refused(&server, method.clone(), &path, body).await;
        assert_eq!(found, status, "{method} {path}: {message}");
        assert!(message.contains(says), "{method} {path}: {message}");
    }
    // A page may send this without a preflight.
    let plain = http_client().post(format!("http://{}/uppy/s3/sign", server.http));
    let plain = plain
        .header("origin", format!("http://{}", server.http))
        .header("content-type", "text/plain");
    let plain = plain
        .body(r#"{"method":"PUT","key":"a"}"#)
        .send()
        .await
        .expect("an answer");
    assert_eq!(plain.status(), 400);
}
