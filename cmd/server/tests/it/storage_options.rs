//! Storage options of uploads and confirms: tags, storage class, retention, legal hold and encryption.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, upload, upload_form};
use crate::server::Server;

async fn call(front: Front, server: &Server, route: &str, request: Value) -> Value {
    let answer = front.call(server, route, request).await;
    answer.unwrap_or_else(|refused| panic!("{route}: {refused:?}"))
}

/// Returns a time some days from now, in whole seconds.
fn in_days(days: u64) -> String {
    let later = SystemTime::now() + Duration::from_secs(days * 24 * 3600);
    let seconds = later.duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    jiff::Timestamp::from_second(seconds.cast_signed())
        .expect("a time")
        .to_string()
}

/// Uploads a draft with these options, in one of three ways.
async fn draft(front: Front, server: &Server, name: &str, way: &str, options: &Value) {
    draft_of(front, server, name, way, options, "hello").await;
}

async fn draft_of(front: Front, server: &Server, name: &str, way: &str, options: &Value, bytes: &'static str) {
    let request = json!({"object_name": name, "storage_options": options});
    match way {
        "put" => {
            let issued = call(front, server, "upload-url", request).await;
            assert_eq!(upload(&issued, bytes).await, 200);
        }
        "form" => {
            let mut request = request;
            request["max_content_length"] = json!(5);
            let issued = call(front, server, "upload-url", request).await;
            assert_eq!(upload_form(&issued, bytes.as_bytes()).await, 201);
        }
        _ => {
            let created = call(front, server, "multipart/create", request).await;
            let named = json!({"object_name": name, "upload_id": created["upload_id"]});
            let mut sign = named.clone();
            sign["parts"] = json!([{"part_number": 1}]);
            let mut part = call(front, server, "multipart/sign-parts", sign).await["parts"][0].clone();
            part["method"] = json!("PUT");
            assert_eq!(upload(&part, bytes).await, 200);
            call(front, server, "multipart/complete", named).await;
        }
    }
}

#[tokio::test]
async fn options_of_uploads_and_confirms_are_those_of_the_object() {
    let server = Server::start();
    server.lock_objects().await;
    for front in FRONTS {
        for way in ["put", "form", "parts"] {
            let name = front.name(way);
            let until = in_days(1);
            let agreed = json!({
                "tags": {"project": "apollo 11", "cost center": "a=b/c"},
                "storage_class": "STANDARD_IA",
                "retention": {"mode": "RETENTION_MODE_GOVERNANCE", "until": until},
                "legal_hold": true,
            });
            draft(front, &server, &name, way, &agreed).await;
            let inspected = call(front, &server, "inspect-draft", json!({ "object_name": name })).await;
            for option in ["tags", "storage_class", "retention", "legal_hold"] {
                assert_eq!(inspected[option], agreed[option], "{way}: {option}");
            }
            assert_eq!(inspected["metadata"], json!({}));
            call(front, &server, "confirm-upload", json!({ "object_name": name })).await;
            let kept = call(front, &server, "get-object", json!({ "object_name": name })).await;
            for option in ["tags", "storage_class", "retention", "legal_hold"] {
                assert_eq!(kept[option], agreed[option], "{way}: {option}");
            }
            assert_eq!(kept["metadata"], json!({}));

            // The confirm's word wins, option by option.
            let other = json!({"tags": {"a": "1"}, "storage_class": "ONEZONE_IA"});
            draft_of(front, &server, &name, way, &other, "other").await;
            let confirm = json!({
                "object_name": name, "overwrite": true, "storage_options": {"tags": {"b": "2"}},
            });
            call(front, &server, "confirm-upload", confirm).await;
            let kept = call(front, &server, "get-object", json!({ "object_name": name })).await;
            assert_eq!(
                (&kept["tags"], &kept["storage_class"], &kept["legal_hold"]),
                (&json!({"b": "2"}), &json!("ONEZONE_IA"), &json!(false))
            );
        }
    }
}

