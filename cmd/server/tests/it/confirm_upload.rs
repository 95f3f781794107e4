use draftstore_testing::http_client;
use futures::future::join_all;
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Failure, HELLO_SHA256, download, draft, upload, wait_until_deleted};
use crate::server::Server;

#[tokio::test]
async fn confirm_preserves_bytes_type_and_metadata() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("photo.png");
        let request = json!({"object_name": name, "content_type": "image/png", "metadata": {"author": "Ada"}});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload(&issued, "pixels").await, 200);

        let confirmed = front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await
            .expect("confirmed");
        assert_eq!(confirmed["success"], true);
        assert_eq!(confirmed["final_location"], format!("main/{name}"));
        assert_eq!(confirmed["size"], "6");
        assert_eq!(confirmed["content_type"], "image/png");

        wait_until_deleted(&server, &name).await;
        let gone = json!({"object_name": name, "stage": "STAGE_DRAFT"});
        let failure = front
            .call(&server, "download-url", gone)
            .await
            .expect_err("the draft is gone");
        failure.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
        let issued = front
            .call(&server, "download-url", json!({ "object_name": name }))
            .await
            .expect("issued");
        assert_eq!(issued["etag"], confirmed["etag"]);
        let answer = download(&issued).await;
        assert_eq!(answer.headers()["x-amz-meta-author"], "Ada");
        assert_eq!(answer.headers()["content-type"], "image/png");
        assert_eq!(answer.text().await.expect("text"), "pixels");
    }
}

#[tokio::test]
async fn confirm_twice_is_idempotent() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"bytes").await;
        let request = json!({ "object_name": name });
        let first = front
            .call(&server, "confirm-upload", request.clone())
            .await
            .expect("confirmed");
        let mut second = front
            .call(&server, "confirm-upload", request)
            .await
            .expect("confirmed again");
        assert_eq!((&first["replayed"], &second["replayed"]), (&json!(false), &json!(true)));
        second["replayed"] = json!(false);
        assert_eq!(first, second);
    }
}

#[tokio::test]
async fn hundred_concurrent_confirms_have_one_effect() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"bytes").await;
        let confirms = (0..100).map(|_| front.call(&server, "confirm-upload", json!({ "object_name": name })));
        let answers = join_all(confirms).await;
        let kept = |answer: &Result<Value, Failure>| answer.as_ref().map(|answer| answer["etag"].clone()).ok();
        let first = kept(&answers[0]).expect("confirmed");
        assert!(
            answers.iter().all(|answer| kept(answer).as_ref() == Some(&first)),
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn confirm_does_not_replace_another_object() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({ "object_name": name });
        draft(&server, &name, b"first").await;
        front
            .call(&server, "confirm-upload", request.clone())
            .await
            .expect("confirmed");
        draft(&server, &name, b"second").await;
        let failure = front
            .call(&server, "confirm-upload", request)
            .await
            .expect_err("refused");
        failure.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");

        for (stage, bytes) in [("STAGE_MAIN", "first"), ("STAGE_DRAFT", "second")] {
            let request = json!({"object_name": name, "stage": stage});
            let issued = front.call(&server, "download-url", request).await.expect("there");
            assert_eq!(download(&issued).await.text().await.expect("text"), bytes);
        }
    }
}

#[tokio::test]
async fn if_match_detects_replaced_bytes() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"inspected").await;
        let request = json!({ "object_name": name });
        let seen = front
            .call(&server, "download-url", request.clone())
            .await
            .expect("there");
        draft(&server, &name, b"swapped").await;

        let pinned = json!({"object_name": name, "if_match": seen["etag"]});
        let failure = front
            .call(&server, "confirm-upload", pinned)
            .await
            .expect_err("refused");
        failure.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(failure.fields, ["if_match"]);
        let main = json!({"object_name": name, "stage": "STAGE_MAIN"});
        front
            .call(&server, "download-url", main)
            .await
            .expect_err("main is untouched");

        let seen = front.call(&server, "download-url", request).await.expect("there");
        let quoted = format!("\"{}\"", seen["etag"].as_str().expect("an ETag"));
        let pinned = json!({"object_name": name, "if_match": quoted});
        front.call(&server, "confirm-upload", pinned).await.expect("confirmed");
    }
}

#[tokio::test]
async fn confirm_of_an_unknown_draft_is_404() {
    let server = Server::start();
    for front in FRONTS {
        let failure = front
            .call(&server, "confirm-upload", json!({"object_name": "none"}))
            .await
            .expect_err("none");
        failure.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
    }
}

