//! The feed of events, on both fronts.

use std::collections::BTreeSet;

use draftstore_proto::v1::WatchEventsRequest;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::{TestBuckets, http_client};
use serde_json::{Value, json};
use tokio::task::block_in_place;
use tonic::{Code, Request};

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{Events, FRONTS, Front, draft, upload};
use crate::server::Server;

/// The tenants of three callers, of which the second has none.
const TENANTS: [Option<&str>; 3] = [Some("t10"), None, Some("t1")];

/// Reads the feed until it has this number of events, which takes until they are settled.
async fn listed(server: &Server, front: Front, headers: &[(&'static str, &str)], expected: usize) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), Value::Null);
    while events.len() < expected {
        let request = json!({"after": cursor, "page_size": 1, "type": "draft."});
        let page = front.call_with(headers, server, "list-events", request).await;
        let page = page.expect("listed");
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        cursor = page["cursor"].clone();
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_and_watched() {
    lists_and_watches_events(&Server::start_with(&[("EVENTS_FEED", "on")])).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-server --test it -- --ignored garage"]
async fn events_are_listed_and_watched_on_garage() {
    lists_and_watches_events_on(&TestBuckets::garage().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs weed 4.48 on PATH: cargo test -p draftstore-server --test it -- --ignored seaweedfs"]
async fn events_are_listed_and_watched_on_seaweedfs() {
    lists_and_watches_events_on(&TestBuckets::seaweedfs().await).await;
}

async fn lists_and_watches_events_on(world: &TestBuckets) {
    let bucket = ("BUCKET_NAME", world.main.name().as_str());
    let start = || crate::iam::server(&world.endpoint, &world.endpoint, &[bucket, ("EVENTS_FEED", "on")]);
    lists_and_watches_events(&block_in_place(start)).await;
}

async fn lists_and_watches_events(server: &Server) {
    let watch = |query: &str| format!("http://{}/api/v1/watch-events?{query}", server.http);
    let answer = http_client().get(watch("type=draft.confirmed")).send().await;
    let mut events = Events::of(answer.expect("an answer"));
    let begin = events.next().await.expect("an event");
    assert_eq!(begin.data, json!({"cursor": begin.id.clone().expect("an ID")}));
    let client = DraftServiceClient::connect(format!("http://{}", server.grpc)).await;
    let request = WatchEventsRequest {
        after: begin.id.clone(),
        ..WatchEventsRequest::default()
    };
    let stream = client.expect("connects").watch_events(request).await;
    let mut stream = stream.expect("watched").into_inner();
    stream.message().await.expect("a message").expect("a cursor");

    for front in FRONTS {
        let name = front.name("a");
        draft(server, &name, b"bytes").await;
        let confirm = json!({"object_name": name});
        front.call(server, "confirm-upload", confirm).await.expect("confirmed");
    }
    let mut seen = Vec::new();
    for _ in FRONTS {
        let event = events.next().await.expect("an event");
        assert_eq!(event.data["cursor"], event.id.expect("an ID"));
        let update = stream.message().await.expect("a message").expect("not the end");
        let same = serde_json::to_value(&update.event).expect("JSON");
        assert_eq!(event.data["event"], same);
        seen.push(same);
    }
    let names: BTreeSet<_> = seen.iter().map(|event| event["object_name"].as_str()).collect();
    assert_eq!(names, BTreeSet::from([Some("Rest/a"), Some("Grpc/a")]));
    let cloud_event = seen[0]["cloud_event"].as_str().expect("a text");
    let cloud_event: Value = serde_json::from_str(cloud_event).expect("JSON");
    assert_eq!(
        (&cloud_event["id"], &cloud_event["type"], &cloud_event["subject"]),
        (&seen[0]["event_id"], &json!("draft.confirmed"), &seen[0]["object_name"])
    );
    for front in FRONTS {
        assert_eq!(listed(server, front, &[], 2).await, seen, "{front:?}");
    }
    // EventSource connects again with the ID of the last event that it has.
    let again = http_client()
        .get(watch(""))
        .header("last-event-id", begin.id.as_deref().expect("an ID"));
    let mut again = Events::of(again.send().await.expect("an answer"));
    again.next().await.expect("a cursor");
    let first = again.next().await.expect("an event");
    assert_eq!(first.data["event"], seen[0]);
    // The cursor in its query is then older.
    let [old, new] = [begin.id, first.id].map(|id| id.expect("an ID"));
    let later = http_client().get(watch(&format!("after={old}")));
    let later = later.header("last-event-id", new);
    let mut later = Events::of(later.send().await.expect("an answer"));
    later.next().await.expect("a cursor");
    assert_eq!(later.next().await.expect("an event").data["event"], seen[1]);
}

/// Confirms an object of each tenant, those that the last one must not see first.
#[tokio::test(flavor = "multi_thread")]
async fn tenant_gets_its_events_alone() {
    let callers = TENANTS.map(|tenant| (tenant, new_key(tenant.unwrap_or("all"))));
    let entries = callers.iter().map(|(tenant, (_, entry))| {
        let tenant = tenant.map(|tenant| format!("tenant = '{tenant}'\n"));
        let scopes = "scopes = ['upload', 'inspect', 'confirm']\n";
        format!("{entry}{scopes}{}", tenant.unwrap_or_default())
    });
    let policy = Policy::new(&entries.collect::<String>());
    let server = block_in_place(|| policy.server("api-key", &[("EVENTS_FEED", "on")]));
    let authorizations = callers.map(|(_, (key, _))| bearer(&key));
    let [.., of_t1] = &authorizations;
    let watch = http_client().get(format!("http://{}/api/v1/watch-events", server.http));
    let answer = watch.header("authorization", of_t1).send().await;
    let mut events = Events::of(answer.expect("an answer"));
    events.next().await.expect("a cursor");
    let client = DraftServiceClient::connect(format!("http://{}", server.grpc)).await;
    let mut request = Request::new(WatchEventsRequest::default());
    let metadata = of_t1.parse().expect("ASCII");
    request.metadata_mut().insert("authorization", metadata);
    let stream = client.expect("connects").watch_events(request).await;
    let mut stream = stream.expect("watched").into_inner();
    stream.message().await.expect("a message").expect("a cursor");

    for authorization in &authorizations {
        let headers = [("authorization", authorization.as_str())];
        let request = json!({"object_name": "a"});
        let call = async |route| Front::Rest.call_with(&headers, &server, route, request.clone()).await;
        let issued = call("upload-url").await.expect("issued");
        assert_eq!(upload(&issued, b"bytes".to_vec()).await, 200);
        call("confirm-upload").await.expect("confirmed");
    }
    let event = events.next().await.expect("an event");
    assert_eq!(tenant(&event.data["event"]).as_deref(), Some("t1"));
    let update = stream.message().await.expect("a message").expect("not the end");
    let event = serde_json::to_value(&update.event).expect("JSON");
    assert_eq!(tenant(&event).as_deref(), Some("t1"));
    for front in FRONTS {
        for (own, authorization) in TENANTS.iter().zip(&authorizations) {
            let expected = if own.is_some() { vec![*own] } else { TENANTS.to_vec() };
            let headers = [("authorization", authorization.as_str())];
            let seen = listed(&server, front, &headers, expected.len()).await;
            let seen: Vec<_> = seen.iter().map(tenant).collect();
            let seen: Vec<_> = seen.iter().map(Option::as_deref).collect();
            assert_eq!(seen, expected, "{front:?}");
        }
    }
}

/// Returns the tenant of an event.
fn tenant(event: &Value) -> Option<String> {
    let cloud_event = event["cloud_event"].as_str().expect("a text");
    let cloud_event: Value = serde_json::from_str(cloud_event).expect("JSON");
    Some(cloud_event["data"]["tenant"].as_str()?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn server_without_a_feed_says_so() {
    let server = Server::start();
    for front in FRONTS {
        for route in ["list-events", "watch-events"] {
            let refused = front.call(&server, route, json!({})).await.expect_err("no feed");
            refused.assert(412, Code::FailedPrecondition, "FEED_NOT_CONFIGURED");
            let bad = json!({"after": "x", "type": "x"});
            let refused = front.call(&server, route, bad).await.expect_err("invalid");
            assert_eq!(refused.fields, ["after", "type"]);
        }
    }
}