#[tokio::test]
async fn option_that_the_store_lacks_is_refused_by_name() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let until = in_days(1);
        for (option, value) in [
            (
                "retention",
                json!({"mode": "RETENTION_MODE_COMPLIANCE", "until": until}),
            ),
            ("legal_hold", json!(true)),
            ("encryption", json!("AES256")),
        ] {
            let options = json!({ option: value });
            for route in ["upload-url", "multipart/create", "confirm-upload"] {
                let request = json!({"object_name": name, "storage_options": options});
                let refused = front
                    .call(&server, route, request)
                    .await
                    .expect_err("the store lacks it");
                refused.assert(501, Code::Unimplemented, "STORE_UNSUPPORTED");
                assert_eq!(refused.fields, [format!("storage_options.{option}")]);
            }
        }
        // The store has storage classes, and not this one. The draft can still be confirmed without it.
        draft(front, &server, &name, "put", &json!({})).await;
        let other = json!({"object_name": name, "storage_options": {"storage_class": "TAPE"}});
        let refused = front
            .call(&server, "confirm-upload", other)
            .await
            .expect_err("no such class");
        refused.assert(501, Code::Unimplemented, "STORE_UNSUPPORTED");
        assert_eq!(refused.fields, ["storage_options.storage_class"]);
        call(front, &server, "confirm-upload", json!({ "object_name": name })).await;
    }
}

#[tokio::test]
async fn options_that_break_a_rule_are_named() {
    let server = Server::start();
    let many: serde_json::Map<String, Value> = (0..11).map(|n| (n.to_string(), json!("x"))).collect();
    let long: serde_json::Map<String, Value> = (0..10).map(|n| (n.to_string(), json!("x".repeat(200)))).collect();
    for front in FRONTS {
        for (field, options) in [
            ("tags", json!({ "tags": many })),
            ("tags.aws:a", json!({"tags": {"aws:a": "x"}})),
            ("storage_class", json!({"storage_class": "standard"})),
            ("retention.mode", json!({"retention": {"until": in_days(1)}})),
            (
                "retention.until",
                json!({"retention": {"mode": "RETENTION_MODE_GOVERNANCE"}}),
            ),
            ("encryption", json!({"encryption": "rot13"})),
            ("kms_key_id", json!({"kms_key_id": "a"})),
        ] {
            for route in ["upload-url", "multipart/create", "confirm-upload"] {
                let request = json!({"object_name": front.name("a"), "storage_options": options});
                let refused = front.call(&server, route, request).await.expect_err("invalid");
                refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
                assert_eq!(refused.fields, [format!("storage_options.{field}")]);
            }
        }
        // A time that no store has, and what JSON cannot write as a time.
        for until in ["9999-12-31T23:59:59Z", "12000-01-01T00:00:00Z", "soon"] {
            let retention = json!({"mode": "RETENTION_MODE_COMPLIANCE", "until": until});
            let request = json!({"object_name": "a", "storage_options": {"retention": retention}});
            let refused = Front::Rest
                .call(&server, "confirm-upload", request)
                .await
                .expect_err("no time");
            refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert!(refused.rules.join(" ").contains("RFC 3339"), "{:?}", refused.rules);
        }
        // An upload has less room than a confirm.
        let name = front.name("long");
        let request = json!({"object_name": name, "storage_options": {"tags": long}});
        let refused = front
            .call(&server, "upload-url", request.clone())
            .await
            .expect_err("too long");
        assert_eq!(refused.fields, ["storage_options"]);
        draft(front, &server, &name, "put", &json!({})).await;
        call(front, &server, "confirm-upload", request).await;
        let kept = call(front, &server, "get-object", json!({ "object_name": name })).await;
        assert_eq!(kept["tags"].as_object().map(serde_json::Map::len), Some(10));
    }
}

#[tokio::test]
async fn options_of_another_draft_or_of_an_uploader_do_not_count() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({"object_name": name, "storage_options": {"tags": {"paid": "yes"}}});
        let issued = call(front, &server, "upload-url", request).await;
        let other = call(front, &server, "upload-url", json!({"object_name": front.name("b")})).await;
        // The embedded store refuses metadata that is not signed, so nobody can even send what another upload has.
        let mut forged = other.clone();
        forged["headers"] = issued["headers"].clone();
        assert_eq!(upload(&forged, "hello").await, 403);
        assert_eq!(upload(&other, "hello").await, 200);
        call(
            front,
            &server,
            "confirm-upload",
            json!({"object_name": front.name("b")}),
        )
        .await;
        let kept = call(front, &server, "get-object", json!({"object_name": front.name("b")})).await;
        assert_eq!(kept["tags"], json!({}));
    }
}
