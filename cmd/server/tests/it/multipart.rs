use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, download, put};
use crate::server::Server;

/// The least that a part may have that is not the last one.
const MIN_PART: usize = 5 * 1024 * 1024;

/// Two parts of an upload whose size is not known, other bytes in each.
fn parts() -> [Vec<u8>; 2] {
    [vec![b'a'; MIN_PART], b"and the rest".to_vec()]
}

async fn create(server: &Server, front: Front, request: Value) -> Value {
    front.call(server, "multipart/create", request).await.expect("begun")
}

/// What names the upload in the other calls.
fn upload(created: &Value) -> Value {
    json!({
        "object_name": created["object_name"],
        "draft_id": created["draft_id"],
        "upload_id": created["upload_id"],
    })
}

/// The same, with more fields.
fn with(mut upload: Value, fields: Value) -> Value {
    let fields = fields.as_object().expect("fields").clone();
    upload.as_object_mut().expect("a message").extend(fields);
    upload
}

/// Has a part signed by its number alone and uploads it. Gives its ETag.
async fn upload_part(server: &Server, front: Front, upload: &Value, number: usize, bytes: &[u8]) -> String {
    let request = with(upload.clone(), json!({"parts": [{"part_number": number}]}));
    let signed = front
        .call(server, "multipart/sign-parts", request)
        .await
        .expect("signed");
    let answer = put(&signed["parts"][0], bytes.to_vec()).await;
    assert_eq!(answer.status(), 200);
    answer.headers()["etag"].to_str().expect("ASCII").to_owned()
}

#[tokio::test]
async fn parts_become_a_draft_and_the_draft_is_confirmed() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("film ü+1.mp4");
        let whole = parts().concat();
        let request = json!({
            "object_name": name,
            "content_type": "video/mp4",
            "metadata": {"author": "ada"},
        });
        let created = create(&server, front, request).await;
        assert_eq!(
            (&created["object_name"], &created["draft_id"]),
            (&json!(name), &Value::Null)
        );
        assert_eq!(
            (&created["part_size"], &created["part_count"]),
            (&json!("16777216"), &Value::Null)
        );
        let upload = upload(&created);
        let mut etags = Vec::new();
        for (place, bytes) in parts().iter().enumerate() {
            etags.push(upload_part(&server, front, &upload, place + 1, bytes).await);
        }
        front
            .call(&server, "inspect-draft", json!({ "object_name": name }))
            .await
            .expect_err("nobody sees it yet")
            .assert(404, Code::NotFound, "DRAFT_NOT_FOUND");

        let request = with(
            upload,
            json!({"parts": [{"part_number": 1, "etag": etags[0]}, {"part_number": 2, "etag": etags[1]}]}),
        );
        let completed = front
            .call(&server, "multipart/complete", request.clone())
            .await
            .expect("completed");
        assert_eq!(
            (&completed["object_name"], &completed["size"]),
            (&json!(name), &json!(whole.len().to_string()))
        );
        let again = front
            .call(&server, "multipart/complete", request)
            .await
            .expect("completed again");
        assert_eq!(again, completed);

        let draft = front
            .call(&server, "inspect-draft", json!({ "object_name": name }))
            .await
            .expect("there");
        assert_eq!(
            (&draft["etag"], &draft["size"]),
            (&completed["etag"], &completed["size"])
        );
        assert_eq!(draft["content_type"], "video/mp4");
        assert_eq!(
            draft["metadata"],
            json!({"author": "ada"}),
            "and nothing of the server's own"
        );

        let request = json!({
            "object_name": name,
            "if_match": completed["etag"],
            "content_length": completed["size"],
        });
        let kept = front.call(&server, "confirm-upload", request).await.expect("confirmed");
        assert_eq!(
            (&kept["size"], &kept["content_type"]),
            (&completed["size"], &json!("video/mp4"))
        );
        let kept = front
            .call(
                &server,
                "download-url",
                json!({"object_name": name, "stage": "STAGE_MAIN"}),
            )
            .await
            .expect("kept");
        let kept = download(&kept).await;
        assert_eq!(kept.headers()["x-amz-meta-author"], "ada");
        assert!(!kept.headers().contains_key("x-amz-meta-draftstore-upload"));
        assert!(kept.bytes().await.expect("bytes") == whole);
    }
}

#[tokio::test]
async fn another_client_goes_on_where_the_first_one_stopped() {
    let server = Server::start();
    for front in FRONTS {
        let content_length = 8 * 1024 * 1024 + 3;
        let bytes = vec![b'b'; content_length];
        let request = json!({
            "object_name": front.name("resumed"),
            "unique": true,
            "content_length": content_length,
        });
        let created = create(&server, front, request).await;
        assert_eq!(
            (&created["part_size"], &created["part_count"]),
            (&json!("8388608"), &json!(2))
        );
        let upload = upload(&created);
        let (last, first) = (&bytes[8 * 1024 * 1024..], &bytes[..8 * 1024 * 1024]);
        let etag = upload_part(&server, front, &upload, 2, last).await;

        let status = front
            .call(&server, "multipart/list-parts", upload.clone())
            .await
            .expect("in progress");
        let arrived = json!([{
            "part_number": 2,
            "etag": etag.trim_matches('"'),
            "size": "3",
            "checksum_sha256": null,
        }]);
        assert_eq!(without_nulls(&status["parts"]), without_nulls(&arrived));
        for same in ["part_size", "part_count", "expires_at"] {
            assert_eq!(status[same], created[same], "{same}");
        }
        assert_eq!(status["content_length"], content_length.to_string());

        let refused = front.call(&server, "multipart/complete", upload.clone()).await;
        let refused = refused.expect_err("a part is missing");
        refused.assert(412, Code::FailedPrecondition, "UPLOAD_INCOMPLETE");
        assert_eq!(refused.fields, ["parts"]);
        upload_part(&server, front, &upload, 1, first).await;
        let completed = front
            .call(&server, "multipart/complete", upload.clone())
            .await
            .expect("completed");
        assert_eq!(completed["draft_id"], created["draft_id"]);
        let gone = front.call(&server, "multipart/list-parts", upload).await;
        gone.expect_err("completed")
            .assert(404, Code::NotFound, "UPLOAD_NOT_FOUND");

        let request = json!({
            "object_name": created["object_name"],
            "draft_id": created["draft_id"],
            "content_length": content_length,
        });
        let kept = front.call(&server, "confirm-upload", request).await.expect("confirmed");
        assert_eq!(kept["size"], content_length.to_string());
    }
}

/// Both fronts' JSON has fields that are not set as null or not at all.
fn without_nulls(parts: &Value) -> Value {
    let mut parts = parts.clone();
    for part in parts.as_array_mut().expect("parts") {
        part.as_object_mut()
            .expect("a part")
            .retain(|_, value| !value.is_null());
    }
    parts
}

#[tokio::test]
async fn aborted_twice_is_aborted() {
    let server = Server::start();
    for front in FRONTS {
        let created = create(&server, front, json!({"object_name": front.name("given up")})).await;
        let upload = upload(&created);
        upload_part(&server, front, &upload, 1, b"never mind").await;
        for _ in 0..2 {
            let aborted = front.call(&server, "multipart/abort", upload.clone()).await;
            assert_eq!(aborted, Ok(json!({})));
        }
        for route in ["multipart/list-parts", "multipart/complete"] {
            let gone = front.call(&server, route, upload.clone()).await;
            gone.expect_err("gone").assert(404, Code::NotFound, "UPLOAD_NOT_FOUND");
        }
    }
}
