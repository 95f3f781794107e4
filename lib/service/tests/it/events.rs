//! Events of confirms: none is lost, whatever fails, and none is of an act that did not happen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use draftstore_service::caller::Tenant;
use draftstore_service::cleaner::Mode;
use draftstore_service::draft::{ConfirmUpload, ListUndelivered, RedeliverEvents, RedeliveryResult};
use draftstore_service::events::{Endpoint, EndpointName, EndpointSource, Endpoints, EventId, EventKind, Outcome};
use draftstore_service::{Caller, Drafts, Error};
use draftstore_storage::{ErrorKind, ListObjects, Operation};
use serde_json::Value;

use crate::ground::Ground;
use crate::system::{FAR_AHEAD, System, expire, state, unique};

promises! {
    confirm_is_answered_after_its_event_without_another_call: strong, weak, garage, seaweedfs;
    event_that_is_not_acknowledged_is_written_down_and_delivered_later: strong, weak, garage, seaweedfs;
    confirm_that_can_neither_send_nor_write_its_event_fails_until_a_repeat: strong, weak, garage, seaweedfs;
    confirm_that_crashes_after_any_call_is_told_of_before_its_repeat_is_answered: strong, weak;
    every_repeat_has_the_same_event_and_every_act_another: strong, weak;
    batch_that_is_rolled_back_has_no_event: strong;
    two_servers_deliver_what_one_has_written_down: strong, weak;
    endpoint_that_is_gone_gets_nothing_until_it_is_configured_anew: strong;
    pending_events_survive_sweeps: strong;
    late_answer_of_an_endpoint_takes_back_what_was_written_down: strong, weak, garage, seaweedfs;
    event_is_left_to_the_server_that_has_just_written_it: strong, weak, garage, seaweedfs;
    event_that_its_endpoint_no_longer_wants_is_dropped: strong, weak;
    events_go_to_the_endpoints_of_their_tenant: strong;
    event_that_is_given_up_is_a_dead_letter_until_it_is_sent_again: strong, weak, garage, seaweedfs;
    events_of_an_endpoint_that_is_gone_are_given_up: strong;
    page_of_undelivered_events_has_those_of_the_tenant: strong, weak;
}

pub(crate) const FAILED: Outcome = Outcome::Failed { retry_after: None };

/// An endpoint whose answer the test sets, and which keeps what it has acknowledged.
#[derive(Debug)]
pub(crate) struct Sink {
    name: EndpointName,
    kinds: Vec<EventKind>,
    tenant: Option<Tenant>,
    answer: Mutex<Outcome>,
    attempts: Mutex<usize>,
    received: Mutex<Vec<(EventId, Value)>>,
    /// Held by a test while the endpoint does not answer.
    pub(crate) silence: tokio::sync::Mutex<()>,
}

impl Sink {
    pub(crate) fn new(name: &str) -> Arc<Self> {
        Self::of(name, None)
    }

    fn of(name: &str, tenant: Option<&str>) -> Arc<Self> {
        Self::wanting(name, tenant, &[EventKind::DraftConfirmed])
    }

    pub(crate) fn wanting(name: &str, tenant: Option<&str>, kinds: &[EventKind]) -> Arc<Self> {
        Arc::new(Self {
            name: name.parse().expect("a name"),
            kinds: kinds.to_vec(),
            tenant: tenant.map(|tenant| tenant.parse().expect("a tenant")),
            answer: Mutex::new(Outcome::Delivered),
            attempts: Mutex::default(),
            received: Mutex::default(),
            silence: tokio::sync::Mutex::default(),
        })
    }

    pub(crate) fn answers(&self, outcome: Outcome) {
        *self.answer.lock().expect("not poisoned") = outcome;
    }

    pub(crate) fn attempts(&self) -> usize {
        *self.attempts.lock().expect("not poisoned")
    }

    pub(crate) fn received(&self) -> Vec<(EventId, Value)> {
        self.received.lock().expect("not poisoned").clone()
    }

