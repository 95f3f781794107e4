//! Tests that a confirm keeps what was agreed on when an upload was issued, and nothing that the uploader added.

use draftstore_testing::TestBuckets;
use serde_json::{Value, json};

use crate::front::{FRONTS, Front, download, put, upload_form};
use crate::server::Server;

/// The headers that objects can have, by the names of their fields, with a value that is agreed on and one that is added.
const HEADERS: [(&str, &str, &str); 5] = [
    ("cache_control", "max-age=60", "public, immutable"),
    (
        "content_disposition",
        "inline; filename=a.txt",
        "attachment; filename=\"setup.exe\"",
    ),
    ("content_encoding", "identity", "gzip"),
    ("content_language", "de-CH, en", "fr"),
    (
        "expires",
        "Thu, 31 Dec 2026 23:59:59 GMT",
        "Fri, 31 Dec 2027 23:59:59 GMT",
    ),
];

/// The ways to upload a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Put,
    Batch,
    Form,
    Parts,
}

const WAYS: [Way; 4] = [Way::Put, Way::Batch, Way::Form, Way::Parts];

fn with(mut request: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().expect("an object") {
        request[name] = value.clone();
    }
    request
}

/// Adds to the headers of a signed request those that are not there yet.
fn with_added(mut signed: Value) -> Value {
    for (field, _, added) in HEADERS {
        let headers = signed["headers"].as_object_mut().expect("headers");
        headers.entry(field.replace('_', "-")).or_insert_with(|| json!(added));
    }
    signed
}