#[tokio::test]
async fn confirmed_objects_and_drafts_survive_a_restart() {
    let server = Server::start();
    draft(&server, "kept", b"kept").await;
    draft(&server, "open", b"open").await;
    FRONTS[0]
        .call(&server, "confirm-upload", json!({"object_name": "kept"}))
        .await
        .expect("confirmed");
    let data_dir = server.stop_and_keep_data();

    let server = Server::start_in(data_dir.path(), &[]);
    for front in FRONTS {
        for (name, stage) in [("kept", "STAGE_MAIN"), ("open", "STAGE_DRAFT")] {
            let issued = front
                .call(&server, "download-url", json!({ "object_name": name }))
                .await
                .expect("there");
            assert_eq!(issued["stage"], stage);
            assert_eq!(download(&issued).await.text().await.expect("text"), name);
        }
    }
}

#[tokio::test]
async fn confirm_checks_size_and_checksum() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({"object_name": name, "checksum_sha256": HELLO_SHA256});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload(&issued, "hello").await, 200);
        let other = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        for (pins, broken) in [
            (
                json!({"object_name": name, "content_length": 6, "checksum_sha256": HELLO_SHA256}),
                Some("content_length"),
            ),
            (
                json!({"object_name": name, "content_length": 5, "checksum_sha256": other}),
                Some("checksum_sha256"),
            ),
            (
                json!({"object_name": name, "content_length": 5, "checksum_sha256": HELLO_SHA256}),
                None,
            ),
        ] {
            let confirmed = front.call(&server, "confirm-upload", pins).await;
            assert_eq!(confirmed.is_err(), broken.is_some(), "{confirmed:?}");
            if let (Err(failure), Some(pin)) = (confirmed, broken) {
                failure.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
                assert_eq!(failure.fields, [pin]);
            }
        }
    }
}

#[tokio::test]
async fn overwrite_replaces_only_the_expected_version() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"first").await;
        let first = front
            .call(&server, "confirm-upload", json!({ "object_name": name }))
            .await
            .expect("confirmed");
        draft(&server, &name, b"second").await;
        let wrong = json!({"object_name": name, "overwrite": true, "overwrite_if_match": "0123"});
        let failure = front.call(&server, "confirm-upload", wrong).await.expect_err("refused");
        failure.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
        assert_eq!(failure.fields, ["overwrite_if_match"]);

        let right = json!({"object_name": name, "overwrite": true, "overwrite_if_match": first["etag"]});
        let second = front
            .call(&server, "confirm-upload", right.clone())
            .await
            .expect("confirmed");
        let again = front
            .call(&server, "confirm-upload", right)
            .await
            .expect("confirmed again");
        assert_eq!((&again["etag"], &again["replayed"]), (&second["etag"], &json!(true)));
        draft(&server, &name, b"third").await;
        let any = json!({"object_name": name, "overwrite": true});
        front.call(&server, "confirm-upload", any).await.expect("confirmed");
        let kept = front
            .call(&server, "download-url", json!({ "object_name": name }))
            .await
            .expect("there");
        assert_eq!(download(&kept).await.text().await.expect("text"), "third");

        let alone = json!({"object_name": name, "overwrite_if_match": "0123"});
        let failure = front.call(&server, "confirm-upload", alone).await.expect_err("refused");
        assert_eq!(failure.fields, ["overwrite_if_match"]);
    }
}

#[tokio::test]
async fn idempotency_key_replays_despite_a_new_draft() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        draft(&server, &name, b"first").await;
        let request = json!({"object_name": name, "idempotency_key": "order-7"});
        let first = front
            .call(&server, "confirm-upload", request.clone())
            .await
            .expect("confirmed");
        draft(&server, &name, b"second").await;
        let again = front
            .call(&server, "confirm-upload", request)
            .await
            .expect("answered again");
        assert_eq!((&again["etag"], &again["replayed"]), (&first["etag"], &json!(true)));
        let other = json!({"object_name": name, "idempotency_key": "order-8"});
        let failure = front.call(&server, "confirm-upload", other).await.expect_err("refused");
        failure.assert(409, Code::AlreadyExists, "OBJECT_ALREADY_EXISTS");
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            let request = json!({"object_name": name, "idempotency_key": bad});
            let failure = front
                .call(&server, "confirm-upload", request)
                .await
                .expect_err("refused");
            assert_eq!(failure.fields, ["idempotency_key"]);
        }
    }
}

#[tokio::test]
async fn idempotency_key_may_be_a_header() {
    let server = Server::start();
    draft(&server, "a", b"first").await;
    let confirm = async |keys: &[&str], body: Value| {
        let mut request = http_client().post(format!("http://{}/api/v1/confirm-upload", server.http));
        for key in keys {
            request = request.header("idempotency-key", *key);
        }
        request.json(&body).send().await.expect("an answer")
    };
    let plain = json!({"object_name": "a"});
    assert_eq!(confirm(&["order-7"], plain.clone()).await.status(), 200);
    draft(&server, "a", b"second").await;
    let both = json!({"object_name": "a", "idempotency_key": "order-7"});
    for (keys, body) in [
        (&["order-7"][..], &plain),
        (&["order-7"], &both),
        (&["order-7"; 2], &plain),
    ] {
        assert_eq!(confirm(keys, body.clone()).await.status(), 200, "answered again");
    }
    for (keys, body) in [
        (&["order-8"][..], &both),
        (&["order-7", "order-8"], &plain),
        (&[""], &both),
    ] {
        let refused = confirm(keys, body.clone()).await;
        assert_eq!(refused.status(), 400, "{keys:?} {body}");
        let refused: Value = refused.json().await.expect("JSON");
        assert_eq!(refused["errors"][0]["field"], "idempotency_key", "{refused}");
    }
}

