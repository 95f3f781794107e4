use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, draft};
use crate::server::Server;

async fn drafts(server: &Server, front: Front, names: &[&str]) {
    for name in names {
        draft(server, &front.name(name), b"bytes").await;
    }
}

/// Returns the reason of each outcome, or `OK`.
fn reasons(answer: &Value) -> Vec<&str> {
    let outcomes = answer["outcomes"].as_array().expect("outcomes");
    let reasons: Vec<_> = outcomes.iter().map(reason).collect();
    assert_eq!(answer["success"], reasons.iter().all(|reason| *reason == "OK"));
    reasons
}

fn reason(outcome: &Value) -> &str {
    match outcome.get("error") {
        Some(error) => error["reason"].as_str().expect("a reason"),
        None if outcome["confirmed"]["success"] == true => "OK",
        None => panic!("neither confirmed nor an error: {outcome}"),
    }
}

/// Returns the stage of an object, or `None` if it does not exist.
async fn stage(server: &Server, front: Front, name: &str) -> Option<String> {
    let request = json!({ "object_name": front.name(name) });
    let found = front.call(server, "download-url", request).await.ok()?;
    Some(found["stage"].as_str().expect("a stage").to_owned())
}

#[tokio::test]
async fn each_draft_has_its_own_outcome_in_order() {
    let server = Server::start();
    for front in FRONTS {
        drafts(&server, front, &["taken", "kept", "swapped"]).await;
        let taken = json!({ "object_name": front.name("taken") });
        front
            .call(&server, "confirm-upload", taken.clone())
            .await
            .expect("confirmed");
        draft(&server, &front.name("taken"), b"other bytes").await;
        let request = json!({"uploads": [
            {"object_name": front.name("kept")},
            {"object_name": front.name("missing")},
            taken,
            {"object_name": front.name("swapped"), "if_match": "0".repeat(32)},
            {"object_name": "../a"},
        ]});
        let answer = front.call(&server, "confirm-uploads", request).await.expect("answered");
        let expected = [
            "OK",
            "DRAFT_NOT_FOUND",
            "OBJECT_ALREADY_EXISTS",
            "PIN_MISMATCH",
            "INVALID_REQUEST",
        ];
        assert_eq!(reasons(&answer), expected);
        let outcomes = &answer["outcomes"];
        assert_eq!(
            outcomes[0]["confirmed"]["final_location"],
            format!("main/{}", front.name("kept"))
        );
        for (place, http, grpc, fields) in [
            (1, 404, Code::NotFound, json!([])),
            (3, 412, Code::FailedPrecondition, json!(["if_match"])),
            (4, 400, Code::InvalidArgument, json!(["object_name"])),
        ] {
            let error = &outcomes[place]["error"];
            assert_eq!(
                (&error["http_status"], &error["grpc_code"]),
                (&json!(http), &json!(grpc as i32))
            );
            assert!(error["message"].is_string() && error.get("retry_after").is_none());
            let errors = error["errors"].as_array().expect("errors").iter();
            assert_eq!(errors.map(|error| error["field"].clone()).collect::<Value>(), fields);
        }
    }
}

