use std::time::Instant;

use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, HELLO_SHA256, download, put};
use crate::server::Server;

/// The minimum size of a part, except the last one.
const MIN_PART: usize = 5 * 1024 * 1024;

/// Returns two different parts of an upload of unknown size.
fn parts() -> [Vec<u8>; 2] {
    [vec![b'a'; MIN_PART], b"and the rest".to_vec()]
}

async fn create(server: &Server, front: Front, request: Value) -> Value {
    front.call(server, "multipart/create", request).await.expect("begun")
}

/// Returns the fields that identify the upload in the other calls.
fn upload(created: &Value) -> Value {
    json!({
        "object_name": created["object_name"],
        "draft_id": created["draft_id"],
        "upload_id": created["upload_id"],
    })
}

/// Returns the upload with more fields.
fn with(mut upload: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("no fields: {fields}");
    };
    upload.as_object_mut().expect("a message").extend(fields);
    upload
}

/// Signs a part by its number only, uploads it, and returns its ETag.
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
async fn multipart_upload_is_completed_and_confirmed() {
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
async fn upload_is_completed_by_the_server_although_its_client_is_gone() {
    let server = Server::start_with(&[("COMPLETE_IDLE_AFTER", "1"), ("CLEANUP_SCHEDULE", "* * * * * *")]);
    for front in FRONTS {
        let name = front.name("film.mp4");
        let whole = parts().concat();
        let request = json!({
            "object_name": name,
            "content_type": "video/mp4",
            "content_length": whole.len(),
            "part_size": MIN_PART,
        });
        let upload = upload(&create(&server, front, request).await);
        for (place, bytes) in parts().iter().enumerate() {
            upload_part(&server, front, &upload, place + 1, bytes).await;
        }
        let begun = Instant::now();
        let draft = loop {
            let listed = front
                .call(&server, "list-drafts", json!({ "prefix": name }))
                .await
                .expect("listed");
            if let Some(draft) = listed["drafts"].as_array().and_then(|drafts| drafts.first()) {
                break draft.clone();
            }
            assert!(begun.elapsed().as_secs() < 20, "the sweep has not completed it");
        };
        assert_eq!(draft["size"], whole.len().to_string());
        let completed = front.call(&server, "multipart/complete", upload).await;
        assert_eq!(completed.expect("found by its mark")["etag"], draft["etag"]);
        let confirm = json!({"object_name": name, "if_match": draft["etag"]});
        let kept = front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        assert_eq!(kept["content_type"], "video/mp4");
    }
}

#[tokio::test]
async fn inspect_completes_an_upload_whose_client_is_gone() {
    let server = Server::start_with(&[("COMPLETE_IDLE_AFTER", "1"), ("CLEANUP_SCHEDULE", "0 0 0 1 1 *")]);
    for front in FRONTS {
        let name = front.name("small");
        let request = json!({"object_name": name, "content_length": 5, "unique": true});
        let upload = upload(&create(&server, front, request).await);
        upload_part(&server, front, &upload, 1, b"hello").await;
        let draft = json!({"object_name": name, "draft_id": upload["draft_id"]});
        let begun = Instant::now();
        loop {
            let inspected = front.call(&server, "inspect-draft", draft.clone()).await;
            if inspected.expect("waiting, or uploaded")["state"] == "DRAFT_STATE_UPLOADED" {
                break;
            }
            assert!(begun.elapsed().as_secs() < 20, "it is not completed");
        }
        front.call(&server, "confirm-upload", draft).await.expect("confirmed");
    }
}

#[tokio::test]
async fn another_client_resumes_a_multipart_upload() {
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

/// Removes fields that are null, because the fronts differ in null and absent fields.
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
async fn abort_twice_is_idempotent() {
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

/// Creates an upload whose only part, with these bytes, has arrived.
async fn arrived(server: &Server, front: Front, request: Value, bytes: &[u8]) -> Value {
    let upload = upload(&create(server, front, request).await);
    upload_part(server, front, &upload, 1, bytes).await;
    upload
}

#[tokio::test]
async fn complete_refuses_another_size_than_announced() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("wrong size");
        let first = vec![b'a'; 5 * 1024 * 1024];
        let content_length = first.len() + 7;
        let request = json!({"object_name": name, "content_length": content_length, "part_size": first.len()});
        let upload = arrived(&server, front, request, &first).await;
        let refused = front.call(&server, "multipart/complete", upload.clone()).await;
        let refused = refused.expect_err("a part is missing");
        refused.assert(412, Code::FailedPrecondition, "UPLOAD_INCOMPLETE");
        assert_eq!(refused.fields, ["content_length"]);
        upload_part(&server, front, &upload, 2, b"7 bytes").await;
        let completed = front.call(&server, "multipart/complete", upload).await;
        assert_eq!(
            completed.expect("the parts had stayed")["size"],
            content_length.to_string()
        );
    }
}

#[tokio::test]
async fn complete_refuses_missing_or_replaced_parts() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": front.name("pinned")});
        let upload = upload(&create(&server, front, request).await);
        let small = upload_part(&server, front, &upload, 1, b"small").await;
        let last = upload_part(&server, front, &upload, 3, b"last").await;
        let part = |number: i32, etag: &str| json!({"part_number": number, "etag": etag});
        for (parts, reason, field) in [
            (vec![part(1, &last)], "PIN_MISMATCH", "parts[0].etag"),
            (vec![part(1, &small), part(3, &small)], "PIN_MISMATCH", "parts[1].etag"),
            (vec![part(1, &small), part(2, &small)], "UPLOAD_INCOMPLETE", "parts[1]"),
            (vec![part(1, &small), part(3, &last)], "UPLOAD_INCOMPLETE", "parts[0]"),
            (vec![], "UPLOAD_INCOMPLETE", "parts"),
        ] {
            let request = with(upload.clone(), json!({"parts": parts}));
            let refused = front.call(&server, "multipart/complete", request).await;
            let refused = refused.expect_err("not these");
            refused.assert(412, Code::FailedPrecondition, reason);
            assert_eq!(refused.fields, [field]);
        }
        let request = with(upload, json!({"parts": [part(3, last.trim_matches('"'))]}));
        let completed = front.call(&server, "multipart/complete", request).await;
        assert_eq!(completed.expect("of one part, as was asked")["size"], "4");
    }
}

