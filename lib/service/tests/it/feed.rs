//! The feed of events: no reader misses one, whatever fails, and none sees one of another tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use draftstore_service::caller::{Names, Scope};
use draftstore_service::cleaner::{Brakes, Cleaner, Mode};
use draftstore_service::draft::{ConfirmUpload, EventsWatch, FeedEvent, ListEvents, SelectEvents};
use draftstore_service::events::{EventId, EventKind, Outcome};
use draftstore_service::{Caller, Drafts, Error, Policy};
use draftstore_storage::{ErrorKind, ListObjects, Operation};
use serde_json::Value;

use crate::events::{FAILED, LATER, Sink, telling};
use crate::ground::Ground;
use crate::system::{ManualClock, System, expire};

promises! {
    confirm_writes_one_object_for_the_feed: strong, weak, garage, seaweedfs;
    confirm_is_not_answered_before_the_feed_has_its_event: strong, weak;
    confirm_that_crashes_after_any_call_is_in_the_feed_before_its_repeat_is_answered: strong, weak;
    readers_miss_nothing_of_servers_whose_clocks_differ: strong, weak, garage, seaweedfs;
    repeat_is_no_other_entry: strong;
    event_that_comes_late_is_after_what_readers_have: strong;
    tenant_gets_its_events_and_those_below: strong;
    page_has_the_kinds_and_names_that_are_selected: strong;
    cursor_belongs_to_its_caller_and_expires: strong;
    watch_has_each_event_and_goes_on_after_its_cursor: strong;
    watches_share_the_calls_to_the_store: strong;
    sweep_removes_events_after_their_retention: strong, weak;
}

/// The time after which every entry can be read.
const SETTLED: Duration = Duration::from_secs(30);

/// Reads the feed from its beginning.
pub(crate) async fn read_all(drafts: &Drafts) -> Vec<FeedEvent> {
    read(drafts, &mut None).await
}

/// Reads the rest of the feed after a cursor, two entries a page.
async fn read(drafts: &Drafts, cursor: &mut Option<String>) -> Vec<FeedEvent> {
    let mut events = Vec::new();
    loop {
        let request = ListEvents {
            select: SelectEvents {
                after: cursor.clone(),
                ..SelectEvents::default()
            },
            page_size: Some(2),
        };
        let page = drafts.list_events(&request).await.expect("listed");
        events.extend(page.events);
        *cursor = Some(page.cursor);
        if !page.has_more {
            return events;
        }
    }
}

fn ids(events: &[FeedEvent]) -> Vec<EventId> {
    events.iter().map(|event| event.id).collect()
}

fn subjects(events: &[FeedEvent]) -> Vec<&str> {
    events.iter().map(|event| event.subject.as_str()).collect()
}

impl System {
    /// Keeps events in the feed.
    fn feeding(mut self) -> Self {
        self.drafts = self.drafts.with_feed();
        self
    }

    /// Returns the number of entries of the feed.
    async fn entries(&self) -> usize {
        let list = ListObjects {
            prefix: Some(".drafts/published/".to_owned()),
            ..ListObjects::default()
        };
        let draft = self.world.draft.name();
        let page = self.world.storage.list(draft, &list).await.expect("listed");
        page.objects.len()
    }
}

fn named(name: &str) -> ConfirmUpload {
    ConfirmUpload {
        object_name: name.to_owned(),
        ..ConfirmUpload::default()
    }
}

