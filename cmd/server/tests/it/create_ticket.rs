//! Tests of tickets: created on both fronts, used in headers and in paths.

use std::collections::BTreeSet;
use std::path::Path;

use draftstore_proto::v1;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::http_client;
use futures::future::join_all;
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::callers::ground::{self, Policy, bearer};
use crate::front::{FRONTS, Failure, Front, put, upload, upload_form};
use crate::server::{NOWHERE, Server, command};

/// The maximum number of attempts until a change is visible. Each one is a round trip, and the file of keys is checked once
/// per second.
const ASK_AGAIN: usize = 100_000;

/// The place of a ticket in a request.
#[derive(Debug, Clone, Copy)]
enum Carried {
    Header,
    Path,
}

fn post(server: &Server, carried: Carried, ticket: &str, path: &str) -> RequestBuilder {
    match carried {
        Carried::Header => http_client()
            .post(format!("http://{}{path}", server.http))
            .bearer_auth(ticket),
        Carried::Path => http_client().post(format!("http://{}/t/{ticket}{path}", server.http)),
    }
}

async fn asked(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

async fn call(server: &Server, carried: Carried, ticket: &str, route: &str, request: &Value) -> (u16, Value) {
    asked(post(server, carried, ticket, &format!("/api/v1/{route}")).json(request)).await
}

async fn ticket(server: &Server, order: Value) -> String {
    let created = Front::Rest.call(server, "tickets", order).await.expect("minted");
    created["ticket"].as_str().expect("a ticket").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_allows_uploads_only() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("avatar.png");
        let created = front
            .call(&server, "tickets", json!({ "object_name": name }))
            .await
            .expect("minted");
        let ticket = created["ticket"].as_str().expect("a ticket");
        assert!(ticket.starts_with("dst_"), "{front:?}");
        assert_eq!(created["path"], format!("/t/{ticket}"));
        assert!(created["expires_at"].as_str().expect("a time").ends_with('Z'));
        for carried in [Carried::Header, Carried::Path] {
            let request = json!({ "object_name": name, "unique": true });
            let (status, issued) = call(&server, carried, ticket, "upload-url", &request).await;
            assert_eq!(status, 200, "{issued}");
            assert_eq!(put(&issued, "bytes").await.status(), 200);
            let request = json!({ "object_name": name, "draft_id": issued["draft_id"] });
            let (status, seen) = call(&server, carried, ticket, "inspect-draft", &request).await;
            assert_eq!((status, &seen["size"]), (200, &json!("5")), "{seen}");
            for route in [
                "confirm-upload",
                "download-url",
                "discard-draft",
                "draft-bucket",
                "tickets",
            ] {
                let request = if matches!(route, "draft-bucket" | "tickets") {
                    json!({})
                } else {
                    request.clone()
                };
                let (status, refused) = call(&server, carried, ticket, route, &request).await;
                assert_eq!(
                    (status, &refused["code"]),
                    (403, &json!("PERMISSION_DENIED")),
                    "{route}"
                );
            }
            let (status, refused) = call(
                &server,
                carried,
                ticket,
                "upload-url",
                &json!({ "object_name": "other" }),
            )
            .await;
            assert_eq!(
                (status, &refused["errors"][0]["field"]),
                (400, &json!("object_name")),
                "{refused}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_is_a_bearer_token_over_grpc() {
    let server = Server::start();
    let ticket = ticket(&server, json!({ "prefix": "a/" })).await;
    let mut client = DraftServiceClient::connect(format!("http://{}", server.grpc))
        .await
        .expect("connects");
    let with = |ticket: &str, name: &str| {
        let mut request = Request::new(v1::GetUploadUrlRequest {
            object_name: name.to_owned(),
            ..Default::default()
        });
        let value = format!("Bearer {ticket}").parse().expect("ASCII");
        request.metadata_mut().insert("authorization", value);
        request
    };
    client.get_upload_url(with(&ticket, "a/b")).await.expect("issued");
    let other = client.get_upload_url(with(&ticket, "b")).await.expect_err("refused");
    assert_eq!(other.code(), Code::InvalidArgument);
    let cut = client
        .get_upload_url(with(&ticket[..ticket.len() - 1], "a/b"))
        .await
        .expect_err("refused");
    assert_eq!(cut.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_a_ticket_are_enforced() {
    let server = Server::start();
    let order = json!({
        "prefix": "a/", "max_object_bytes": "5", "content_types": ["image/*"], "max_draft_lifetime": 60
    });
    let ticket = ticket(&server, order).await;
    let good = json!({"object_name": "a/b", "unique": true, "content_type": "image/png", "content_length": 5});
    let ask = async |change: Value| {
        let mut request = good.clone();
        for (name, value) in change.as_object().expect("an object") {
            request[name] = value.clone();
        }
        let (status, answer) = call(&server, Carried::Path, &ticket, "upload-url", &request).await;
        (
            status,
            answer["errors"][0]["field"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(ask(json!({})).await, (200, String::new()));
    for (change, status, field) in [
        (json!({"content_length": 6}), 413, "content_length"),
        (json!({"content_length": null}), 400, "content_length"),
        (json!({"content_type": "text/html"}), 400, "content_type"),
        (json!({"content_type": null}), 400, "content_type"),
        (json!({"unique": false}), 400, "unique"),
        (json!({"draft_lifetime": 61}), 400, "draft_lifetime"),
        (json!({"object_name": "b"}), 400, "object_name"),
    ] {
        assert_eq!(ask(change.clone()).await, (status, field.to_owned()), "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_has_the_limits_of_its_profile() {
    let (key, known) = ground::new_key("backend");
    let profiles = "[profiles.avatars]\nmax_object_bytes = 5\ncontent_types = ['image/*']\n";
    let policy = Policy::new(&format!("{known}scopes = ['upload', 'confirm']\n{profiles}"));
    let server = policy.server("api-key", &[]);
    let key = bearer(&key);
    let key = [("authorization", key.as_str())];
    for front in FRONTS {
        let order = json!({"prefix": "a/", "profile": "avatars", "max_object_bytes": "7"});
        let created = front.call_with(&key, &server, "tickets", order).await.expect("minted");
        let ticket = bearer(created["ticket"].as_str().expect("a ticket"));
        let ticket = [("authorization", ticket.as_str())];
        let good = json!({"object_name": "a/b", "content_type": "image/png", "content_length": "5"});
        for (field, value, status) in [
            ("content_length", "5", 200),
            ("content_length", "6", 413),
            ("content_type", "text/html", 400),
        ] {
            let mut request = good.clone();
            request[field] = json!(value);
            match (status, front.call_with(&ticket, &server, "upload-url", request).await) {
                (200, issued) => assert_eq!(upload(&issued.expect("issued"), "bytes").await, 200),
                (413, refused) => refused
                    .expect_err("refused")
                    .assert(413, Code::InvalidArgument, "TOO_LARGE"),
                (_, refused) => assert_eq!(refused.expect_err("refused").fields, [field]),
            }
        }
        let order = json!({"profile": "nobody"});
        let refused = front.call_with(&key, &server, "tickets", order).await;
        let refused = refused.expect_err("refused");
        refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(refused.fields, ["profile"]);
        assert!(
            refused.rules[0].starts_with("must be one of the profiles"),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_without_a_policy_has_no_profile() {
    let server = Server::start();
    for front in FRONTS {
        let refused = front.call(&server, "tickets", json!({"profile": "avatars"})).await;
        let refused = refused.expect_err("refused");
        refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(refused.fields, ["profile"]);
        assert!(refused.rules[0].contains("no policy file"), "{refused:?}");
    }
}

async fn issue(front: Front, server: &Server, ticket: &str) -> Result<Value, Failure> {
    let ticket = bearer(ticket);
    let request = json!({"object_name": "a"});
    front
        .call_with(&[("authorization", &ticket)], server, "upload-url", request)
        .await
}

fn assert_no_more(refused: Result<Value, Failure>) {
    let refused = refused.expect_err("refused");
    refused.assert(409, Code::ResourceExhausted, "NO_MORE_UPLOADS");
    assert_eq!(refused.fields, [""; 0]);
}

async fn drafts_of(server: &Server) -> usize {
    let listed = Front::Rest
        .call(server, "list-drafts", json!({}))
        .await
        .expect("listed");
    listed["drafts"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_enforces_max_uploads() {
    for front in FRONTS {
        let server = Server::start();
        let ticket = ticket(&server, json!({"object_name": "a", "max_uploads": 3})).await;
        let mut ids = Vec::new();
        for place in 0..3 {
            let issued = issue(front, &server, &ticket).await.expect("issued");
            assert!(!ids.contains(&issued["draft_id"]), "{place}: {issued}");
            assert_eq!(upload(&issued, "bytes").await, 200);
            assert_eq!(upload(&issued, "other bytes").await, 412, "once");
            ids.push(issued["draft_id"].clone());
        }
        assert_no_more(issue(front, &server, &ticket).await);
        let bearer = bearer(&ticket);
        let header = [("authorization", bearer.as_str())];
        let request = json!({"object_name": "a"});
        assert_no_more(
            front
                .call_with(&header, &server, "multipart/create", request.clone())
                .await,
        );
        let batch = json!({"uploads": [request]});
        let batch = front.call_with(&header, &server, "upload-urls", batch).await;
        let outcome = &batch.expect("answered")["outcomes"][0]["error"];
        assert_eq!(outcome["reason"], "NO_MORE_UPLOADS", "{outcome}");
        assert_eq!(drafts_of(&server).await, 3);

        let discard = json!({"object_name": "a", "draft_id": ids[1]});
        front.call(&server, "discard-draft", discard).await.expect("discarded");
        let issued = issue(front, &server, &ticket).await.expect("there is room");
        assert_eq!(issued["draft_id"], ids[1]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pages_do_not_exceed_max_uploads() {
    for front in FRONTS {
        let server = Server::start();
        let ticket = ticket(&server, json!({"object_name": "a", "max_uploads": 3})).await;
        let page = async || match issue(front, &server, &ticket).await {
            Ok(issued) => {
                let status = upload(&issued, "bytes").await;
                assert!(matches!(status, 200 | 409 | 412), "{status}");
                issued["draft_id"].to_string()
            }
            refused => {
                assert_no_more(refused);
                String::new()
            }
        };
        let ids: BTreeSet<_> = join_all((0..20).map(|_| page())).await.into_iter().collect();
        let ids = ids.iter().filter(|id| !id.is_empty()).count();
        let there = drafts_of(&server).await;
        assert!(
            (1..=3).contains(&ids) && there == ids,
            "{ids} were given, {there} are there"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uppy_does_not_exceed_max_uploads() {
    let server = Server::start();
    let ticket = ticket(&server, json!({"object_name": "a", "max_uploads": 2})).await;
    let uppy = format!("http://{}/t/{ticket}/uppy/s3", server.http);
    let form = async || asked(http_client().get(format!("{uppy}/params?filename=me.png"))).await;
    for _ in 0..2 {
        let (status, params) = form().await;
        assert_eq!(status, 200, "{params}");
        let form = json!({"method": "POST", "headers": {}, "upload_url": params["url"], "fields": params["fields"]});
        for _ in 0..2 {
            assert_eq!(upload_form(&form, b"bytes").await, 201, "a form replaces what it made");
        }
    }
    assert_eq!(drafts_of(&server).await, 2);
    let (status, refused) = form().await;
    assert_eq!(
        (status, &refused["error"]),
        (409, &json!("NO_MORE_UPLOADS")),
        "{refused}"
    );
    let create = http_client().post(format!("{uppy}/multipart"));
    let (status, _) = asked(create.json(&json!({"filename": "me.png"}))).await;
    assert_eq!(status, 409);
    for (method, status) in [("PUT", 409), ("POST", 400)] {
        let sign = http_client().post(format!("{uppy}/sign"));
        let (refused, answer) = asked(sign.json(&json!({"method": method, "key": "a"}))).await;
        assert_eq!(refused, status, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_only_drafts_within_the_ticket() {
    let server = Server::start();
    for name in ["a/1", "b/1"] {
        let issued = Front::Rest
            .call(&server, "upload-url", json!({ "object_name": name }))
            .await
            .expect("issued");
        assert_eq!(upload(&issued, "x").await, 200);
    }
    let held = ticket(&server, json!({ "prefix": "a/" })).await;
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let (status, page) = call(
            &server,
            Carried::Header,
            &held,
            "list-drafts",
            &json!({ "page_token": token }),
        )
        .await;
        assert_eq!(status, 200, "{page}");
        let drafts = page["drafts"].as_array().expect("drafts").iter();
        names.extend(drafts.map(|draft| draft["object_name"].clone()));
        token = page["next_page_token"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(names, [json!("a/1")]);
    let any = ticket(&server, json!({})).await;
    let (status, _) = call(&server, Carried::Header, &any, "list-drafts", &json!({})).await;
    assert_eq!(status, 403, "without names there is nothing of its own to list");
}

#[tokio::test(flavor = "multi_thread")]
async fn uppy_uploads_with_a_ticket_in_the_path_under_its_prefix() {
    let server = Server::start();
    for (order, file, named) in [
        (
            json!({"prefix": "users/42/", "max_object_bytes": 5}),
            "été.txt",
            "users/42/été.txt",
        ),
        (json!({"object_name": "avatar"}), "me.png", "avatar"),
    ] {
        let ticket = ticket(&server, order).await;
        let uppy = format!("http://{}/t/{ticket}/uppy/s3", server.http);
        let query = [("filename", file), ("type", "text/plain")];
        let url = Url::parse_with_params(&format!("{uppy}/params"), query).expect("a URL");
        let (status, params) = asked(http_client().get(url)).await;
        assert_eq!(status, 200, "{params}");
        let key = params["fields"]["key"].as_str().expect("a key");
        assert!(key.ends_with(&format!("/{named}")), "{key}");
        let form = json!({"method": "POST", "headers": {}, "upload_url": params["url"], "fields": params["fields"]});
        assert_eq!(upload_form(&form, b"bytes").await, 201);
        let confirmed = Front::Rest
            .call(&server, "confirm-upload", json!({ "object_name": key }))
            .await;
        assert_eq!(confirmed.expect("confirmed")["final_location"], format!("main/{named}"));

        let created = http_client()
            .post(format!("{uppy}/multipart"))
            .json(&json!({ "filename": file, "metadata": {"content_length": 5} }));
        let (status, created) = asked(created).await;
        assert_eq!(status, 200, "{created}");
        assert!(created["key"].as_str().expect("a key").ends_with(&format!("/{named}")));
        let id = created["uploadId"].as_str().expect("an ID");
        let query = [("key", created["key"].as_str().expect("a key"))];
        let url = Url::parse_with_params(&format!("{uppy}/multipart/{id}/1"), query).expect("a URL");
        assert_eq!(asked(http_client().get(url)).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_tickets_are_refused_everywhere() {
    let server = Server::start();
    let good = ticket(&server, json!({})).await;
    let request = json!({"object_name": "a"});
    for bad in [
        "dst_",
        "dst_a.b.c",
        "x",
        &good[..good.len() - 1],
        &format!("{good}x"),
        &good.to_uppercase(),
    ] {
        for carried in [Carried::Header, Carried::Path] {
            if matches!(carried, Carried::Header) && !bad.starts_with("dst_") {
                // These paths need no credentials, so the server does not read them.
                continue;
            }
            let (status, refused) = call(&server, carried, bad, "upload-url", &request).await;
            assert_eq!(
                (status, &refused["code"]),
                (401, &json!("UNAUTHENTICATED")),
                "{bad} {carried:?}"
            );
        }
    }
    let url = format!("http://{}/t/{good}/t/{good}/api/v1/upload-url", server.http);
    assert_eq!(
        asked(http_client().post(url).json(&request)).await.0,
        401,
        "two tickets"
    );
    let both = post(&server, Carried::Path, &good, "/api/v1/upload-url").bearer_auth(&good);
    assert_eq!(
        asked(both.json(&request)).await.0,
        401,
        "a ticket in the path and one in the header"
    );
    let nowhere = asked(http_client().get(format!("http://{}/t/{good}/nowhere", server.http))).await;
    let misplaced = asked(http_client().get(format!("http://{}/nowhere/{good}", server.http))).await;
    for (status, refused) in [nowhere, misplaced] {
        assert_eq!((status, &refused["code"]), (404, &json!("NO_SUCH_ROUTE")));
        assert!(!refused.to_string().contains("dst_"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_need_no_valid_ticket() {
    let origin = "https://app.example.com";
    let server = Server::start_with(&[("CORS_ALLOWED_ORIGINS", origin)]);
    let ticket = ticket(&server, json!({})).await;
    for (path, method) in [("/api/v1/upload-url", "POST"), ("/uppy/s3/multipart/x", "DELETE")] {
        let request = http_client().request(Method::OPTIONS, format!("http://{}/t/{ticket}{path}", server.http));
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", method)
            .header("access-control-request-headers", "content-type");
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_ticket_requests_name_the_field() {
    let server = Server::start();
    for front in FRONTS {
        for (order, field) in [
            (json!({"object_name": "../a"}), "object_name"),
            (json!({"object_name": "a", "prefix": "a"}), "prefix"),
            (json!({"prefix": ""}), "prefix"),
            (json!({"max_object_bytes": "0"}), "max_object_bytes"),
            (json!({"content_types": ["image/png", "*"]}), "content_types[1]"),
            (json!({"max_draft_lifetime": -1}), "max_draft_lifetime"),
            (json!({"expires_in": 86401}), "expires_in"),
            (json!({"object_name": "a", "max_uploads": 0}), "max_uploads"),
            (json!({"object_name": "a", "max_uploads": 101}), "max_uploads"),
            (json!({"prefix": "a/", "max_uploads": 1}), "max_uploads"),
            (
                json!({"object_name": "a", "max_uploads": 1, "max_draft_lifetime": 60, "expires_in": 60}),
                "expires_in",
            ),
        ] {
            let refused = front.call(&server, "tickets", order).await.expect_err("refused");
            refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(refused.fields, [field]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_need_configured_keys() {
    let server = Server::start_with(&[
        ("S3_ENDPOINT", NOWHERE),
        ("AWS_ACCESS_KEY_ID", "key"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ]);
    for front in FRONTS {
        let refused = front.call(&server, "tickets", json!({})).await.expect_err("refused");
        refused.assert(412, Code::FailedPrecondition, "TICKETS_NOT_CONFIGURED");
    }
}

/// Returns a new line for `TICKET_KEYS_FILE`.
pub(crate) fn new_ticket_key() -> String {
    let made = command().args(["key", "ticket"]).output().expect("runs");
    assert!(made.status.success());
    String::from_utf8(made.stdout).expect("UTF-8")
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_reloaded_without_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keys");
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("written");
    let (old_key, new_key) = (new_ticket_key(), new_ticket_key());
    assert_ne!(old_key, new_key);
    write(&path, &old_key);
    let file = path.to_str().expect("UTF-8");
    let server = Server::start_with(&[("TICKET_KEYS_FILE", file)]);
    let other = Server::start_with(&[("TICKET_KEYS_FILE", file)]);
    let old = ticket(&server, json!({})).await;
    let request = json!({"object_name": "a"});
    let status = async |ticket: &str| call(&other, Carried::Header, ticket, "upload-url", &request).await.0;
    assert_eq!(status(&old).await, 200, "every server with the keys takes it");

    write(&path, &new_key);
    let mut refused = false;
    for _ in 0..ASK_AGAIN {
        if status(&old).await == 401 {
            refused = true;
            break;
        }
    }
    assert!(refused, "its key is gone");
    let mut new = ticket(&server, json!({})).await;
    for _ in 0..ASK_AGAIN {
        if status(&new).await == 200 {
            break;
        }
        new = ticket(&server, json!({})).await;
    }
    assert_eq!(status(&new).await, 200);
}

#[test]
fn empty_key_file_fails_the_start() {
    let ended = command()
        .envs([
            ("TICKET_KEYS_FILE", "/nowhere"),
            ("HTTP_PORT", "0"),
            ("GRPC_PORT", "0"),
            ("EMBEDDED_PORT", "0"),
        ])
        .env("EMBEDDED_DATA_DIR", tempfile::tempdir().expect("a directory").path())
        .output()
        .expect("runs");
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    assert!(!ended.status.success() && said.contains("TICKET_KEYS_FILE"), "{said}");
}