    /// Returns the names of the objects of each event.
    pub(crate) fn names(&self) -> BTreeMap<EventId, String> {
        let name = |event: &Value| event["data"]["object_name"].as_str().expect("a name").to_owned();
        self.received().iter().map(|(id, event)| (*id, name(event))).collect()
    }
}

#[async_trait]
impl Endpoint for Sink {
    fn name(&self) -> &EndpointName {
        &self.name
    }

    fn names(&self, kind: EventKind) -> bool {
        self.kinds.contains(&kind)
    }

    fn wants(&self, kind: EventKind, tenant: Option<&Tenant>) -> bool {
        self.kinds.contains(&kind) && self.tenant.as_ref().is_none_or(|own| Some(own) == tenant)
    }

    fn concurrency(&self) -> usize {
        4
    }

    async fn send(&self, id: EventId, json: Bytes, _: std::time::SystemTime) -> Outcome {
        *self.attempts.lock().expect("not poisoned") += 1;
        let _answers = self.silence.lock().await;
        let answer = *self.answer.lock().expect("not poisoned");
        if answer == Outcome::Delivered {
            let event = serde_json::from_slice(&json).expect("JSON");
            self.received.lock().expect("not poisoned").push((id, event));
        }
        answer
    }
}

/// The endpoints of a policy.
#[derive(Debug)]
struct Sinks(Endpoints);

impl EndpointSource for Sinks {
    fn endpoints(&self) -> Endpoints {
        Arc::clone(&self.0)
    }

    fn tenant_of(&self, name: &str) -> Option<Tenant> {
        let tenants = ["acme", "users"].map(|tenant| tenant.parse::<Tenant>().expect("a tenant"));
        tenants.into_iter().find(|tenant| name.starts_with(tenant.prefix()))
    }
}

pub(crate) fn telling(drafts: &Drafts, sinks: &[&Arc<Sink>]) -> Drafts {
    let sinks = sinks.iter().map(|sink| Arc::clone(sink) as Arc<dyn Endpoint>).collect();
    drafts.clone().with_endpoints(Arc::new(Sinks(sinks)))
}

impl System {
    /// Tells these sinks of events.
    pub(crate) fn telling(mut self, sinks: &[&Arc<Sink>]) -> Self {
        self.drafts = telling(&self.drafts, sinks);
        self
    }

    /// Returns the number of stored events.
    pub(crate) async fn pending(&self) -> usize {
        let list = ListObjects {
            prefix: Some(".drafts/events/".to_owned()),
            ..ListObjects::default()
        };
        let page = self
            .world
            .storage
            .list(self.world.draft.name(), &list)
            .await
            .expect("listed");
        let events = page.objects.iter();
        events
            .filter(|object| !object.key.as_str().contains(".wanted/"))
            .count()
    }
}

/// The time that a test waits for something in the background.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time after which every pause and every attempt of a young event is over.
pub(crate) const LATER: Duration = Duration::from_secs(600);

