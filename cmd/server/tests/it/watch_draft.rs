use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_proto::v1::{WatchDraftRequest, WatchDraftResponse};
use draftstore_testing::http_client;
use serde_json::{Value, json};
use tonic::{Code, Streaming};
use tonic_types::StatusExt as _;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{Events, FRONTS, Front, draft, upload};
use crate::server::Server;

/// Returns a unique draft that is issued, with its upload URL.
async fn issued(server: &Server, name: &str) -> Value {
    let request = json!({"object_name": name, "unique": true});
    Front::Rest.call(server, "upload-url", request).await.expect("issued")
}

fn url(server: &Server, query: &str) -> String {
    format!("http://{}/api/v1/watch-draft?{query}", server.http)
}

async fn events(server: &Server, query: &str) -> Events {
    Events::of(http_client().get(url(server, query)).send().await.expect("an answer"))
}

async fn grpc(server: &Server, request: WatchDraftRequest) -> Streaming<WatchDraftResponse> {
    let client = DraftServiceClient::connect(format!("http://{}", server.grpc)).await;
    let watch = client.expect("connects").watch_draft(request).await;
    watch.expect("watched").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn unique_draft_is_watched_from_its_url_to_its_confirm() {
    let server = Server::start();
    let issued = issued(&server, "a").await;
    let draft_id = issued["draft_id"].as_str().expect("an ID");
    let mut events = events(&server, &format!("object_name=a&draft_id={draft_id}")).await;
    let waiting = events.next().await.expect("an event");
    assert_eq!(waiting.data["state"], "DRAFT_STATE_WAITING");
    assert_eq!(waiting.data["state_id"], waiting.id.expect("an ID"));
    let mut stream = grpc(
        &server,
        WatchDraftRequest {
            object_name: "a".to_owned(),
            draft_id: Some(draft_id.to_owned()),
            last_state_id: Some("waiting".to_owned()),
        },
    )
    .await;

    assert_eq!(upload(&issued, "bytes").await, 200);
    let uploaded = events.next().await.expect("an event").data;
    assert_eq!(uploaded["state"], "DRAFT_STATE_UPLOADED", "{uploaded}");
    assert_eq!(uploaded["size"], "5");
    let of_grpc = stream.message().await.expect("a message").expect("not the end");
    assert_eq!(
        serde_json::to_value(&of_grpc).expect("JSON"),
        uploaded,
        "the known state is left out"
    );

    let confirm = json!({"object_name": "a", "draft_id": draft_id, "destination_name": "elsewhere"});
    Front::Rest
        .call(&server, "confirm-upload", confirm)
        .await
        .expect("confirmed");
    let confirmed = events.next().await.expect("an event").data;
    assert_eq!(confirmed["state"], "DRAFT_STATE_CONFIRMED", "{confirmed}");
    assert!(events.next().await.is_none(), "it was final");
    let of_grpc = stream.message().await.expect("a message").expect("not the end");
    assert_eq!(serde_json::to_value(&of_grpc).expect("JSON"), confirmed);
    assert!(stream.message().await.expect("in order").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn final_state_that_the_caller_has_is_not_repeated() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let call = async |call, request| front.call(&server, call, request).await.expect("answered");
        draft(&server, &name, b"bytes").await;
        let seen = call("watch-draft", json!({ "object_name": name })).await;
        assert_eq!(seen["state"], "DRAFT_STATE_UPLOADED");
        call("discard-draft", json!({ "object_name": name })).await;
        let gone = json!({"object_name": name, "last_state_id": seen["state_id"]});
        let gone = call("watch-draft", gone).await;
        assert_eq!(gone["state"], "DRAFT_STATE_GONE");
        let again = json!({"object_name": name, "last_state_id": gone["state_id"]});
        assert_eq!(call("watch-draft", again).await, Value::Null);
    }
    let client = http_client();
    let get = client
        .get(url(&server, "object_name=a"))
        .header("last-event-id", "gone");
    assert_eq!(get.send().await.expect("an answer").status(), 204, "EventSource stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_that_nobody_can_upload_is_not_watched() {
    let server = Server::start();
    for front in FRONTS {
        for request in [
            json!({ "object_name": "none" }),
            json!({ "object_name": "none", "draft_id": "00000000010000000000000000" }),
        ] {
            let refused = front.call(&server, "watch-draft", request).await.expect_err("none");
            refused.assert(404, Code::NotFound, "DRAFT_NOT_FOUND");
        }
        let refused = front.call(&server, "watch-draft", json!({"object_name": "../a"})).await;
        let refused = refused.expect_err("no name");
        refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(refused.fields, ["object_name"]);
    }
    for (query, field) in [
        ("object_name=a&object_name=b", "object_name"),
        ("object_name=a&nothing=b", "nothing"),
        ("", "object_name"),
    ] {
        let answer = http_client().get(url(&server, query)).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{query}");
        let problem: Value = answer.json().await.expect("JSON");
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    let delete = http_client()
        .delete(url(&server, "object_name=a"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (delete.status().as_u16(), &delete.headers()["allow"]),
        (405, &"GET, POST".parse().expect("valid"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_ends_after_its_time_with_a_message() {
    let server = Server::start_with(&[("WATCH_TIMEOUT", "1")]);
    let (events, stream) = both_streams(&server).await;
    assert_ended(events, stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_ends_when_the_server_stops() {
    let server = Server::start();
    let (events, stream) = both_streams(&server).await;
    server.signal("TERM");
    assert_ended(events, stream).await;
    let (status, log) = server.stopped();
    assert!(status.success(), "{log}");
}

/// Watches a new draft on both fronts, and takes its state.
async fn both_streams(server: &Server) -> (Events, Streaming<WatchDraftResponse>) {
    draft(server, "a", b"bytes").await;
    let mut events = events(server, "object_name=a").await;
    let request = WatchDraftRequest {
        object_name: "a".to_owned(),
        ..WatchDraftRequest::default()
    };
    let mut stream = grpc(server, request).await;
    events.next().await.expect("an event");
    stream.message().await.expect("a message").expect("not the end");
    (events, stream)
}

/// Asserts that both streams end with the message of a server that wants its client to come again.
async fn assert_ended(mut events: Events, mut stream: Streaming<WatchDraftResponse>) {
    let last = events.next().await.expect("an event");
    assert_eq!(last.name.as_deref(), Some("problem"));
    assert_eq!(
        (&last.data["code"], &last.data["status"]),
        (&json!("STREAM_ENDED"), &json!(503))
    );
    assert!(events.next().await.is_none());
    let last = stream.message().await.expect_err("ended");
    assert_eq!(last.code(), Code::Unavailable);
    let details = last.get_error_details();
    assert_eq!(details.error_info().expect("ErrorInfo").reason, "STREAM_ENDED");
    assert!(details.retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_and_address_have_a_number_of_streams() {
    let by_caller = Server::start_with(&[("MAX_STREAMS_PER_CALLER", "2")]);
    let by_address = Server::start_with(&[("MAX_CONNECTIONS_PER_ADDRESS", "16")]);
    for server in [&by_caller, &by_address] {
        draft(server, "a", b"bytes").await;
        for front in FRONTS {
            let open = [admitted(server).await, admitted(server).await];
            let refused = front.call(server, "watch-draft", json!({"object_name": "a"})).await;
            let refused = refused.expect_err("full");
            refused.assert(429, Code::ResourceExhausted, "TOO_MANY_REQUESTS");
            let inspect = front.call(server, "inspect-draft", json!({"object_name": "a"}));
            inspect.await.expect("no stream");
            drop(open);
            admitted(server).await;
        }
    }
}

/// Begins a stream as soon as the server has noticed the end of others.
async fn admitted(server: &Server) -> Events {
    loop {
        let answer = http_client().get(url(server, "object_name=a")).send().await;
        let answer = answer.expect("an answer");
        if answer.status() == 200 {
            let mut events = Events::of(answer);
            events.next().await.expect("an event");
            return events;
        }
        assert_eq!(answer.status(), 429);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_of_a_caller_that_loses_its_key_ends() {
    let [keeps, loses] = ["keeps", "loses"].map(new_key);
    let scopes = "scopes = ['upload', 'inspect', 'discard']\n";
    let policy = Policy::new(&format!("{}{scopes}{}{scopes}", keeps.1, loses.1));
    let server = policy.server("api-key", &[]);
    let header = bearer(&loses.0);
    let headers = [("authorization", header.as_str())];
    let issued = Front::Rest
        .call_with(&headers, &server, "upload-url", json!({"object_name": "a"}))
        .await
        .expect("issued");
    assert_eq!(upload(&issued, "bytes").await, 200);
    let get = http_client().get(url(&server, "object_name=a"));
    let answer = get.header("authorization", &header).send().await.expect("an answer");
    let mut events = Events::of(answer);
    events.next().await.expect("an event");
    policy.write("policy.toml", format!("{}{scopes}", keeps.1));
    let last = events.next().await.expect("an event");
    assert_eq!(
        (last.name.as_deref(), &last.data["code"]),
        (Some("problem"), &json!("UNAUTHENTICATED"))
    );
}