async fn confirm_writes_one_object_for_the_feed(ground: &Ground) {
    let mut calls = Vec::new();
    for feeds in [false, true] {
        let sink = Sink::new("shop");
        let system = ground.system().await.telling(&[&sink]);
        let system = if feeds { system.feeding() } else { system };
        system.world.draft("a", "bytes").await;
        system.clock.catch_up();
        let before = system.store.calls().len();
        system.confirm("a").await.expect("confirmed");
        system.drafts.drain().await;
        let made = system.store.calls().split_off(before).into_iter();
        calls.push(made.map(|(call, _)| call.to_string()).collect::<Vec<_>>());
        assert_eq!(system.entries().await, usize::from(feeds));
        if feeds {
            system.clock.advance(SETTLED);
            let events = read_all(&system.drafts).await;
            let [(id, sent)] = &sink.received()[..] else {
                panic!("one event");
            };
            let [event] = &events[..] else {
                panic!("one event");
            };
            assert_eq!((event.id, event.subject.as_str()), (*id, "a"));
            assert_eq!(event.kind, EventKind::DraftConfirmed);
            let json: Value = serde_json::from_str(&event.json).expect("JSON");
            assert_eq!(json, *sent, "the webhook's event");
        }
    }
    calls[0].push(Operation::PutObject.to_string());
    for calls in &mut calls {
        calls.sort();
    }
    assert_eq!(calls[0], calls[1]);
}

async fn confirm_is_not_answered_before_the_feed_has_its_event(ground: &Ground) {
    let system = ground.system().await.feeding();
    system.world.draft("a", "bytes").await;
    for _ in 0..3 {
        system.store.fail(Operation::PutObject, ErrorKind::Unavailable);
    }
    let mut failures = 0;
    while let Err(error) = system.confirm("a").await {
        assert!(matches!(error, Error::StoreUnavailable(_)), "{error}");
        assert_eq!(system.entries().await, 0);
        failures += 1;
        assert!(failures < 5);
    }
    assert!(failures >= 1);
    system.clock.advance(SETTLED);
    assert_eq!(subjects(&read_all(&system.drafts).await), ["a"]);
}

async fn confirm_that_crashes_after_any_call_is_in_the_feed_before_its_repeat_is_answered(ground: &Ground) {
    for crash_after in 0.. {
        let away = Sink::new("away");
        away.answers(FAILED);
        let system = ground.system().await.telling(&[&away]).feeding();
        system.world.draft("a", "bytes").await;
        system.store.crash_after(crash_after);
        let answered = system.confirm("a").await.is_ok();
        system.drafts.drain().await;
        let crashed = system.store.restart();
        let restarted = telling(&system.other_server(), &[&away]).with_feed();
        if !answered {
            // Readers may be past the time of the act.
            system.clock.advance(LATER);
            restarted.confirm(&named("a")).await.expect("the repeat completes it");
        }
        system.clock.advance(LATER);
        away.answers(Outcome::Delivered);
        assert!(!restarted.deliver_pending().await);
        let fed: BTreeSet<_> = ids(&read_all(&restarted).await).into_iter().collect();
        let told: BTreeSet<_> = away.names().into_keys().collect();
        assert_eq!((fed.len(), &fed), (1, &told), "after {crash_after} calls");
        if !crashed {
            break;
        }
    }
}

async fn readers_miss_nothing_of_servers_whose_clocks_differ(ground: &Ground) {
    const ROUNDS: u64 = 20;
    let system = ground.system().await;
    let clocks = [0, 5, 10].map(|seconds| {
        let clock = ManualClock::at(system.clock.time());
        clock.advance(Duration::from_secs(seconds));
        Arc::new(clock)
    });
    let servers = clocks.clone().map(|clock| system.server_by(clock).with_feed());
    let mut readers: [(Option<String>, Vec<FeedEvent>); 3] = Default::default();
    for round in 0..ROUNDS {
        for (number, server) in servers.iter().enumerate() {
            let name = format!("{round}-{number}");
            system.world.draft(&name, "bytes").await;
            server.confirm(&named(&name)).await.expect("confirmed");
        }
        // Each reader comes to another server each time, and some come rarely.
        for (number, (cursor, seen)) in readers.iter_mut().enumerate() {
            if round % (number as u64 + 1) == 0 {
                let server = &servers[(usize::try_from(round).expect("few rounds") + number) % 3];
                seen.extend(read(server, cursor).await);
            }
        }
        for clock in &clocks {
            clock.advance(Duration::from_millis(700 + round * 50));
        }
    }
    assert!(!readers[0].1.is_empty(), "events are read while others happen");
    for clock in &clocks {
        clock.advance(SETTLED);
    }
    let all: BTreeSet<_> = (0..ROUNDS)
        .flat_map(|round| (0..3).map(move |number| format!("{round}-{number}")))
        .collect();
    let mut orders = Vec::new();
    for (cursor, mut seen) in readers {
        let mut cursor = cursor;
        seen.extend(read(&servers[0], &mut cursor).await);
        let mut once = BTreeSet::new();
        seen.retain(|event| once.insert(event.id));
        let names: BTreeSet<_> = subjects(&seen).into_iter().map(str::to_owned).collect();
        assert_eq!(
            (seen.len(), &names),
            (all.len(), &all),
            "none is missed, and none comes twice"
        );
        orders.push(ids(&seen));
    }
    assert!(
        orders.iter().all(|order| *order == orders[0]),
        "one order for all readers"
    );
    let mut cursor = None;
    assert_eq!(ids(&read(&servers[1], &mut cursor).await), orders[0]);
}

