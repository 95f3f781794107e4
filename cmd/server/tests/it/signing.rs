//! Tests of the permissions of the credentials that sign URLs, which bound what a URL can do.

use draftstore_testing::{Garage, StoreEndpoint, sdk};
use serde_json::{Value, json};

use crate::front::{FRONTS, Front, draft, put, upload, upload_form};
use crate::server::Server;

/// Returns the status of a signed request of the SDK.
macro_rules! status {
    ($call:expr) => {
        match $call.send().await {
            Ok(_) => 200,
            Err(error) => error.raw_response().expect("an answer").status().as_u16(),
        }
    };
}

/// Returns the key pair that signs uploads to the server's embedded store.
fn signer(server: &Server) -> StoreEndpoint {
    let kept = std::fs::read_to_string(server.data_dir().join("signer.json")).expect("kept");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    let text = |name: &str| kept[name].as_str().expect("text").to_owned();
    StoreEndpoint {
        url: server.store.clone(),
        region: "us-east-1".to_owned(),
        access_key_id: text("access_key_id"),
        secret_access_key: text("secret_access_key"),
    }
}

/// Creates a confirmed object and a draft, both named `kept`.
async fn fill(server: &Server) {
    draft(server, "kept", b"hush").await;
    Front::Rest
        .call(server, "confirm-upload", json!({"object_name": "kept"}))
        .await
        .expect("confirmed");
    draft(server, "kept", b"hush").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_signer_can_only_upload() {
    let server = Server::start();
    fill(&server).await;
    let signer = sdk(&signer(&server));
    assert_eq!(
        status!(
            signer
                .put_object()
                .bucket("main-draft")
                .key("a")
                .body("x".to_owned().into_bytes().into())
        ),
        200
    );
    for bucket in ["main", "main-draft"] {
        let copy = signer
            .copy_object()
            .bucket("main-draft")
            .key("copied")
            .copy_source(format!("{bucket}/kept"));
        assert_eq!(status!(copy), 403, "copy from {bucket}");
        assert_eq!(
            status!(signer.get_object().bucket(bucket).key("kept")),
            403,
            "get from {bucket}"
        );
        assert_eq!(
            status!(signer.head_object().bucket(bucket).key("kept")),
            403,
            "head in {bucket}"
        );
        assert_eq!(status!(signer.list_objects_v2().bucket(bucket)), 403, "list {bucket}");
        assert_eq!(
            status!(signer.delete_object().bucket(bucket).key("kept")),
            403,
            "delete in {bucket}"
        );
        assert_eq!(
            status!(signer.list_multipart_uploads().bucket(bucket)),
            403,
            "uploads of {bucket}"
        );
        assert_eq!(
            status!(signer.delete_bucket_cors().bucket(bucket)),
            403,
            "CORS of {bucket}"
        );
    }
    assert_eq!(status!(signer.put_object().bucket("main").key("a")), 403);
    assert_eq!(status!(signer.create_multipart_upload().bucket("main").key("a")), 403);
    assert_eq!(
        status!(
            signer
                .copy_object()
                .bucket("main")
                .key("a")
                .copy_source("main-draft/kept")
        ),
        403
    );
    assert_eq!(status!(signer.list_buckets()), 403);
    assert_eq!(status!(signer.create_bucket().bucket("other")), 403);
    let objects = Front::Rest
        .call(&server, "list-objects", json!({}))
        .await
        .expect("listed");
    let objects = objects["objects"].as_array().expect("objects");
    assert_eq!((objects.len(), &objects[0]["object_name"]), (1, &json!("kept")));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_upload_url_is_from_the_upload_signer() {
    let server = Server::start();
    let signer = signer(&server).access_key_id;
    for front in FRONTS {
        let name = front.name("a");
        let named = json!({ "object_name": name });
        let issued = front.call(&server, "upload-url", named.clone()).await.expect("issued");
        let form = json!({"object_name": name, "max_content_length": 9});
        let form = front.call(&server, "upload-url", form).await.expect("issued");
        let created = front
            .call(&server, "multipart/create", named.clone())
            .await
            .expect("begun");
        let parts = json!({"object_name": name, "upload_id": created["upload_id"], "parts": [{"part_number": 1}]});
        let parts = front
            .call(&server, "multipart/sign-parts", parts)
            .await
            .expect("signed");
        let credential = format!("X-Amz-Credential={signer}%2F");
        for url in [&issued["upload_url"], &parts["parts"][0]["upload_url"]] {
            assert!(url.as_str().expect("a URL").contains(&credential), "{front:?}");
        }
        let field = form["fields"]["x-amz-credential"].as_str().expect("a field");
        assert!(field.starts_with(&format!("{signer}/")), "{field}");
        assert_eq!(upload_form(&form, b"hello").await, 201);
        assert_eq!(upload(&issued, "hello").await, 200);
        let read = front.call(&server, "download-url", named).await.expect("issued");
        assert!(
            !read["download_url"].as_str().expect("a URL").contains(&signer),
            "it cannot read"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsigned_copy_source_copies_nothing() {
    let server = Server::start();
    fill(&server).await;
    for source in ["/main/kept", "/main-draft/kept"] {
        let request = json!({"object_name": "copied"});
        let mut issued = Front::Rest
            .call(&server, "upload-url", request.clone())
            .await
            .expect("issued");
        issued["headers"]["x-amz-copy-source"] = json!(source);
        assert_eq!(put(&issued, "").await.status(), 403);
        Front::Rest
            .call(&server, "inspect-draft", request)
            .await
            .expect_err("nothing is there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_store_accepts_a_configured_signer() {
    let pair = [
        ("SIGNING_ACCESS_KEY_ID", "signer-key"),
        ("SIGNING_SECRET_ACCESS_KEY", "signer-secret"),
    ];
    let server = Server::start_with(&pair);
    let request = json!({"object_name": "a"});
    let issued = Front::Rest.call(&server, "upload-url", request).await.expect("issued");
    assert!(
        issued["upload_url"]
            .as_str()
            .expect("a URL")
            .contains("X-Amz-Credential=signer-key%2F")
    );
    assert_eq!(upload(&issued, "x").await, 200);
    let (_, log) = server.stop();
    assert!(log.contains("separate key pair") && !log.contains("signer-secret") && !log.contains("signer-key"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-server --test it -- --ignored"]
async fn write_only_signer_works_on_garage() {
    let garage = Garage::start().await;
    let owner = garage.endpoint().clone();
    let made = sdk(&owner).create_bucket().bucket("main").send().await;
    made.expect("made");
    let signer = garage.key_that_writes("main-draft");
    let server = Server::start_with(&[
        ("S3_ENDPOINT", &owner.url),
        ("AWS_REGION", &owner.region),
        ("AWS_ACCESS_KEY_ID", &owner.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &owner.secret_access_key),
        ("SIGNING_ACCESS_KEY_ID", &signer.access_key_id),
        ("SIGNING_SECRET_ACCESS_KEY", &signer.secret_access_key),
    ]);
    fill(&server).await;
    let form = json!({"object_name": "form", "max_content_length": 5});
    let form = Front::Rest.call(&server, "upload-url", form).await.expect("issued");
    assert_eq!(upload_form(&form, b"hello").await, 201);
    let named = json!({"object_name": "parts"});
    let created = Front::Rest
        .call(&server, "multipart/create", named)
        .await
        .expect("begun");
    let named = json!({"object_name": "parts", "upload_id": created["upload_id"]});
    let mut parts = named.clone();
    parts["parts"] = json!([{"part_number": 1}]);
    let urls = Front::Rest
        .call(&server, "multipart/sign-parts", parts)
        .await
        .expect("signed");
    let mut part = urls["parts"][0].clone();
    part["method"] = json!("PUT");
    assert_eq!(upload(&part, "hello").await, 200);
    Front::Rest
        .call(&server, "multipart/complete", named)
        .await
        .expect("completed");

    // Garage reports buckets without permissions as missing.
    let refused = |status: u16| assert!(matches!(status, 403 | 404), "{status}");
    let client = sdk(&signer);
    for bucket in ["main", "main-draft"] {
        refused(status!(client.get_object().bucket(bucket).key("kept")));
        refused(status!(client.list_objects_v2().bucket(bucket)));
        let copy = client.copy_object().bucket("main-draft").key("copied");
        refused(status!(copy.copy_source(format!("{bucket}/kept"))));
    }
    refused(status!(client.put_object().bucket("main").key("a")));
}
