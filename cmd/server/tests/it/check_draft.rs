use std::time::{Duration, Instant};

use draftstore_testing::http_client;
use serde_json::{Value, json};
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{Events, FRONTS, Failure, Front, upload};
use crate::server::Server;

/// The time in which a sweep of every second has removed a draft, also on a busy machine.
const SWEPT_WITHIN: Duration = Duration::from_secs(60);

/// The beginning of a PNG file of one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 6,
    0, 0, 0, 0x1f, 0x15, 0xc4, 0x89,
];

/// A page that claims to be an image.
const PAGE: &[u8] = b"<!DOCTYPE html><script>alert(1)</script>";

/// A server with a caller whose drafts are checked, one that may not inspect them, and one whose are not.
struct World {
    server: Server,
    _policy: Policy,
    checked: String,
    downloads: String,
    unchecked: String,
}

impl World {
    fn start() -> Self {
        let all = "scopes = ['upload', 'download', 'inspect', 'confirm', 'discard']\n";
        let [checked, downloads, unchecked] = ["checked", "downloads", "unchecked"].map(new_key);
        let policy = Policy::new(&format!(
            "[profiles.images]\ncontent_types = ['image/png', 'image/gif']\n[profiles.images.checks.type]\n{}{all}profile = 'images'\n\
             {}scopes = ['download']\nprofile = 'images'\n{}{all}",
            checked.1, downloads.1, unchecked.1
        ));
        let [checked, downloads, unchecked] = [checked, downloads, unchecked].map(|(key, _)| bearer(&key));
        Self {
            server: policy.server("api-key", &[]),
            _policy: policy,
            checked,
            downloads,
            unchecked,
        }
    }

    async fn call(&self, front: Front, key: &str, call: &str, request: Value) -> Result<Value, Failure> {
        let headers = [("authorization", key)];
        front.call_with(&headers, &self.server, call, request).await
    }

    async fn uploaded(&self, front: Front, name: &str, bytes: &'static [u8]) {
        self.uploaded_by(front, &self.checked, name, bytes).await;
    }

    async fn uploaded_by(&self, front: Front, key: &str, name: &str, bytes: &'static [u8]) {
        let request = json!({"object_name": name, "content_type": "image/png"});
        let issued = self.call(front, key, "upload-url", request).await;
        assert_eq!(upload(&issued.expect("issued"), bytes).await, 200);
    }

    /// Returns the header of a ticket for one name, which allows fewer media types than the profile of its minter.
    async fn ticket(&self, front: Front, minter: &str, name: &str) -> String {
        let order = json!({"object_name": name, "content_types": ["image/png"]});
        let ticket = self.call(front, minter, "tickets", order).await.expect("minted");
        bearer(ticket["ticket"].as_str().expect("a ticket"))
    }