async fn repeat_is_no_other_entry(ground: &Ground) {
    let system = ground.system().await.feeding();
    system.world.draft("a", "bytes").await;
    system.clock.catch_up();
    for _ in 0..3 {
        system.confirm("a").await.expect("confirmed");
        system
            .other_server()
            .with_feed()
            .confirm(&named("a"))
            .await
            .expect("repeated");
    }
    assert_eq!(system.entries().await, 1);
}

async fn event_that_comes_late_is_after_what_readers_have(ground: &Ground) {
    let system = ground.system().await;
    system.world.draft("early", "bytes").await;
    system.clock.catch_up();
    system.confirm("early").await.expect("confirmed, without a feed");
    let feeding = system.other_server().with_feed();
    system.clock.advance(SETTLED);
    system.world.draft("b", "bytes").await;
    feeding.confirm(&named("b")).await.expect("confirmed");
    system.clock.advance(SETTLED);
    let mut cursor = None;
    assert_eq!(subjects(&read(&feeding, &mut cursor).await), ["b"]);
    let again = feeding.confirm(&named("early")).await.expect("a repeat");
    assert!(again.replayed);
    assert_eq!(
        subjects(&read(&feeding, &mut cursor).await),
        [""; 0],
        "it is not settled"
    );
    system.clock.advance(SETTLED);
    let late = read(&feeding, &mut cursor).await;
    assert_eq!(subjects(&late), ["early"]);
    assert!(late[0].at + SETTLED < system.clock.time(), "the time of the act");
}

fn of_tenant(drafts: &Drafts, tenant: Option<&str>) -> Drafts {
    let mut caller = Caller::anyone();
    caller.tenant = tenant.map(|tenant| tenant.parse().expect("a tenant"));
    drafts.for_caller(Arc::new(caller))
}

async fn tenant_gets_its_events_and_those_below(ground: &Ground) {
    let system = ground.system().await.feeding();
    for tenant in ["t1", "t1/below", "t10"] {
        system.world.draft(&format!("{tenant}/a"), "bytes").await;
        let drafts = of_tenant(&system.drafts, Some(tenant));
        drafts.confirm(&named("a")).await.expect("confirmed");
    }
    system.world.draft("a", "bytes").await;
    system.confirm("a").await.expect("confirmed");
    system.clock.advance(SETTLED);
    let mut seen = BTreeMap::new();
    for tenant in [None, Some("t1"), Some("t1/below"), Some("t10"), Some("t2")] {
        let events = read_all(&of_tenant(&system.drafts, tenant)).await;
        let tenants = events
            .iter()
            .map(|event| event.tenant.as_ref().map(ToString::to_string));
        seen.insert(tenant, tenants.collect::<BTreeSet<_>>());
    }
    let some = |tenants: &[&str]| tenants.iter().map(|tenant| Some((*tenant).to_owned())).collect();
    let mut all: BTreeSet<_> = some(&["t1", "t1/below", "t10"]);
    all.insert(None);
    let expected = [
        (None, all),
        (Some("t1"), some(&["t1", "t1/below"])),
        (Some("t1/below"), some(&["t1/below"])),
        (Some("t10"), some(&["t10"])),
        (Some("t2"), BTreeSet::new()),
    ];
    assert_eq!(seen, expected.into());
}