async fn confirm_is_answered_after_its_event_without_another_call(ground: &Ground) {
    let mut calls = Vec::new();
    for with_sink in [false, true] {
        let sink = Sink::new("shop");
        let sinks = [&sink];
        let system = ground.system().await.telling(&sinks[..usize::from(with_sink)]);
        system.world.draft("a", "bytes").await;
        let (id, whole_key) = unique(FAR_AHEAD, 1);
        system.world.draft(&whole_key, "unique").await;
        let seen = system.store.calls().len();
        let confirmed = system.confirm("a").await.expect("confirmed");
        assert_eq!(sink.received().len(), usize::from(with_sink), "before the answer");
        system.drafts.drain().await;
        system.confirm(&whole_key).await.expect("confirmed");
        system.drafts.drain().await;
        calls.push(
            system
                .store
                .calls()
                .split_off(seen)
                .into_iter()
                .map(|(call, _)| call)
                .collect::<Vec<_>>(),
        );
        if with_sink {
            let [(first, named), (second, of_unique)] = &sink.received()[..] else {
                panic!("two events");
            };
            assert_ne!(first, second);
            assert_eq!(named["id"], first.to_string());
            let main = system.world.main.name().as_str();
            assert_eq!(
                (&named["type"], &named["source"]),
                (&"draft.confirmed".into(), &format!("/buckets/{main}").into())
            );
            let data = &named["data"];
            assert_eq!((&data["object_name"], &data["draft_name"]), (&"a".into(), &"a".into()));
            assert_eq!(
                (&data["size"], &data["etag"]),
                (&5.into(), &confirmed.etag.as_str().into())
            );
            assert_eq!((&data["draft_id"], &data["tenant"]), (&Value::Null, &Value::Null));
            let data = &of_unique["data"];
            assert_eq!(
                (&data["object_name"], &data["draft_id"]),
                (&"file.jpg".into(), &id.into())
            );
        }
    }
    assert_eq!(calls[0], calls[1], "the same calls with an endpoint");
}

async fn event_that_is_not_acknowledged_is_written_down_and_delivered_later(ground: &Ground) {
    let [working, away] = [Sink::new("working"), Sink::new("away")];
    away.answers(FAILED);
    let system = ground.system().await.telling(&[&working, &away]);
    for name in ["a", "b"] {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
        assert_eq!(system.state(name).await.1.as_deref(), Some("bytes"));
    }
    assert_eq!((working.received().len(), away.received().len()), (2, 0));
    assert_eq!(
        away.attempts(),
        1,
        "a confirm does not wait for an endpoint that has just failed"
    );
    assert_eq!(system.pending().await, 2);

    assert!(system.drafts.deliver_pending().await, "the endpoint is paused");
    system.clock.advance(LATER);
    assert!(system.drafts.deliver_pending().await, "the endpoint is still away");
    assert_eq!(system.pending().await, 2);

    away.answers(Outcome::Delivered);
    assert!(system.drafts.deliver_pending().await, "it is paused");
    system.clock.advance(LATER);
    assert!(!system.drafts.deliver_pending().await);
    assert_eq!(away.names(), working.names(), "the same events with the same IDs");
    assert_eq!(system.pending().await, 0);
    assert_eq!(working.received().len(), 2, "not sent again to those that have it");
}

async fn confirm_that_can_neither_send_nor_write_its_event_fails_until_a_repeat(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    // The first put of a confirm may be the note of a copy in parts.
    let puts = || {
        system
            .store
            .calls()
            .iter()
            .filter(|(call, _)| *call == Operation::PutObject)
            .count()
    };
    for _ in 0..3 {
        system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
    }
    let mut failures = 0;
    let confirmed = loop {
        match system.confirm("a").await {
            Ok(confirmed) => break confirmed,
            Err(Error::StoreUnavailable(_)) => failures += 1,
            Err(error) => panic!("{error}"),
        }
        assert!(failures < 5);
    };
    assert!(failures >= 1, "it is not answered without its event");
    assert!(puts() > 3);
    assert_eq!(confirmed.size, 5);
    assert_eq!(system.pending().await, 1);
    sink.answers(Outcome::Delivered);
    system.clock.advance(LATER);
    assert!(!system.drafts.deliver_pending().await);
    assert_eq!(sink.names().len(), 1);
}