impl Way {
    /// Uploads a draft with additional headers where the way allows them.
    async fn upload(self, server: &Server, front: Front, request: Value) {
        let call = async |route, request| front.call(server, route, request).await.expect("a response");
        match self {
            Self::Put => {
                let issued = call("upload-url", request).await;
                assert_eq!(put(&with_added(issued), "bytes").await.status(), 200);
            }
            Self::Batch => {
                let issued = call("upload-urls", json!({ "uploads": [request] })).await;
                let issued = issued["outcomes"][0]["issued"].clone();
                assert_eq!(put(&with_added(issued), "bytes").await.status(), 200);
            }
            Self::Form => {
                let issued = call("upload-url", with(request, &json!({"max_content_length": 5}))).await;
                assert_eq!(upload_form(&issued, b"bytes").await, 201);
                let mut extended = issued.clone();
                let fields = extended["fields"].as_object_mut().expect("fields");
                for (field, _, added) in HEADERS {
                    fields.insert(field.replace('_', "-"), json!(added));
                }
                assert_eq!(upload_form(&extended, b"bytes").await, 403);
            }
            Self::Parts => {
                let name = request["object_name"].clone();
                let created = call("multipart/create", request).await;
                let upload = json!({"object_name": name, "upload_id": created["upload_id"]});
                let parts = json!({"parts": [{"part_number": 1}]});
                let signed = call("multipart/sign-parts", with(upload.clone(), &parts)).await;
                assert_eq!(
                    put(&with_added(signed["parts"][0].clone()), "bytes").await.status(),
                    200
                );
                call("multipart/complete", upload).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confirm_keeps_what_was_agreed_and_nothing_else() {
    let server = Server::start();
    for (front, way) in FRONTS.into_iter().flat_map(|front| WAYS.map(|way| (front, way))) {
        for count in [0, 2, HEADERS.len()] {
            let name = front.name(&format!("{way:?} {count}"));
            let mut request = json!({"object_name": name, "content_type": "text/plain", "metadata": {"author": "ada"}});
            for (field, agreed, _) in &HEADERS[..count] {
                request[field] = json!(agreed);
            }
            way.upload(&server, front, request).await;

            let draft = json!({ "object_name": name });
            let seen = front
                .call(&server, "inspect-draft", draft.clone())
                .await
                .expect("there");
            front.call(&server, "confirm-upload", draft).await.expect("confirmed");
            let main = json!({"object_name": name, "stage": "STAGE_MAIN"});
            let issued = front.call(&server, "download-url", main).await.expect("issued");
            let response = download(&issued).await;
            assert_eq!(response.headers()["content-type"], "text/plain");
            assert_eq!(response.headers()["x-amz-meta-author"], "ada");
            assert_eq!(response.headers().get("x-amz-meta-draftstore-agreed"), None);
            let is_added = matches!(way, Way::Put | Way::Batch);
            for (place, (field, agreed, added)) in HEADERS.into_iter().enumerate() {
                let is_agreed = place < count;
                let kept = is_agreed.then(|| json!(agreed));
                assert_eq!(seen.get(field), kept.as_ref(), "{name}: {field}");
                let dropped = (is_added && !is_agreed).then(|| json!(added));
                assert_eq!(seen["dropped"].get(field), dropped.as_ref(), "{name}: {field}");
                let header = field.replace('_', "-");
                let response = response
                    .headers()
                    .get(&header)
                    .map(|value| value.to_str().expect("ASCII"));
                // The disposition is always part of the URL.
                let default = (field == "content_disposition").then_some("inline");
                assert_eq!(
                    response,
                    if is_agreed { Some(agreed) } else { default },
                    "{name}: {header}"
                );
            }
        }
    }
}

/// A store that takes metadata that is not signed takes an invented record too. Here the uploader has the store's key.
#[tokio::test(flavor = "multi_thread")]
async fn record_that_the_server_did_not_write_counts_for_nothing() {
    let world = TestBuckets::embedded().await;
    let server = Server::start_with(&[
        ("BUCKET_NAME", world.main.name().as_str()),
        ("S3_ENDPOINT", &world.endpoint.url),
        ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
    ]);
    let all: Vec<_> = HEADERS.iter().map(|(field, ..)| *field).collect();
    let signed_for = async |name: &str| {
        let mut request = json!({ "object_name": name });
        for (field, agreed, _) in HEADERS {
            request[field] = json!(agreed);
        }
        let issued = Front::Rest.call(&server, "upload-url", request).await.expect("issued");
        let record = &issued["headers"]["x-amz-meta-draftstore-agreed"];
        record.as_str().expect("a record").to_owned()
    };
    let records = [all.join(","), signed_for("another").await, signed_for("a").await];
    for (place, record) in records.iter().enumerate() {
        let put = world.sdk().put_object().bucket(world.draft.name().as_str()).key("a");
        // Other bytes each time: the last confirm's draft may be deleted after this upload.
        let put = put
            .metadata("draftstore-agreed", record)
            .body(format!("bytes {place}").into_bytes().into());
        let [cache_control, disposition, encoding, language, _] = HEADERS.map(|(_, _, added)| added);
        let put = put.cache_control(cache_control).content_disposition(disposition);
        let put = put.content_encoding(encoding).content_language(language);
        put.send().await.expect("stored");
        let draft = json!({"object_name": "a", "destination_name": format!("b{place}")});
        let seen = Front::Rest
            .call(&server, "inspect-draft", json!({"object_name": "a"}))
            .await;
        let seen = seen.expect("there");
        for (field, _, added) in &HEADERS[..4] {
            assert_eq!(
                (seen.get(field), &seen["dropped"][field]),
                (None, &json!(added)),
                "{record}"
            );
        }
        Front::Rest
            .call(&server, "confirm-upload", draft)
            .await
            .expect("confirmed");
        let kept = world
            .sdk()
            .head_object()
            .bucket(world.main.name().as_str())
            .key(format!("b{place}"));
        let kept = kept.send().await.expect("there");
        let headers = [
            kept.cache_control(),
            kept.content_disposition(),
            kept.content_encoding(),
            kept.content_language(),
        ];
        assert_eq!(headers, [None; 4], "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_forms_cannot_contain_the_name_of_the_file() {
    let server = Server::start();
    let name = "${filename}";
    for front in FRONTS {
        for (field, value) in [
            ("object_name", json!(format!("a/{name}"))),
            ("content_type", json!(format!("text/plain; x=\"{name}\""))),
            ("cache_control", json!(format!("private=\"{name}\""))),
            ("content_disposition", json!(format!("attachment; filename=\"{name}\""))),
            ("metadata.note", json!(format!("by {name}"))),
        ] {
            let mut request = json!({"object_name": front.name("a")});
            match field.split_once('.') {
                Some((map, key)) => request[map] = json!({ key: value }),
                None => request[field] = value,
            }
            front
                .call(&server, "upload-url", request.clone())
                .await
                .expect("a PUT has no such variable");
            request["max_content_length"] = json!(5);
            let refused = front.call(&server, "upload-url", request).await.expect_err(field);
            assert_eq!(refused.fields, [field]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_sets_the_headers_of_its_uploads() {
    let server = Server::start();
    let (field, agreed, added) = HEADERS[0];
    let ticket = Front::Rest.call(&server, "tickets", json!({ field: agreed })).await;
    let ticket = format!(
        "Bearer {}",
        ticket.expect("minted")["ticket"].as_str().expect("a ticket")
    );
    let ticket = [("authorization", ticket.as_str())];
    for front in FRONTS {
        for route in ["upload-url", "multipart/create"] {
            for (given, is_allowed) in [(None, true), (Some(agreed), true), (Some(added), false)] {
                let request = json!({"object_name": front.name("a"), field: given});
                let issued = front.call_with(&ticket, &server, route, request).await;
                match issued {
                    Ok(issued) if route == "upload-url" => assert_eq!(issued["headers"]["cache-control"], agreed),
                    Ok(_) => assert!(is_allowed),
                    Err(refused) => assert_eq!((refused.fields, is_allowed), (vec![field.to_owned()], false)),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_headers_are_refused_by_field() {
    let server = Server::start();
    for front in FRONTS {
        for route in ["upload-url", "multipart/create", "tickets"] {
            for (field, ..) in HEADERS {
                for bad in ["", "a,,b", "a\r\nx: y", "é", "\""] {
                    let request = json!({"object_name": front.name("a"), field: bad});
                    let refused = front.call(&server, route, request).await.expect_err(bad);
                    assert_eq!(refused.fields, [field], "{route}: {bad:?}");
                }
            }
        }
    }
}