async fn page_has_the_kinds_and_names_that_are_selected(ground: &Ground) {
    let system = ground.system().await.feeding();
    for name in ["a/1", "a/2", "b/1"] {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
    }
    let deleted = draftstore_service::draft::DeleteObject {
        object_name: "a/1".to_owned(),
        ..Default::default()
    };
    system.drafts.delete_object(&deleted).await.expect("deleted");
    system.clock.advance(SETTLED);
    let list = async |kind: Option<&str>, prefix: Option<&str>| {
        let select = SelectEvents {
            kind: kind.map(str::to_owned),
            name_prefix: prefix.map(str::to_owned),
            ..SelectEvents::default()
        };
        let page_size = None;
        system.drafts.list_events(&ListEvents { select, page_size }).await
    };
    for (kind, prefix, expected) in [
        (None, None, &["a/1", "a/1", "a/2", "b/1"][..]),
        (Some("object.deleted"), None, &["a/1"]),
        (Some("object."), Some("b"), &[]),
        (Some("draft.confirmed"), Some("a/"), &["a/1", "a/2"]),
        (Some("draft."), None, &["a/1", "a/2", "b/1"]),
        (Some("draft.rejected"), None, &[]),
    ] {
        let page = list(kind, prefix).await.expect("listed");
        let mut names = subjects(&page.events);
        names.sort_unstable();
        assert_eq!(
            (names.as_slice(), page.has_more),
            (expected, false),
            "{kind:?} {prefix:?}"
        );
    }
    let Err(Error::Invalid(broken)) = list(Some("draft"), Some(&"a".repeat(1025))).await else {
        panic!("refused");
    };
    let fields: Vec<_> = broken.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["type", "name_prefix"]);
}

async fn cursor_belongs_to_its_caller_and_expires(ground: &Ground) {
    let system = ground.system().await.feeding();
    let drafts = of_tenant(&system.drafts, Some("t1"));
    let page = drafts.list_events(&ListEvents::default()).await.expect("listed");
    let after = |cursor: &str| ListEvents {
        select: SelectEvents {
            after: Some(cursor.to_owned()),
            ..SelectEvents::default()
        },
        page_size: None,
    };
    drafts.list_events(&after(&page.cursor)).await.expect("listed");
    let is_refused =
        |result: Result<_, Error>| matches!(result, Err(Error::Invalid(broken)) if broken[0].field == "after");
    let other = of_tenant(&system.drafts, Some("t2"));
    assert!(is_refused(other.list_events(&after(&page.cursor)).await));
    for bad in ["", "x", &"A".repeat(10_000)] {
        assert!(is_refused(drafts.list_events(&after(bad)).await), "{bad}");
    }
    system.clock.advance(system.drafts.policy().events_retention());
    assert!(
        is_refused(drafts.list_events(&after(&page.cursor)).await),
        "it has expired"
    );

    let mut caller = Caller::anyone();
    caller.scopes = [Scope::Upload, Scope::Confirm].into_iter().collect();
    let restricted = system.drafts.for_caller(Arc::new(caller));
    let refused = restricted.list_events(&ListEvents::default()).await;
    assert!(matches!(refused, Err(Error::NotAllowed(Scope::Inspect))));
    let mut caller = Caller::anyone();
    caller.names = Names::Under("a/".to_owned());
    let restricted = system.drafts.for_caller(Arc::new(caller));
    let refused = restricted.list_events(&ListEvents::default()).await;
    assert!(matches!(refused, Err(Error::RestrictedNames)));
    let unfed = system.other_server();
    assert!(matches!(
        unfed.list_events(&ListEvents::default()).await,
        Err(Error::NoFeed)
    ));
}