async fn confirm_that_crashes_after_any_call_is_told_of_before_its_repeat_is_answered(ground: &Ground) {
    for crash_after in 0.. {
        let [working, away] = [Sink::new("working"), Sink::new("away")];
        away.answers(FAILED);
        let system = ground.system().await.telling(&[&working, &away]);
        system.world.draft("a", "bytes").await;
        system.store.crash_after(crash_after);
        let answered = system.confirm("a").await.is_ok();
        system.drafts.drain().await;
        let crashed = system.store.restart();
        // A new process knows nothing.
        let restarted = telling(&system.other_server(), &[&working, &away]);
        if !answered {
            let request = ConfirmUpload {
                object_name: "a".to_owned(),
                ..ConfirmUpload::default()
            };
            restarted.confirm(&request).await.expect("the repeat completes it");
        }
        assert!(!working.names().is_empty(), "after {crash_after} calls");
        away.answers(Outcome::Delivered);
        system.clock.advance(LATER);
        assert!(!restarted.deliver_pending().await);
        assert_eq!(working.names(), away.names(), "after {crash_after} calls");
        assert_eq!(working.names().len(), 1, "one ID, after {crash_after} calls");
        if !crashed {
            break;
        }
    }
}

async fn every_repeat_has_the_same_event_and_every_act_another(ground: &Ground) {
    let sink = Sink::new("shop");
    let system = ground.system().await.telling(&[&sink]);
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        system.world.draft("a", "bytes").await;
        let request = ConfirmUpload {
            object_name: "a".to_owned(),
            destination_name: Some(format!("kept/{}", seen.len())),
            ..ConfirmUpload::default()
        };
        system.drafts.confirm(&request).await.expect("confirmed");
        let other = telling(&system.other_server(), &[&sink]);
        other.confirm(&request).await.expect("repeated");
        other.drain().await;
        let received = sink.received();
        let [.., (first, of_first), (second, of_second)] = &received[..] else {
            panic!("an event for each answer");
        };
        assert_eq!((first, of_first), (second, of_second));
        assert!(seen.insert(*first), "another act has another ID");
        system.drafts.drain().await;
    }
}

async fn batch_that_is_rolled_back_has_no_event(ground: &Ground) {
    let sink = Sink::new("shop");
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    system.world.draft("b", "bytes").await;
    system.store.fail(Operation::CopyObject, ErrorKind::TooLarge);
    let results = system.confirm_all(&["a", "b"]).await;
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert_eq!((sink.attempts(), system.pending().await), (0, 0));
    assert!(system.confirm_all(&["a", "b"]).await.iter().all(Result::is_ok));
    assert_eq!(sink.names().len(), 2);
}

async fn two_servers_deliver_what_one_has_written_down(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    for n in 0..20 {
        let name = format!("a{n}");
        system.world.draft(&name, "bytes").await;
        system.confirm(&name).await.expect("confirmed");
    }
    sink.answers(Outcome::Delivered);
    system.clock.advance(LATER);
    let other = telling(&system.other_server(), &[&sink]);
    tokio::join!(system.drafts.deliver_pending(), other.deliver_pending());
    assert_eq!(sink.names().len(), 20, "twenty IDs");
    assert_eq!(system.pending().await, 0);
}

async fn endpoint_that_is_gone_gets_nothing_until_it_is_configured_anew(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(Outcome::Gone);
    let system = ground.system().await.telling(&[&sink]);
    for name in ["a", "b"] {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
        system.clock.advance(LATER);
        system.drafts.deliver_pending().await;
    }
    assert_eq!((sink.attempts(), system.pending().await), (1, 2));
    let again = Sink::new("shop");
    let reloaded = telling(&system.drafts, &[&again]);
    assert!(!reloaded.deliver_pending().await);
    assert_eq!(again.names().len(), 2);
}

async fn late_answer_of_an_endpoint_takes_back_what_was_written_down(ground: &Ground) {
    let sink = Sink::new("shop");
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    let silence = sink.silence.lock().await;
    system.confirm("a").await.expect("confirmed");
    assert_eq!((sink.attempts(), system.pending().await), (1, 1));
    system.clock.advance(Duration::from_secs(10));
    assert!(system.drafts.deliver_pending().await, "the first attempt goes on");
    drop(silence);
    let begun = Instant::now();
    while system.pending().await > 0 {
        assert!(begun.elapsed() < PATIENCE, "it is still written down");
    }
    system.clock.advance(LATER);
    assert!(!system.drafts.deliver_pending().await);
    assert_eq!((sink.attempts(), sink.received().len()), (1, 1));
}