    async fn state(&self, front: Front, key: &str, call: &str, name: &str) -> Value {
        let answer = self.call(front, key, call, json!({ "object_name": name })).await;
        answer.expect(call)["checks"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_draft_is_confirmed_with_the_type_that_was_found() {
    let world = World::start();
    for front in FRONTS {
        let draft = json!({ "object_name": front.name("a.png") });
        world.uploaded(front, &front.name("a.png"), PNG).await;
        let call = async |call| {
            let answer = world.call(front, &world.checked, call, draft.clone()).await;
            answer.expect(call)
        };
        assert_eq!(call("inspect-draft").await["checks"]["state"], "CHECK_STATE_UPLOADED");
        for _ in 0..2 {
            let answer = call("check-draft").await;
            assert_eq!(answer["checks"]["state"], "CHECK_STATE_ACCEPTED", "{answer}");
            assert_eq!(answer["checks"]["content_type"], "image/png");
        }
        assert_eq!(call("inspect-draft").await["checks"]["state"], "CHECK_STATE_ACCEPTED");
        assert_eq!(call("confirm-upload").await["content_type"], "image/png");
        assert_eq!(call("confirm-upload").await["replayed"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_draft_cannot_be_confirmed() {
    let world = World::start();
    for front in FRONTS {
        let name = front.name("a.png");
        let draft = json!({ "object_name": name });
        world.uploaded(front, &name, PAGE).await;
        let call = |call, request| world.call(front, &world.checked, call, request);
        for _ in 0..2 {
            let refused = call("confirm-upload", draft.clone()).await.expect_err("rejected");
            refused.assert(422, Code::FailedPrecondition, "REJECTED");
            assert!(refused.fields.iter().all(|field| field == "checks.type"), "{refused:?}");
            assert!(!refused.fields.is_empty());
        }
        let batch = call("confirm-uploads", json!({"uploads": [draft.clone()]})).await;
        let batch = batch.expect("answered");
        assert!(batch["outcomes"][0].to_string().contains("REJECTED"), "{batch}");
        let seen = call("inspect-draft", draft.clone()).await.expect("there");
        assert_eq!(seen["checks"]["state"], "CHECK_STATE_REJECTED");
        let reason = &seen["checks"]["reasons"][0];
        assert_eq!(reason["check"], "type", "{seen}");
        assert!(!reason["detail"].as_str().expect("a sentence").contains('<'), "{seen}");
        world.uploaded(front, &name, PNG).await;
        call("confirm-upload", draft).await.expect("another version");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_of_a_profile_without_checks_are_confirmed_unchecked() {
    let world = World::start();
    for front in FRONTS {
        let name = front.name("a.png");
        world.uploaded(front, &name, PAGE).await;
        let call = |call| world.call(front, &world.unchecked, call, json!({ "object_name": name }));
        for look in ["inspect-draft", "check-draft"] {
            let answer = call(look).await.expect("there");
            assert!(answer.get("checks").is_none_or(Value::is_null), "{answer}");
        }
        call("confirm-upload").await.expect("confirmed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_of_a_profile_with_checks_is_downloaded_only_by_who_may_inspect() {
    let world = World::start();
    for front in FRONTS {
        let name = front.name("a.png");
        world.uploaded(front, &name, PNG).await;
        for request in [
            json!({ "object_name": name }),
            json!({ "object_name": name, "stage": "STAGE_DRAFT" }),
            json!({ "object_name": name, "stage": "STAGE_DRAFT", "unchecked": true }),
        ] {
            let call = |key| world.call(front, key, "download-url", request.clone());
            let refused = call(&world.downloads).await.expect_err("refused");
            refused.assert(403, Code::PermissionDenied, "PERMISSION_DENIED");
            call(&world.checked).await.expect("may inspect");
        }
        let draft = json!({ "object_name": name });
        let confirm = world.call(front, &world.checked, "confirm-upload", draft.clone());
        confirm.await.expect("confirmed");
        let main = json!({ "object_name": name, "stage": "STAGE_MAIN" });
        let download = world.call(front, &world.downloads, "download-url", main);
        download.await.expect("everybody may download what is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holder_of_a_ticket_sees_the_checks_of_its_minter() {
    let world = World::start();
    for front in FRONTS {
        for (name, bytes, verdict) in [
            (front.name("good.png"), PNG, "CHECK_STATE_ACCEPTED"),
            (front.name("bad.png"), PAGE, "CHECK_STATE_REJECTED"),
        ] {
            let ticket = world.ticket(front, &world.checked, &name).await;
            world.uploaded_by(front, &ticket, &name, bytes).await;
            let state = async |key, call| world.state(front, key, call, &name).await;
            assert_eq!(state(&ticket, "inspect-draft").await["state"], "CHECK_STATE_UPLOADED");
            let url = format!("http://{}/api/v1/watch-draft?object_name={name}", world.server.http);
            let watch = http_client().get(url).header("authorization", &ticket).send();
            let mut watch = Events::of(watch.await.expect("an answer"));
            let first = watch.next().await.expect("an event").data;
            assert_eq!(first["checks"]["state"], "CHECK_STATE_UPLOADED", "{first}");

            let checked = state(&ticket, "check-draft").await;
            assert_eq!(checked["state"], verdict, "{checked}");
            let last = loop {
                let event = watch.next().await.expect("an event").data;
                if event["checks"]["state"] != "CHECK_STATE_CHECKING" {
                    break event["checks"].clone();
                }
            };
            assert_eq!(last, checked, "the watch");
            for key in [&ticket, &world.checked] {
                assert_eq!(state(key, "inspect-draft").await, checked, "one verdict for both");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_of_a_caller_without_checks_shows_none() {
    let world = World::start();
    for front in FRONTS {
        let name = front.name("bad.png");
        world.uploaded(front, &name, PAGE).await;
        assert_eq!(
            world.state(front, &world.checked, "check-draft", &name).await["state"],
            "CHECK_STATE_REJECTED"
        );
        let ticket = world.ticket(front, &world.unchecked, &name).await;
        for call in ["inspect-draft", "check-draft"] {
            assert_eq!(world.state(front, &ticket, call, &name).await, Value::Null);
        }
        let other = world.ticket(front, &world.checked, &front.name("other.png")).await;
        let refused = world.call(front, &other, "check-draft", json!({ "object_name": name }));
        let refused = refused.await.expect_err("another name");
        assert_eq!(refused.fields, ["object_name"], "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_draft_is_swept_after_the_time_of_its_profile() {
    let (key, caller) = new_key("shop");
    let policy = Policy::new(&format!(
        "[profiles.images.checks]\nkeep_rejected = 0\n[profiles.images.checks.type]\n{caller}scopes = ['upload', \
         'inspect']\nprofile = 'images'\n"
    ));
    let sweeps = [("SWEEP_GRACE", "0"), ("CLEANUP_SCHEDULE", "* * * * * *")];
    let (server, key) = (policy.server("api-key", &sweeps), bearer(&key));
    for front in FRONTS {
        let [good, bad] = ["good.png", "bad.png"].map(|name| front.name(name));
        let call = |call, request| {
            let (server, key) = (&server, key.as_str());
            async move { front.call_with(&[("authorization", key)], server, call, request).await }
        };
        for (name, bytes) in [(&good, PNG), (&bad, PAGE)] {
            let request = json!({"object_name": name, "content_type": "image/png"});
            let issued = call("upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, bytes).await, 200);
            // The sweep may be faster than the answer.
            let _ = call("check-draft", json!({ "object_name": name })).await;
        }
        let begun = Instant::now();
        let gone = loop {
            if let Err(gone) = call("inspect-draft", json!({ "object_name": bad })).await {
                break gone;
            }
            assert!(begun.elapsed() < SWEPT_WITHIN, "the rejected draft is still there");
        };
        gone.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
        let kept = call("inspect-draft", json!({ "object_name": good })).await;
        assert_eq!(kept.expect("kept")["checks"]["state"], "CHECK_STATE_ACCEPTED");
    }
}