#[tokio::test]
async fn upload_id_of_another_draft_is_refused() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("mine");
        let mine = arrived(&server, front, json!({"object_name": name}), b"mine").await;
        let unique = arrived(&server, front, json!({"object_name": name, "unique": true}), b"mine").await;
        for foreign in [
            with(mine.clone(), json!({"object_name": front.name("yours")})),
            with(mine.clone(), json!({"draft_id": unique["draft_id"]})),
            with(unique.clone(), json!({"draft_id": null})),
            with(mine.clone(), json!({"upload_id": "nonsense"})),
            with(mine.clone(), json!({"upload_id": ""})),
        ] {
            for route in ["sign-parts", "list-parts", "complete", "abort"] {
                let request = if route == "sign-parts" {
                    with(foreign.clone(), json!({"parts": [{"part_number": 1}]}))
                } else {
                    foreign.clone()
                };
                let refused = front.call(&server, &format!("multipart/{route}"), request).await;
                let refused = refused.expect_err("foreign");
                refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
                assert_eq!(refused.fields, ["upload_id"], "{route}: {foreign}");
            }
        }
        for upload in [mine, unique] {
            let completed = front.call(&server, "multipart/complete", upload).await;
            completed.expect("nothing happened to it");
        }
    }
}

#[tokio::test]
async fn invalid_multipart_uploads_name_the_field() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({
            "object_name": "/a",
            "content_type": "jpeg",
            "content_length": -1,
            "draft_lifetime": 60,
            "metadata": {"draftstore-upload": "forged"},
        });
        let refused = front.call(&server, "multipart/create", request).await;
        let refused = refused.expect_err("refused");
        refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        let expected = [
            "object_name",
            "content_type",
            "metadata.draftstore-upload",
            "content_length",
            "draft_lifetime",
        ];
        assert_eq!(refused.fields, expected);

        let largest = 53_687_091_200_000_i64;
        let request = |bytes: i64| json!({"object_name": front.name("large"), "content_length": bytes});
        let refused = front.call(&server, "multipart/create", request(largest + 1)).await;
        let refused = refused.expect_err("too large");
        refused.assert(413, Code::InvalidArgument, "TOO_LARGE");
        assert_eq!(refused.fields, ["content_length"]);
        let created = create(&server, front, request(largest)).await;
        assert_eq!(
            (&created["part_size"], &created["part_count"]),
            (&json!("5368709120"), &json!(10_000))
        );
    }
}

#[tokio::test]
async fn every_invalid_part_is_named() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": front.name("parts"), "content_length": 10_000_000});
        let upload = upload(&create(&server, front, request).await);
        let sign = async |fields: Value| {
            let request = with(upload.clone(), fields);
            let refused = front.call(&server, "multipart/sign-parts", request).await;
            let refused = refused.expect_err("refused");
            refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            refused.fields
        };
        let parts = json!([
            {"part_number": 1},
            {"part_number": 0},
            {"part_number": 3},
            {"part_number": 1},
            {"part_number": 2, "content_length": -1, "checksum_sha256": "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},
            {"part_number": -1, "content_length": 5_368_709_121_i64},
        ]);
        let expected = [
            "expires_in",
            "parts[1].part_number",
            "parts[2].part_number",
            "parts[3].part_number",
            "parts[4].content_length",
            "parts[4].checksum_sha256",
            "parts[5].part_number",
            "parts[5].content_length",
        ];
        assert_eq!(sign(json!({"parts": parts, "expires_in": 0})).await, expected);
        assert_eq!(sign(json!({"parts": []})).await, ["parts"]);
        let part = |number: i32| json!({"part_number": number});
        let too_many: Vec<_> = (1..=1_001).map(part).collect();
        assert_eq!(sign(json!({"parts": too_many})).await, ["parts"]);
        let all_wrong: Vec<_> = (10_001..=11_000).map(part).collect();
        let named = sign(json!({"parts": all_wrong})).await;
        // A gRPC status is small and names only the first ones.
        let all = if front == Front::Rest { 1_000 } else { 20 };
        assert_eq!((named.len(), named[19].as_str()), (all, "parts[19].part_number"));
    }
}

