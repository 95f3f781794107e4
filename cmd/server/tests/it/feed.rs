//! The feed of events, on both fronts.

use std::collections::BTreeSet;

use draftstore_proto::v1::WatchEventsRequest;
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::http_client;
use serde_json::{Value, json};
use tonic::Code;

use crate::front::{Events, FRONTS, Front, draft};
use crate::server::Server;

/// Reads the feed until it has this number of events, which takes until they are settled.
async fn listed(server: &Server, front: Front, expected: usize) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), Value::Null);
    while events.len() < expected {
        let request = json!({"after": cursor, "page_size": 1, "type": "draft."});
        let page = front.call(server, "list-events", request).await.expect("listed");
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        cursor = page["cursor"].clone();
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_and_watched() {
    let server = Server::start_with(&[("EVENTS_FEED", "on")]);
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
        draft(&server, &name, b"bytes").await;
        let confirm = json!({"object_name": name});
        front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
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
        assert_eq!(listed(&server, front, 2).await, seen, "{front:?}");
    }
    // EventSource connects again with the ID of the last event that it has.
    let again = http_client()
        .get(watch(""))
        .header("last-event-id", begin.id.expect("an ID"));
    let mut again = Events::of(again.send().await.expect("an answer"));
    again.next().await.expect("a cursor");
    assert_eq!(again.next().await.expect("an event").data["event"], seen[0]);
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