/// Returns the name of the next event of a watch, and the cursor after it.
async fn next(watch: &mut EventsWatch) -> (Option<String>, String) {
    let update = watch.next().await.expect("not the end").expect("an update");
    (update.event.map(|event| event.subject), update.cursor)
}

async fn watch_has_each_event_and_goes_on_after_its_cursor(ground: &Ground) {
    let system = ground.system().await.feeding();
    let confirm = async |name: &str| {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
    };
    confirm("before").await;
    system.clock.advance(SETTLED);
    let mut watch = system
        .drafts
        .watch_events(&SelectEvents::default())
        .await
        .expect("begun");
    let (none, cursor) = next(&mut watch).await;
    assert_eq!(none, None, "the cursor of now");
    for name in ["a", "b", "c"] {
        confirm(name).await;
        system.clock.advance(Duration::from_secs(1));
    }
    system.clock.advance(SETTLED);
    let mut cursors = Vec::new();
    for name in ["a", "b", "c"] {
        let (event, cursor) = next(&mut watch).await;
        assert_eq!(event.as_deref(), Some(name));
        cursors.push(cursor);
    }
    let after = |cursor: &String, kind: Option<&str>| SelectEvents {
        after: Some(cursor.clone()),
        kind: kind.map(str::to_owned),
        name_prefix: None,
    };
    for (cursor, name) in [(&cursor, "a"), (&cursors[0], "b"), (&cursors[1], "c")] {
        let other = system.other_server().with_feed();
        let mut again = other.watch_events(&after(cursor, Some("draft."))).await.expect("begun");
        assert_eq!(next(&mut again).await.0, None);
        assert_eq!(next(&mut again).await.0.as_deref(), Some(name));
    }
    let refused = system.other_server().watch_events(&SelectEvents::default()).await;
    assert!(matches!(refused, Err(Error::NoFeed)));
    system.store.fail(Operation::ListObjectsV2, ErrorKind::Unavailable);
    system.clock.advance(SETTLED);
    let ended = watch.next().await.expect("an error");
    assert!(matches!(ended, Err(Error::StoreUnavailable(_))), "{ended:?}");
    assert!(watch.next().await.is_none());
}

async fn watches_share_the_calls_to_the_store(ground: &Ground) {
    let system = ground.system().await.feeding();
    let watch = async || {
        system
            .drafts
            .watch_events(&SelectEvents::default())
            .await
            .expect("begun")
    };
    let mut watches = [watch().await, watch().await, watch().await];
    for watch in &mut watches {
        next(watch).await;
    }
    for name in ["a", "b"] {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
        system.clock.advance(Duration::from_secs(1));
    }
    system.drafts.drain().await;
    system.clock.advance(SETTLED);
    let before = system.store.calls().len();
    for watch in &mut watches {
        for name in ["a", "b"] {
            assert_eq!(next(watch).await.0.as_deref(), Some(name));
        }
    }
    let made = system.store.calls().split_off(before).into_iter();
    let lists = made.filter(|(call, _)| *call == Operation::ListObjectsV2).count();
    assert_eq!(lists, 4, "one for each shard");
}

async fn sweep_removes_events_after_their_retention(ground: &Ground) {
    let system = ground.system().await.feeding();
    for name in ["a", "b", "c"] {
        system.world.draft(name, "bytes").await;
        system.confirm(name).await.expect("confirmed");
    }
    system.drafts.drain().await;
    let cleaner = |seconds| {
        let hour = Duration::from_secs(3600);
        let policy = Policy::new(hour, hour, hour, Duration::ZERO).expect("a policy");
        let policy = policy.keeping_events_for(Duration::from_secs(seconds));
        Cleaner::new(system.installed(), policy, Brakes::default(), system.clock.clone())
    };
    let swept = cleaner(3600).sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, system.entries().await), (0, 3));
    expire(&cleaner(1), 3).await;
    let swept = cleaner(1).sweep(Mode::Delete, &mut |_| {}).await.expect("swept");
    assert_eq!((swept.deleted, system.entries().await), (3, 0));
}
