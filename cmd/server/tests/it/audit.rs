//! Tests of the audit: it has every decision, and no secrets.

use draftstore_testing::http_client;
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{FRONTS, Front, upload};
use crate::metrics::value;
use crate::server::Server;

/// Stops the server, and returns all lines of the audit.
fn lines(server: Server, path: &std::path::Path) -> Vec<Value> {
    assert!(server.stop().0.success());
    let text = std::fs::read_to_string(path).expect("the audit");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Returns the decision of a line: caller, credentials, call, draft and outcome.
fn decision(line: &Value) -> [String; 5] {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    [
        text("caller"),
        text("credentials"),
        text("rpc"),
        text("object_name"),
        text("outcome"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn destinations_and_versions_are_in_the_audit() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("audit.jsonl");
    let server = Server::start_with(&[("AUDIT_LOG", path.to_str().expect("UTF-8"))]);
    for front in FRONTS {
        for (call, more) in [
            ("confirm-upload", json!({"destination_name": "b"})),
            ("confirm-uploads", json!({"destination_name": "b"})),
            ("copy-object", json!({"destination_name": "b"})),
            ("move-object", json!({"destination_name": "b"})),
            ("get-object", json!({"version_id": "v"})),
            ("update-object", json!({"version_id": "v"})),
            ("restore-version", json!({"version_id": "v"})),
            ("restore-object", json!({"version_id": "v"})),
            ("delete-version", json!({"version_id": "v"})),
        ] {
            let mut request = json!({"object_name": "a"});
            for (field, value) in more.as_object().expect("an object") {
                request[field] = value.clone();
            }
            let request = if call == "confirm-uploads" {
                json!({"uploads": [request]})
            } else {
                request
            };
            // Nothing is there: what was asked for is in the audit all the same.
            drop(front.call(&server, call, request).await);
        }
    }
    let lines = lines(server, &path);
    let about = |line: &Value| (line["destination_name"].clone(), line["version_id"].clone());
    let expected = [vec![(json!("b"), Value::Null); 4], vec![(Value::Null, json!("v")); 5]].concat();
    assert_eq!(
        lines.iter().map(about).collect::<Vec<_>>(),
        [expected.clone(), expected].concat()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_is_one_audit_line_without_secrets() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("audit.jsonl");
    let server = Server::start_with(&[("AUDIT_LOG", path.to_str().expect("UTF-8"))]);
    let mut expected: Vec<[String; 5]> = Vec::new();
    let mut expect = |caller: &str, credentials: &str, rpc: &str, name: &str, outcome: &str| {
        expected.push([caller, credentials, rpc, name, outcome].map(ToOwned::to_owned));
    };
    let mut secrets = Vec::new();
    let mut draft_ids = Vec::new();
    for front in FRONTS {
        let name = front.name("a");
        let request = json!({"object_name": name, "unique": true});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        expect("anyone", "none", "GetUploadURL", &name, "OK");
        assert_eq!(upload(&issued, "x").await, 200);
        secrets.push(issued["upload_url"].as_str().expect("a URL").to_owned());
        draft_ids.push(issued["draft_id"].clone());
        let batch = json!({"uploads": [
            {"object_name": name, "draft_id": issued["draft_id"]}, {"object_name": "absent"}
        ]});
        front
            .call(&server, "confirm-uploads", batch)
            .await
            .expect("each its own");
        expect("anyone", "none", "BatchConfirmUploads", &name, "OK");
        expect("anyone", "none", "BatchConfirmUploads", "absent", "DRAFT_NOT_FOUND");
        let request = json!({"object_name": "../x"});
        front.call(&server, "upload-url", request).await.expect_err("refused");
        expect("anyone", "none", "GetUploadURL", "../x", "INVALID_REQUEST");
        front.call(&server, "list-drafts", json!({})).await.expect("listed");
        expect("anyone", "none", "ListDrafts", "", "OK");
    }
    let created = Front::Rest
        .call(&server, "tickets", json!({"object_name": "t"}))
        .await
        .expect("minted");
    expect("anyone", "none", "CreateTicket", "t", "OK");
    let ticket = created["ticket"].as_str().expect("a ticket").to_owned();
    let holder = format!("ticket {} of anyone", created["ticket_id"].as_str().expect("an ID"));
    let client = http_client();
    let call = async |url: String, bearer: Option<&str>| {
        let mut request = client
            .post(url)
            .header("x-request-id", "my-request")
            .json(&json!({"object_name": "t"}));
        if let Some(bearer) = bearer {
            request = request.bearer_auth(bearer);
        }
        request.send().await.expect("an answer").status().as_u16()
    };
    let (http, in_path) = (
        format!("http://{}", server.http),
        format!("http://{}/t/{ticket}", server.http),
    );
    assert_eq!(call(format!("{in_path}/api/v1/upload-url"), None).await, 200);
    expect(&holder, "ticket in path", "GetUploadURL", "t", "OK");
    assert_eq!(call(format!("{http}/api/v1/confirm-upload"), Some(&ticket)).await, 403);
    expect(&holder, "ticket", "ConfirmUpload", "", "PERMISSION_DENIED");
    assert_eq!(call(format!("{http}/api/v1/confirm-upload"), Some("dst_x")).await, 401);
    expect("", "ticket", "ConfirmUpload", "", "UNAUTHENTICATED");
    assert_eq!(call(format!("{http}/uppy/s3/sign"), Some("dst_x")).await, 401);
    expect("", "ticket", "Uppy", "", "UNAUTHENTICATED");
    secrets.push(ticket);

    let lines = lines(server, &path);
    assert_eq!(lines.iter().map(decision).collect::<Vec<_>>(), expected);
    for line in &lines {
        assert_eq!(line["target"], "audit");
        assert_eq!(line["peer"], "127.0.0.1");
        assert!(
            line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')),
            "{line}"
        );
        assert!(line["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    }
    let ids: Vec<_> = lines
        .iter()
        .filter(|line| line["draft_id"].is_string())
        .map(|line| line["draft_id"].clone())
        .collect();
    assert_eq!(
        ids,
        [&draft_ids[0], &draft_ids[0], &draft_ids[1], &draft_ids[1]].map(Clone::clone)
    );
    let ours = lines.iter().filter(|line| line["request_id"] == "my-request");
    assert_eq!(ours.count(), 4);
    let minted = lines.iter().find(|line| line["rpc"] == "CreateTicket").expect("there");
    assert_eq!(minted["ticket_id"], created["ticket_id"]);
    let all: String = lines.iter().map(ToString::to_string).collect();
    for secret in secrets.iter().map(String::as_str).chain(["dst_", "X-Amz-", "http://"]) {
        assert!(!all.contains(secret), "a secret is in the audit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_is_json_in_any_log_format_and_off_by_default() {
    for (audit, count) in [("stderr", 1), ("off", 0)] {
        let server = Server::start_with(&[("AUDIT_LOG", audit)]);
        Front::Rest
            .call(&server, "list-drafts", json!({}))
            .await
            .expect("listed");
        let (_, log) = server.stop();
        let audited = log.lines().filter(|line| line.contains("\"rpc\":\"ListDrafts\""));
        assert_eq!(audited.count(), count, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_refused_while_a_required_audit_cannot_be_written() {
    let server = Server::start_with(&[("AUDIT_LOG", "/dev/full"), ("AUDIT_REQUIRED", "true")]);
    let request = json!({"object_name": "a"});
    // The call whose line is the first to fail has been answered before that is known.
    let _ = Front::Rest.call(&server, "upload-url", request.clone()).await;
    for front in FRONTS {
        let refused = front.call(&server, "upload-url", request.clone()).await;
        let refused = refused.expect_err("refused");
        refused.assert(503, Code::Unavailable, "OVERLOADED");
        assert!(refused.retry);
    }
    assert!(value(&server, "draftstore_audit_failures_total").await >= 3.0);
    let (_, log) = server.stop();
    assert_eq!(log.matches("audit not written").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_file_is_reopened_at_sighup() {
    let directory = tempfile::tempdir().expect("a directory");
    let [path, rotated] = ["audit.jsonl", "audit.jsonl.1"].map(|name| directory.path().join(name));
    let server = Server::start_with(&[("AUDIT_LOG", path.to_str().expect("UTF-8"))]);
    let call = async |name: &str| {
        let request = json!({"object_name": name});
        Front::Rest.call(&server, "upload-url", request).await.expect("issued");
    };
    call("before").await;
    std::fs::rename(&path, &rotated).expect("renamed");
    server.signal("HUP");
    let mut calls = 1;
    while !path.exists() {
        call("meanwhile").await;
        calls += 1;
    }
    call("after").await;
    let text = |path| std::fs::read_to_string(path).expect("an audit");
    let (old, new) = (text(&rotated), text(&path));
    assert!(old.contains("before") && new.contains("after"), "{old}{new}");
    assert_eq!(old.lines().count() + new.lines().count(), calls + 1, "no line is lost");
}

#[test]
fn unwritable_audit_file_fails_the_start() {
    let ended = crate::server::command()
        .env("AUDIT_LOG", "/nowhere/audit")
        .output()
        .expect("runs");
    let said = String::from_utf8(ended.stderr).expect("UTF-8");
    assert!(!ended.status.success() && said.contains("AUDIT_LOG"), "{said}");
}
