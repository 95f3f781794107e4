//! Tests of large files, which are uploaded in parts.

use draftstore_testing::http_client;
use reqwest::Method;
use serde_json::{Value, json};

use super::{GENERATIONS, Generation, MIN_PART, asked, confirm, refused};
use crate::front::Front;
use crate::server::Server;

struct Upload {
    generation: Generation,
    key: Value,
    id: String,
}

impl Upload {
    async fn create(server: &Server, generation: Generation, filename: &str) -> Self {
        let body = json!({
            "filename": filename,
            "type": "video/mp4",
            "metadata": {"name": filename, "relativePath": null, "size": 7, "tags": ["a"]},
        });
        let created = asked(server, Method::POST, "multipart", Some(body)).await;
        assert_eq!(created["bucket"], "main-draft");
        Self {
            generation,
            key: created["key"].clone(),
            id: created["uploadId"].as_str().expect("an ID").to_owned(),
        }
    }

    /// Returns the path of this upload with the key in the query.
    fn path(&self, rest: &str) -> String {
        let key = self.generation.query("key", self.key.as_str().expect("a key"));
        let mut id = reqwest::Url::parse("http://x").expect("a URL");
        id.path_segments_mut().expect("a path").push(&self.id);
        format!("multipart{}{rest}?{key}", id.path())
    }

    async fn put(&self, server: &Server, number: usize, bytes: &[u8]) -> Value {
        let signed = asked(server, Method::GET, &self.path(&format!("/{number}")), None).await;
        let expires = signed["expires"].as_i64().expect("seconds");
        assert!((3590..=3600).contains(&expires), "{expires}");
        let etag = put(&signed["url"], bytes).await;
        json!({"PartNumber": number, "ETag": self.generation.etag(&etag)})
    }

    async fn complete(&self, server: &Server, parts: &[Value]) -> Value {
        let body = json!({ "parts": parts });
        asked(server, Method::POST, &self.path("/complete"), Some(body)).await
    }
}

/// Uploads a part as a browser does, without additional headers, and returns its ETag.
async fn put(url: &Value, bytes: &[u8]) -> String {
    let put = http_client().put(url.as_str().expect("a URL")).body(bytes.to_vec());
    let answer = put.send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    answer.headers()["etag"].to_str().expect("ASCII").to_owned()
}

#[tokio::test]
async fn large_file_is_uploaded_in_parts_resumed_and_confirmed() {
    let server = Server::start();
    let (first, second) = (vec![b'a'; MIN_PART], b"and the rest".to_vec());
    for generation in GENERATIONS {
        let name = format!("film {generation:?} ü+1.mp4");
        let upload = Upload::create(&server, generation, &name).await;
        upload.put(&server, 1, &first).await;

        // After a reload, the page requests the parts that have arrived.
        let listed = asked(&server, Method::GET, &upload.path(""), None).await;
        let listed = listed.as_array().expect("parts").clone();
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (&listed[0]["PartNumber"], &listed[0]["Size"]),
            (&json!(1), &json!(MIN_PART))
        );
        assert!(listed[0]["ETag"].as_str().expect("an ETag").starts_with('"'));
        let resumed = json!({"PartNumber": 1, "ETag": listed[0]["ETag"]});
        let last = upload.put(&server, 2, &second).await;

        let completed = upload.complete(&server, &[resumed, last]).await;
        assert_eq!(
            (&completed["key"], &completed["bucket"]),
            (&upload.key, &json!("main-draft"))
        );
        let location = completed["location"].as_str().expect("a URL");
        assert!(
            location.starts_with(&format!("{}/main-draft/.drafts/", server.store)),
            "{location}"
        );
        assert!(!location.contains('?'), "{location}");

        let request = json!({ "object_name": upload.key });
        let seen = Front::Rest
            .call(&server, "inspect-draft", request)
            .await
            .expect("there");
        assert_eq!(seen["content_type"], "video/mp4");
        assert_eq!(seen["metadata"]["size"], "7");
        assert_eq!(
            seen["metadata"].as_object().map(serde_json::Map::len),
            Some(2),
            "{}",
            seen["metadata"]
        );
        let (kept, bytes) = confirm(&server, &upload.key).await;
        assert_eq!(kept, name);
        assert!(bytes == [first.clone(), second.clone()].concat());
    }
}

#[tokio::test]
async fn many_parts_are_signed_in_one_request() {
    let server = Server::start();
    let upload = Upload::create(&server, Generation::Five, "a").await;
    let path = format!("{}&partNumbers=1,10000,7", upload.path("/batch"));
    let signed = asked(&server, Method::GET, &path, None).await;
    let urls = signed["presignedUrls"].as_object().expect("URLs");
    assert_eq!(urls.keys().collect::<Vec<_>>(), ["1", "7", "10000"]);
    let etag = put(&urls["7"], b"only").await;
    let part = json!({"PartNumber": 7, "ETag": etag});
    upload.complete(&server, &[part]).await;
    assert_eq!(confirm(&server, &upload.key).await.1, b"only");
    for bad in ["", "1,1", "0", "10001", "1,,2", "x"] {
        let path = format!("{}&partNumbers={bad}", upload.path("/batch"));
        assert_eq!(refused(&server, Method::GET, &path, None).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn cancelled_upload_is_removed() {
    let server = Server::start();
    for generation in GENERATIONS {
        let upload = Upload::create(&server, generation, "a b").await;
        let part = upload.put(&server, 1, b"bytes").await;
        for _ in 0..2 {
            assert_eq!(asked(&server, Method::DELETE, &upload.path(""), None).await, json!({}));
        }
        let (status, code, _) = refused(&server, Method::GET, &upload.path(""), None).await;
        assert_eq!((status, code.as_str()), (404, "UPLOAD_NOT_FOUND"));
        let body = json!({"parts": [part]});
        let (status, code, _) = refused(&server, Method::POST, &upload.path("/complete"), Some(body)).await;
        assert_eq!((status, code.as_str()), (404, "UPLOAD_NOT_FOUND"));
    }
}
