use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, HELLO_SHA256, download, upload};
use crate::server::Server;

async fn issue(front: Front, server: &Server, request: Value) -> Value {
    front.call(server, "upload-url", request).await.expect("issued")
}

#[tokio::test]
async fn name_only_upload_needs_no_headers() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("file.jpg");
        let issued = issue(front, &server, json!({ "object_name": name })).await;
        assert_eq!(issued["object_name"], name);
        assert_eq!(issued["method"], "PUT");
        assert_eq!(issued["headers"], json!({}));
        assert!(issued["expires_at"].as_str().expect("a time").ends_with('Z'));
        assert_eq!(upload(&issued, "hello").await, 200);
    }
}

#[tokio::test]
async fn constraints_are_enforced_by_the_store() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("constrained");
        let request = json!({
            "object_name": name,
            "content_type": "image/png",
            "content_length": "5",
            "checksum_sha256": HELLO_SHA256,
            "metadata": {"author": "Ada L."},
        });
        let issued = issue(front, &server, request).await;
        let headers = issued["headers"].as_object().expect("headers");
        let names: Vec<_> = headers.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "content-length",
                "content-type",
                "x-amz-checksum-sha256",
                "x-amz-meta-author"
            ]
        );

        assert_eq!(upload(&issued, "jello").await, 400, "other bytes");
        assert_eq!(upload_without(&issued, "content-type").await, 403, "no content type");
        let nothing = front
            .call(&server, "download-url", json!({ "object_name": name }))
            .await;
        assert_eq!(nothing.expect_err("nothing was stored").reason, "OBJECT_NOT_FOUND");

        assert_eq!(upload(&issued, "hello").await, 200);
        let found = front
            .call(&server, "download-url", json!({ "object_name": name }))
            .await
            .expect("stored");
        assert_eq!(
            (&found["size"], &found["content_type"]),
            (&json!("5"), &json!("image/png"))
        );
        let answer = download(&found).await;
        assert_eq!(answer.headers()["x-amz-meta-author"], "Ada L.");
        assert_eq!(answer.text().await.expect("text"), "hello");
    }
}

async fn upload_without(issued: &Value, header: &str) -> u16 {
    let mut issued = issued.clone();
    issued["headers"].as_object_mut().expect("headers").remove(header);
    upload(&issued, "hello").await
}

#[tokio::test]
async fn every_valid_name_is_uploaded_confirmed_and_downloaded() {
    let server = Server::start();
    for front in FRONTS {
        for name in [
            "a b.txt",
            "1+1=2.txt",
            "100%.txt",
            "%2e%2e%2fx",
            "c#d.txt",
            "what?.txt",
            "a&b=c;d:e@f!g$h'i(j)k*l,m",
            "e\u{301}te\u{301}.txt",
            "été.txt",
            "👩‍👩‍👧‍👦.png",
            "写真/猫.jpg",
            "~tilde_under-dash.dot",
            "\"quoted\" <angle> {brace} |pipe| ^caret` [x]",
            &"x".repeat(880),
        ] {
            let name = front.name(name);
            let request = json!({ "object_name": name });
            let issued = issue(front, &server, request.clone()).await;
            assert_eq!(issued["object_name"], name);
            assert_eq!(upload(&issued, name.clone()).await, 200, "{name}");
            let confirmed = front
                .call(&server, "confirm-upload", request.clone())
                .await
                .expect(&name);
            assert_eq!(confirmed["final_location"], format!("main/{name}"));
            let found = front.call(&server, "download-url", request).await.expect(&name);
            assert_eq!(found["stage"], "STAGE_MAIN", "the draft is gone: {name}");
            assert_eq!(download(&found).await.text().await.expect("text"), name);
        }
    }
}

#[tokio::test]
async fn all_invalid_fields_are_named() {
    let server = Server::start();
    let request = json!({
        "object_name": "../x",
        "content_type": "png",
        "content_length": "-1",
        "checksum_sha256": "abc",
        "metadata": {"Author": "x"},
        "expires_in": 0,
    });
    for front in FRONTS {
        let failure = front
            .call(&server, "upload-url", request.clone())
            .await
            .expect_err("refused");
        failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(
            failure.fields,
            [
                "object_name",
                "content_type",
                "metadata.Author",
                "content_length",
                "checksum_sha256",
                "expires_in"
            ]
        );
    }
}

#[tokio::test]
async fn url_validity_is_as_requested_and_bounded() {
    let server = Server::start_with(&[("UPLOAD_TTL", "600")]);
    for front in FRONTS {
        for (expires_in, signed) in [(json!(60), "X-Amz-Expires=60&"), (Value::Null, "X-Amz-Expires=600&")] {
            let request = json!({"object_name": "a", "expires_in": expires_in});
            let issued = issue(front, &server, request).await;
            assert!(issued["upload_url"].as_str().expect("a URL").contains(signed));
        }
        let too_long = json!({"object_name": "a", "expires_in": 601});
        let failure = front.call(&server, "upload-url", too_long).await.expect_err("refused");
        assert_eq!(failure.fields, ["expires_in"]);
    }
}