async fn event_is_left_to_the_server_that_has_just_written_it(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    system.confirm("a").await.expect("confirmed");
    let others = [(); 2].map(|()| telling(&system.other_server(), &[&sink]));
    for other in &others {
        assert!(other.deliver_pending().await, "it was just written");
    }
    assert_eq!(sink.attempts(), 1);
    sink.answers(Outcome::Delivered);
    system.clock.advance(LATER);
    assert!(!others[0].deliver_pending().await);
    assert_eq!((sink.attempts(), system.pending().await), (2, 0));
}

async fn event_that_its_endpoint_no_longer_wants_is_dropped(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    system.confirm("a").await.expect("confirmed");
    system.clock.advance(LATER);
    let other = Sink::wanting("shop", None, &[EventKind::ObjectDeleted]);
    assert!(!telling(&system.other_server(), &[&other]).deliver_pending().await);
    assert_eq!((other.attempts(), system.pending().await), (0, 0));
}

async fn pending_events_survive_sweeps(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    system.confirm("a").await.expect("confirmed");
    system.drafts.drain().await;
    system.world.draft("old", "bytes").await;
    let cleaner = system.cleaner(1);
    expire(&cleaner, 1).await;
    let swept = cleaner.sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!(swept.deleted, 1);
    assert_eq!(system.pending().await, 1);
    assert_eq!(system.state("a").await, state(None, Some("bytes")));
}

async fn events_go_to_the_endpoints_of_their_tenant(ground: &Ground) {
    let [all, own, others] = [
        Sink::new("all"),
        Sink::of("own", Some("t1")),
        Sink::of("others", Some("t2")),
    ];
    let system = ground.system().await.telling(&[&all, &own, &others]);
    let mut caller = Caller::anyone();
    caller.tenant = Some("t1".parse().expect("a tenant"));
    system.world.draft("t1/a", "bytes").await;
    let request = ConfirmUpload {
        object_name: "a".to_owned(),
        ..ConfirmUpload::default()
    };
    let drafts = system.drafts.for_caller(Arc::new(caller));
    drafts.confirm(&request).await.expect("confirmed");
    assert_eq!((all.attempts(), own.attempts(), others.attempts()), (1, 1, 0));
    let (_, event) = own.received().remove(0);
    assert_eq!(
        (&event["subject"], &event["data"]["tenant"]),
        (&"a".into(), &"t1".into())
    );
}

/// The time after which an event is given up.
const GIVEN_UP: Duration = Duration::from_secs(3 * 24 * 3600 + 1);

/// Lists all events that a webhook lacks, two on a page, as their names and if they are dead.
async fn undelivered(drafts: &Drafts, webhook: &str) -> Vec<(EventId, String, bool)> {
    let mut events = Vec::new();
    let mut page_token = None;
    loop {
        let request = ListUndelivered {
            webhook: webhook.to_owned(),
            page_size: Some(2),
            page_token,
        };
        let page = drafts.list_undelivered(&request).await.expect("listed");
        let listed = page.events.into_iter();
        events.extend(listed.map(|event| (event.id, event.object_name, event.is_dead)));
        page_token = page.next_page_token;
        if page_token.is_none() {
            return events;
        }
    }
}

async fn redeliver(drafts: &Drafts, webhook: &str, ids: &[EventId]) -> Vec<RedeliveryResult> {
    let request = RedeliverEvents {
        webhook: webhook.to_owned(),
        event_ids: ids.iter().map(ToString::to_string).collect(),
    };
    drafts.redeliver(&request).await.expect("answered")
}