#[tokio::test]
async fn unavailable_store_gives_every_outcome_a_retry_time() {
    let server = Server::start_with(&[
        ("S3_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    for front in FRONTS {
        let request = json!({"uploads": [{"object_name": "a"}, {"object_name": "b"}]});
        let answer = front.call(&server, "confirm-uploads", request).await.expect("answered");
        assert_eq!(reasons(&answer), ["STORE_UNAVAILABLE"; 2]);
        assert!(answer["outcomes"][1]["error"]["retry_after"].as_i64() > Some(0));
    }
    // On another thread, because the runtime has to close connections before the server ends.
    let stopped = tokio::task::spawn_blocking(|| server.stop());
    let (_, log) = stopped.await.expect("stopped");
    // The probe at start logs the same about its own calls.
    let said = log
        .lines()
        .filter(|line| line.contains("HeadObject") && line.contains("STORE_UNAVAILABLE"));
    assert_eq!(said.count(), 4, "each once: {log}");
}

#[tokio::test]
async fn empty_oversized_and_duplicate_batches_are_refused() {
    let server = Server::start();
    for front in FRONTS {
        drafts(&server, front, &["a"]).await;
        let many = |count: usize| (0..count).map(|n| json!({"object_name": front.name(&n.to_string())}));
        let a = json!({ "object_name": front.name("a") });
        for (uploads, field) in [
            (Value::Array(Vec::new()), "uploads"),
            (many(101).collect(), "uploads"),
            (json!([a, a]), "uploads[1]"),
        ] {
            for atomic in [false, true] {
                let request = json!({"uploads": uploads, "atomic": atomic});
                let failure = front
                    .call(&server, "confirm-uploads", request)
                    .await
                    .expect_err("refused");
                failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
                assert_eq!(failure.fields, [field]);
            }
        }
        assert_eq!(stage(&server, front, "a").await.as_deref(), Some("STAGE_DRAFT"));
    }
}

/// The largest valid request: every upload has the longest names and every condition.
#[tokio::test]
async fn hundred_drafts_are_confirmed_and_a_repeat_is_replayed() {
    let server = Server::start();
    for front in FRONTS {
        for atomic in [false, true] {
            let name = |n: usize| format!("{n:03}{front:?}{atomic}{}", "\u{1f600}".repeat(220));
            let uploads = stream::iter(0..100).map(|n| {
                let (server, name) = (&server, name(n));
                async move { draft(server, &name, b"bytes").await }
            });
            uploads.buffer_unordered(16).collect::<Vec<()>>().await;
            let one = |n| {
                json!({
                    "object_name": name(n),
                    "destination_name": format!("kept{}", name(n)),
                    "content_length": "5",
                    "if_match": "4b3a6218bb3e3a7303e8a171a60fcf92",
                    "idempotency_key": format!("{n:0128}"),
                })
            };
            let request = json!({"uploads": (0..100).map(one).collect::<Value>(), "atomic": atomic});
            for replayed in [false, true] {
                let answer = front
                    .call(&server, "confirm-uploads", request.clone())
                    .await
                    .expect("answered");
                assert_eq!(reasons(&answer), ["OK"; 100]);
                for (n, outcome) in answer["outcomes"].as_array().expect("outcomes").iter().enumerate() {
                    let location = format!("main/kept{}", name(n));
                    let confirmed = &outcome["confirmed"];
                    assert_eq!(
                        (&confirmed["final_location"], &confirmed["replayed"]),
                        (&json!(location), &json!(replayed))
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn atomic_batch_with_a_missing_draft_confirms_none() {
    let server = Server::start();
    for front in FRONTS {
        drafts(&server, front, &["a", "b"]).await;
        for bad in [front.name("missing"), "../invalid".to_owned()] {
            let uploads =
                json!([{"object_name": front.name("a")}, {"object_name": bad}, {"object_name": front.name("b")}]);
            let request = json!({"uploads": uploads, "atomic": true});
            let answer = front.call(&server, "confirm-uploads", request).await.expect("answered");
            let [a, failed, b] = reasons(&answer)[..] else {
                panic!("{answer}")
            };
            assert_eq!([a, b], ["BATCH_ROLLED_BACK"; 2]);
            assert!(["DRAFT_NOT_FOUND", "INVALID_REQUEST"].contains(&failed), "{failed}");
            for name in ["a", "b"] {
                assert_eq!(stage(&server, front, name).await.as_deref(), Some("STAGE_DRAFT"));
                let main = json!({"object_name": front.name(name), "stage": "STAGE_MAIN"});
                let failure = front
                    .call(&server, "download-url", main)
                    .await
                    .expect_err("not in main");
                failure.assert(404, Code::NotFound, "OBJECT_NOT_FOUND");
            }
        }
    }
}

#[tokio::test]
async fn atomic_batch_refuses_overwrites_and_duplicate_names() {
    let server = Server::start();
    for front in FRONTS {
        drafts(&server, front, &["a", "b"]).await;
        let (a, b) = (front.name("a"), front.name("b"));
        for (second, field) in [
            (json!({"object_name": b, "overwrite": true}), "uploads[1].overwrite"),
            (json!({"object_name": b, "destination_name": a}), "uploads[1]"),
        ] {
            let request = json!({"uploads": [{"object_name": a}, second], "atomic": true});
            let failure = front
                .call(&server, "confirm-uploads", request)
                .await
                .expect_err("refused");
            failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(failure.fields, [field]);
        }
        assert_eq!(stage(&server, front, "a").await.as_deref(), Some("STAGE_DRAFT"));
    }
}