#[tokio::test]
async fn thousand_parts_are_signed_and_ten_thousand_completed() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": front.name("many")});
        let upload = upload(&create(&server, front, request).await);
        let parts: Vec<_> = (9_001..=10_000)
            .map(|number| json!({"part_number": number, "content_length": 5}))
            .collect();
        let request = with(upload.clone(), json!({"parts": parts, "expires_in": 60}));
        let signed = front
            .call(&server, "multipart/sign-parts", request)
            .await
            .expect("signed");
        let signed = signed["parts"].as_array().expect("parts").clone();
        assert_eq!((signed.len(), &signed[999]["part_number"]), (1_000, &json!(10_000)));
        assert_eq!(signed[999]["headers"], json!({"content-length": "5"}));
        let unbound = with(signed[999].clone(), json!({"headers": {}}));
        assert_eq!(put(&unbound, "6 byte").await.status(), 403);
        assert_eq!(put(&signed[999], "bytes").await.status(), 200);

        let etag = "\"0123456789abcdef0123456789abcdef\"";
        let parts: Vec<_> = (1..=10_000)
            .map(|number| json!({"part_number": number, "etag": etag}))
            .collect();
        let request = with(upload, json!({ "parts": parts }));
        let refused = front.call(&server, "multipart/complete", request).await;
        let refused = refused.expect_err("one has arrived");
        refused.assert(412, Code::FailedPrecondition, "UPLOAD_INCOMPLETE");
        assert_eq!(refused.fields, ["parts[0]"]);
    }
}

#[tokio::test]
async fn part_checksums_are_enforced() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("sums");
        let request = json!({"object_name": name, "unique": true, "part_checksums": true});
        let upload = upload(&create(&server, front, request).await);
        let refused = front
            .call(
                &server,
                "multipart/sign-parts",
                with(upload.clone(), json!({"parts": [{"part_number": 1}]})),
            )
            .await
            .expect_err("it needs one");
        assert_eq!(refused.fields, ["parts[0].checksum_sha256"]);

        let parts = json!([{"part_number": 1, "checksum_sha256": HELLO_SHA256}]);
        let request = with(upload.clone(), json!({ "parts": parts }));
        let signed = front
            .call(&server, "multipart/sign-parts", request)
            .await
            .expect("signed");
        assert!(put(&signed["parts"][0], "hullo").await.status().is_client_error());
        assert_eq!(put(&signed["parts"][0], "hello").await.status(), 200);
        let status = front
            .call(&server, "multipart/list-parts", upload.clone())
            .await
            .expect("in progress");
        assert_eq!(status["parts"][0]["checksum_sha256"], HELLO_SHA256);
        assert_eq!(status["part_checksums"], true);
        front
            .call(&server, "multipart/complete", upload.clone())
            .await
            .expect("completed");

        let pinned = |fields: Value| {
            let draft = json!({"object_name": name, "draft_id": upload["draft_id"]});
            front.call(&server, "confirm-upload", with(draft, fields))
        };
        // The store knows the checksums of the parts, but not of the object.
        for wrong in [json!({"checksum_sha256": HELLO_SHA256}), json!({"content_length": 6})] {
            let refused = pinned(wrong).await.expect_err("refused");
            refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        }
        pinned(json!({"content_length": 5})).await.expect("confirmed");
        let again = pinned(json!({"content_length": 5})).await.expect("confirmed again");
        assert_eq!(again["replayed"], true);
    }
}

#[tokio::test]
async fn empty_file_is_one_empty_part() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("empty");
        let created = create(&server, front, json!({"object_name": name, "content_length": 0})).await;
        assert_eq!(created["part_count"], 1);
        let upload = upload(&created);
        let refused = front.call(&server, "multipart/complete", upload.clone()).await;
        let refused = refused.expect_err("a part it needs");
        refused.assert(412, Code::FailedPrecondition, "UPLOAD_INCOMPLETE");
        upload_part(&server, front, &upload, 1, b"").await;
        let completed = front.call(&server, "multipart/complete", upload).await;
        assert_eq!(completed.expect("completed")["size"], "0");
        let kept = front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await;
        assert_eq!(kept.expect("confirmed")["size"], "0");
    }
}

#[tokio::test]
async fn urls_of_parts_have_their_expiry() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"object_name": front.name("short"), "unique": true, "draft_lifetime": 300});
        let created = create(&server, front, request).await;
        let upload = upload(&created);
        let sign = async |expires_in: i32| {
            let fields = json!({"parts": [{"part_number": 1}], "expires_in": expires_in});
            let signed = front
                .call(&server, "multipart/sign-parts", with(upload.clone(), fields))
                .await
                .expect("signed");
            signed["expires_at"].as_str().expect("a time").to_owned()
        };
        let ends = created["expires_at"].as_str().expect("a time");
        assert!(sign(60).await.as_str() < ends);
        assert!(sign(3600).await.as_str() <= ends, "with the upload at the latest");
    }
}