async fn event_that_is_given_up_is_a_dead_letter_until_it_is_sent_again(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    for name in ["a", "b", "c"] {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
    }
    let pending = undelivered(&system.drafts, "shop").await;
    let names: Vec<_> = pending
        .iter()
        .map(|(_, name, is_dead)| (name.as_str(), *is_dead))
        .collect();
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|(_, is_dead)| !is_dead), "{names:?}");

    system.clock.advance(GIVEN_UP);
    let attempts = sink.attempts();
    assert!(!system.drafts.deliver_pending().await, "nothing is sent again");
    // Another server that has listed them before finds them gone.
    let other = telling(&system.other_server(), &[&sink]);
    assert!(!other.deliver_pending().await);
    assert_eq!(sink.attempts(), attempts);
    let dead = undelivered(&system.drafts, "shop").await;
    assert_eq!(dead.len(), 3);
    assert!(dead.iter().all(|(.., is_dead)| *is_dead), "{dead:?}");
    let ids: Vec<_> = dead.iter().map(|(id, ..)| *id).collect();
    assert_eq!(
        redeliver(&system.drafts, "shop", &ids[..1]).await,
        [RedeliveryResult::NotAcknowledged]
    );

    sink.answers(Outcome::Delivered);
    let unknown = EventId::new(SystemTime::UNIX_EPOCH, [1; 32]);
    assert_eq!(
        redeliver(&system.drafts, "shop", &[ids[0], unknown, ids[2]]).await,
        [
            RedeliveryResult::Delivered,
            RedeliveryResult::NotFound,
            RedeliveryResult::Delivered
        ]
    );
    let received: Vec<_> = sink.received().into_iter().map(|(id, _)| id).collect();
    assert_eq!(received.len(), 2);
    assert!(
        received.contains(&ids[0]) && received.contains(&ids[2]),
        "the IDs stay the same"
    );
    let left = undelivered(&system.drafts, "shop").await;
    assert_eq!(left.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), [ids[1]]);
}

async fn events_of_an_endpoint_that_is_gone_are_given_up(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(Outcome::Gone);
    let system = ground.system().await.telling(&[&sink]);
    system.world.draft("a", "bytes").await;
    system.confirm("a").await.expect("confirmed");
    assert!(system.drafts.deliver_pending().await);
    system.clock.advance(GIVEN_UP);
    assert!(!system.drafts.deliver_pending().await);
    assert_eq!(sink.attempts(), 1);
    let dead = undelivered(&system.drafts, "shop").await;
    assert!(matches!(&dead[..], [(_, name, true)] if name == "a"), "{dead:?}");
}

async fn page_of_undelivered_events_has_those_of_the_tenant(ground: &Ground) {
    let sink = Sink::new("shop");
    sink.answers(FAILED);
    let system = ground.system().await.telling(&[&sink]);
    let of = |tenant: &str| {
        let mut caller = Caller::anyone();
        caller.tenant = Some(tenant.parse().expect("a tenant"));
        system.drafts.for_caller(Arc::new(caller))
    };
    for (tenant, name) in [("t1", "a"), ("t2", "b"), ("t1", "c"), ("t10", "d")] {
        system.world.draft(&format!("{tenant}/{name}"), "bytes").await;
        let request = ConfirmUpload {
            object_name: name.to_owned(),
            ..ConfirmUpload::default()
        };
        of(tenant).confirm(&request).await.expect("confirmed");
    }
    let all = undelivered(&system.drafts, "shop").await;
    let names: BTreeSet<_> = all.iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names, BTreeSet::from(["t1/a", "t1/c", "t10/d", "t2/b"]));
    let own: BTreeSet<_> = undelivered(&of("t1"), "shop")
        .await
        .into_iter()
        .map(|(_, name, _)| name)
        .collect();
    assert_eq!(own, BTreeSet::from(["a", "c"].map(str::to_owned)));
    sink.answers(Outcome::Delivered);
    let theirs = all.iter().find(|(_, name, _)| name == "t2/b").expect("an event").0;
    assert_eq!(
        redeliver(&of("t1"), "shop", &[theirs]).await,
        [RedeliveryResult::NotFound]
    );
    assert_eq!(
        redeliver(&of("t2"), "shop", &[theirs]).await,
        [RedeliveryResult::Delivered]
    );
}