#[tokio::test]
async fn pins_hold_for_a_repeat_with_an_idempotency_key() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("f");
        draft(&server, &name, b"first").await;
        let request = json!({"object_name": name, "idempotency_key": "k"});
        let first = front.call(&server, "confirm-upload", request).await.expect("confirmed");
        let repeat = async |pins: Value| {
            let mut request = json!({"object_name": name, "idempotency_key": "k"});
            let pins = pins.as_object().expect("pins").clone();
            request.as_object_mut().expect("an object").extend(pins);
            front.call(&server, "confirm-upload", request).await
        };
        // Without a draft, and with another one of the name.
        for is_there in [false, true] {
            let mut second = json!("00000000000000000000000000000000");
            if is_there {
                draft(&server, &name, b"hello").await;
                let inspected = front
                    .call(&server, "inspect-draft", json!({ "object_name": name }))
                    .await;
                second = inspected.expect("there")["etag"].clone();
            }
            for (pin, value) in [
                ("if_match", second.clone()),
                ("content_length", json!(6)),
                ("checksum_sha256", json!(HELLO_SHA256)),
            ] {
                let refused = repeat(json!({ pin: value })).await.expect_err(pin);
                refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
                assert_eq!(refused.fields, [pin], "{is_there}");
            }
            let all = json!({"if_match": second, "content_length": 5, "checksum_sha256": HELLO_SHA256});
            let refused = repeat(all).await.expect_err("the first is another");
            refused.assert(412, Code::FailedPrecondition, "PIN_MISMATCH");
            for pins in [
                json!({}),
                json!({"content_length": 5}),
                json!({"if_match": first["etag"]}),
            ] {
                let again = repeat(pins).await.expect("the first");
                assert_eq!((&again["etag"], &again["replayed"]), (&first["etag"], &json!(true)));
            }
        }
    }
}

#[tokio::test]
async fn idempotency_key_of_another_request_is_refused() {
    let server = Server::start();
    for front in FRONTS {
        let [name, other] = ["f", "other"].map(|name| front.name(name));
        draft(&server, &name, b"first").await;
        let first = json!({"object_name": name, "idempotency_key": "k"});
        let confirmed = front
            .call(&server, "confirm-upload", first.clone())
            .await
            .expect("confirmed");
        draft(&server, &other, b"other").await;
        draft(&server, &name, b"second").await;
        let never = "7ZZZZZZZZZ0000000000000000";
        let mut refused = Vec::new();
        for request in [
            json!({"object_name": name, "draft_id": never}),
            json!({"object_name": name, "draft_id": never, "content_length": 5}),
            json!({"object_name": front.name("never"), "destination_name": name}),
            json!({"object_name": other, "destination_name": name}),
            json!({"object_name": other, "destination_name": name, "overwrite": true}),
            json!({"object_name": name, "overwrite": true}),
            json!({"object_name": name, "overwrite": true, "overwrite_if_match": confirmed["etag"]}),
        ] {
            let mut request = request;
            request["idempotency_key"] = "k".into();
            let failure = front.call(&server, "confirm-upload", request.clone()).await;
            let failure = failure.expect_err("another request");
            failure.assert(422, Code::FailedPrecondition, "IDEMPOTENCY_KEY_REUSED");
            assert_eq!(failure.fields, ["idempotency_key"], "{request}");
            refused.push(request);
        }
        for (atomic, request) in [
            (false, &refused[0]),
            (true, &refused[0]),
            (false, &refused[3]),
            (false, &refused[5]),
        ] {
            let batch = json!({"uploads": [request], "atomic": atomic});
            let answer = front.call(&server, "confirm-uploads", batch).await.expect("answered");
            let error = &answer["outcomes"][0]["error"];
            assert_eq!(error["reason"], "IDEMPOTENCY_KEY_REUSED", "{answer}");
            assert_eq!(error["http_status"], 422);
        }
        let again = front.call(&server, "confirm-upload", first).await.expect("the first");
        assert_eq!(again["etag"], confirmed["etag"]);
        let main = json!({"object_name": name, "stage": "STAGE_MAIN"});
        let issued = front.call(&server, "download-url", main).await.expect("there");
        assert_eq!(download(&issued).await.text().await.expect("text"), "first");
    }
}
