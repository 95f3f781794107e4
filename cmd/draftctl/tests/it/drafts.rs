use std::time::{Duration, SystemTime};

use draftstore_service::events::EventId;
use draftstore_testing::key;
use serde_json::Value;

use crate::program::{TestUser, text};
use crate::test_server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn drafts_are_listed_and_discarded() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    assert_eq!(user.run(["list", "--json"]).out, "");
    let files = ["a", "b"].map(|name| user.file(name, name));
    user.run(["upload", text(&files[0]), text(&files[1])]);
    let unique = user.json(["upload", text(&files[0]), "--unique"]);
    let draft_id = unique["draft_id"].as_str().expect("an ID");

    let listed = user.run(["list", "--json"]).results();
    let mut names: Vec<_> = listed
        .iter()
        .map(|draft| (&draft["object_name"], &draft["draft_id"]))
        .collect();
    names.sort_by_key(|name| format!("{name:?}"));
    let [a, b, null] = ["a".into(), "b".into(), Value::Null];
    assert_eq!(names, [(&a, &null), (&a, &unique["draft_id"]), (&b, &null)]);
    let text = user.run(["list"]).out;
    assert!(
        text.lines().any(|line| line.contains("1 B") && line.contains(draft_id)),
        "{text}"
    );

    let discarded = user.json(["discard", "a", "--draft-id", draft_id]);
    assert_eq!(discarded["discarded"], true);
    assert_eq!(user.json(["discard", "a", "--draft-id", draft_id])["discarded"], false);
    assert_eq!(user.run(["list", "--json"]).results().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn draft_is_watched_until_its_end() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("a", "hello");
    let uploaded = user.json(["upload", text(&file), "--unique", "--confirm"]);
    let draft_id = uploaded["draft_id"].as_str().expect("an ID");
    let ended = user.run(["watch", "a", "--draft-id", draft_id, "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    let states: Vec<_> = ended.results().iter().map(|state| state["state"].clone()).collect();
    assert_eq!(states, ["DRAFT_STATE_CONFIRMED"]);
    assert_eq!(user.run(["watch", "a", "--draft-id", draft_id]).out, "a: confirmed\n");
    assert_eq!(user.run(["watch", "none"]).status, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_objects_are_listed_by_name() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    for name in ["b/2", "a", "b/1"] {
        let file = user.file("file", name);
        user.json(["upload", text(&file), "--name", name, "--confirm"]);
    }
    let listed = |arguments: &[&str]| {
        let ended = user.run(["list", "--confirmed", "--json"].iter().chain(arguments));
        assert_eq!(ended.status, 0, "{ended:?}");
        let names = ended.results().into_iter().map(|object| object["object_name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), ["a", "b/1", "b/2"]);
    assert_eq!(listed(&["--prefix", "b/"]), ["b/1", "b/2"]);
    let said = user.run(["list", "--confirmed"]).out;
    assert!(
        said.lines().any(|line| line.contains("3 B") && line.ends_with("  b/1")),
        "{said}"
    );
    let folders = user.run(["list", "--confirmed", "--folders", "--json"]).results();
    assert_eq!(
        (&folders[0]["folder"], &folders[1]["object_name"]),
        (&Value::from("b/"), &Value::from("a"))
    );
    assert_eq!(folders.len(), 2);
    let file = user.file("file", "draft");
    for name in ["b/3", "c"] {
        user.json(["upload", text(&file), "--name", name]);
    }
    let drafts = user.run(["list", "--prefix", "b/", "--json"]).results();
    assert_eq!((drafts.len(), &drafts[0]["object_name"]), (1, &Value::from("b/3")));
    assert_eq!(user.run(["list", "--folders"]).status, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_objects_are_described_and_deleted() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    let uploaded = user.json(["upload", text(&file), "--name", "a", "--unique", "--confirm"]);
    let described = user.json(["inspect", "a", "--confirmed"]);
    assert_eq!(described["draft_id"], uploaded["draft_id"]);
    let etag = described["etag"].as_str().expect("an ETag");
    let said = user.run(["inspect", "a", "--confirmed"]).out;
    assert!(
        said.lines().any(|line| line == format!("ETag          {etag}")),
        "{said}"
    );
    assert_eq!(user.run(["inspect", "a", "--confirmed", "--draft-id", "x"]).status, 2);

    let other = ["delete", "a", "--if-match", "00000000000000000000000000000000"];
    assert_eq!(user.run(other).status, 5);
    let deleted = user.json(["delete", "a", "--if-match", etag]);
    assert_eq!(
        (&deleted["object_name"], &deleted["deleted"]),
        (&"a".into(), &true.into())
    );
    assert_eq!(user.json(["delete", "a"])["deleted"], false);
    assert_eq!(user.run(["inspect", "a", "--confirmed"]).status, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn confirmed_objects_are_updated_copied_moved_and_deleted_together() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    user.json(["upload", text(&file), "--name", "a", "--metadata", "author=ada"]);
    user.json(["confirm", "a", "--tag", "case=1", "--storage-class", "STANDARD_IA"]);
    user.json([
        "update",
        "a",
        "--metadata",
        "pages=3",
        "--remove",
        "metadata.author",
        "--cache-control",
        "no-store",
    ]);
    let described = user.json(["inspect", "a", "--confirmed"]);
    assert_eq!(described["metadata"], serde_json::json!({"pages": "3"}));
    assert_eq!(
        (&described["tags"]["case"], &described["storage_class"]),
        (&"1".into(), &"STANDARD_IA".into())
    );
    assert_eq!(user.json(["update", "a"])["replayed"], true, "nothing to change");

    user.json(["copy", "a", "b"]);
    assert_eq!(user.json(["copy", "a", "b"])["replayed"], true);
    assert_eq!(user.json(["move", "a", "c", "--tag", "moved=yes"])["object_name"], "c");
    assert_eq!(user.run(["inspect", "a", "--confirmed"]).status, 3);
    assert_eq!(user.run(["move", "c", "b"]).status, 4);
    user.json(["delete", "b"]);
    let said = user.run(["move", "c", "b"]);
    assert!(said.out.starts_with("c: moved to b, ETag "), "{}", said.out);

    let retained = [
        "confirm",
        "a",
        "--retention",
        "governance",
        "--retain-until",
        "2099-01-01T00:00:00Z",
    ];
    assert_eq!(user.run(retained).status, 1, "main has no object lock");
    let deleted = user.run(["delete", "b", "none", "--json"]).results();
    assert_eq!(
        (&deleted[0]["deleted"], &deleted[1]["deleted"]),
        (&true.into(), &false.into())
    );
    assert_eq!(
        (&deleted[0]["object_name"], &deleted[1]["object_name"]),
        (&"b".into(), &"none".into())
    );
    let some = user.run(["delete", "x", "a//b"]);
    assert_eq!(some.status, 8, "{}", some.err);
    assert_eq!(user.run(["delete", "x", "y", "--if-match", "z"]).status, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn archived_object_is_restored_and_usage_is_asked_for() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "bytes");
    for (name, class) in [("a", "GLACIER"), ("b", "STANDARD")] {
        let upload = ["upload", text(&file), "--name", name];
        user.json(upload);
        user.json(["confirm", name, "--storage-class", class]);
    }
    let target = user.path("archived");
    for archived in [
        vec!["copy", "a", "c"],
        vec!["download", "a", "--stage", "main", "--output", text(&target)],
    ] {
        let refused = user.run(archived);
        assert_eq!(refused.status, 11, "{}", refused.err);
        let hint = "`draftctl unarchive` makes it readable";
        assert!(
            refused.err.contains(hint) && !refused.err.contains("retrying"),
            "{}",
            refused.err
        );
    }
    let restored = user.json(["unarchive", "a", "--days", "2", "--bulk"]);
    assert!(restored["archive"]["readable_until"].is_string(), "{restored}");
    let said = user.run(["unarchive", "b"]).out;
    assert_eq!(said, "b: not archived\n");
    // No sweep runs beside this server, so nothing is counted.
    let refused = user.run(["usage"]);
    assert_eq!(refused.status, 3, "{}", refused.err);
    assert!(refused.err.contains("no sweep has counted"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_a_webhook_lacks_are_listed() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    for command in ["list", "redeliver"] {
        let unknown = user.run(["events", command, "erp"]);
        assert_eq!((unknown.status, unknown.out.as_str()), (3, ""), "{}", unknown.err);
        assert!(unknown.err.contains("webhook"), "{}", unknown.err);
    }
    for (place, ulid, name) in [
        ("erp", "01KAN3XJ5V8Q7R2M4T6W9Y0ZBC", "new"),
        (".dead/erp", "01K0N3XJ5V8Q7R2M4T6W9Y0ZBC", "old"),
    ] {
        let event = serde_json::json!({
            "id": format!("evt_{ulid}"), "type": "draft.confirmed", "subject": name, "data": {"object_name": name},
        });
        server
            .world
            .upload(&key(&format!(".drafts/events/{place}/{ulid}")), event.to_string())
            .await;
    }
    let listed = user.run(["events", "list", "erp", "--json"]).results();
    let listed: Vec<_> = listed
        .iter()
        .map(|event| (&event["object_name"], &event["is_dead"]))
        .collect();
    let [old, new, dead, pending] = ["old".into(), "new".into(), Value::Bool(true), Value::Bool(false)];
    assert_eq!(listed, [(&old, &dead), (&new, &pending)]);
    let said = user.run(["events", "list", "erp"]).out;
    let first = said.lines().next().expect("a line");
    assert!(
        first.starts_with("evt_01K0N3XJ5V8Q7R2M4T6W9Y0ZBC ") && first.contains("  dead "),
        "{said}"
    );
    // What a webhook lacks that the policy no longer has can be listed, and not sent.
    let tried = user.run(["events", "redeliver", "erp"]);
    assert_eq!((tried.status, tried.out.as_str()), (3, ""), "{}", tried.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_printed_as_they_come_after_a_cursor() {
    let server = TestServer::feeding().await;
    let user = TestUser::of(&server.url);
    let put = async |hours: u64, digest: u8, name: &str| {
        let at = SystemTime::now() - Duration::from_secs(hours * 3600);
        let id = EventId::new(at, [digest; 32]).to_string();
        let event = serde_json::json!({
            "id": id, "type": "draft.confirmed", "subject": name, "data": {"object_name": name},
        });
        let entry = format!(".drafts/published/{}/{}", digest % 4, id.replace("evt_", ""));
        server.world.upload(&key(&entry), event.to_string()).await;
    };
    put(3, 4, "a").await;
    put(4, 5, "b").await;
    let tail = ["events", "tail", "--no-follow"];
    server.clock.set_late(true);
    let kept = user.run(tail.iter().chain(&["--json"])).results();
    let names: Vec<_> = kept.iter().map(|update| &update["event"]["object_name"]).collect();
    assert_eq!(names, ["b", "a"]);
    let cursor = kept[1]["cursor"].as_str().expect("a cursor");
    let said = user.run(tail.iter().chain(&["--prefix", "a", "--type", "draft."])).out;
    assert!(
        said.contains("  draft.confirmed   a  ") && said.lines().count() == 1,
        "{said}"
    );
    let refused = user.run(tail.iter().chain(&["--type", "confirmed"]));
    assert!(
        refused.err.contains("must be one of draft., object., "),
        "{}",
        refused.err
    );

    let mut follows = user.start(["events", "tail", "--after", cursor, "--json"]);
    put(1, 6, "c").await;
    server.clock.set_late(false);
    let update = follows.result().await;
    assert_eq!(update["event"]["object_name"], "c");
    follows.kill().await;
    let cursor = update["cursor"].as_str().expect("a cursor");
    let rest = user.run(tail.iter().chain(&["--after", cursor]));
    assert_eq!((rest.status, rest.out.as_str()), (0, ""), "{}", rest.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_and_restored() {
    let server = TestServer::start().await;
    server.world.keep_versions().await;
    let user = TestUser::of(&server.url);
    for bytes in ["first", "second"] {
        let file = user.file("file", bytes);
        user.json(["upload", text(&file), "--name", "a", "--confirm", "--overwrite"]);
    }
    let versions = user.run(["versions", "a", "--json"]).results();
    assert_eq!((versions.len(), &versions[0]["is_current"]), (2, &Value::Bool(true)));
    let said = user.run(["versions", "a"]).out;
    assert!(
        said.lines().next().is_some_and(|line| line.ends_with("  current")),
        "{said}"
    );
    let first = versions[1]["version_id"].as_str().expect("an ID");
    assert_eq!(user.run(["restore", "a"]).status, 4);
    user.json(["restore", "a", "--version", first]);
    assert_eq!(server.world.main_bytes(&key("a")).await.as_deref(), Some(&b"first"[..]));
    assert_eq!(user.json(["delete", "a"])["can_be_undone"], true);
    user.json(["restore", "a"]);
    assert_eq!(server.world.main_bytes(&key("a")).await.as_deref(), Some(&b"first"[..]));
    user.json(["delete", "a", "--version", first]);
    let left = user.run(["versions", "a", "--json"]).results();
    assert!(left.iter().all(|version| version["version_id"] != first));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_confirmed_objects_name_the_object() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let file = user.file("file", "hello");
    for name in ["here", "there"] {
        user.json(["upload", text(&file), "--name", name, "--confirm"]);
    }
    for (status, arguments, named) in [
        (3, &["update", "absent", "--metadata", "a=b"][..], "absent: "),
        (3, &["copy", "absent", "new"], "absent: "),
        (3, &["move", "absent", "new"], "absent: "),
        (3, &["inspect", "absent", "--confirmed"], "absent: "),
        (4, &["copy", "here", "there"], "there: "),
        (5, &["delete", "here", "--if-match", "0"], "here: "),
        (11, &["restore", "here", "--version", "x"], "here: "),
        (11, &["versions", "here"], "here: "),
    ] {
        let ended = user.run(arguments);
        assert_eq!(ended.status, status, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(named), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn command_lines_without_a_meaning_are_refused() {
    let user = TestUser::of("http://127.0.0.1:1");
    for (arguments, rule) in [
        (
            &["list", "--folders", "--newest-first"][..],
            "'--folders' cannot be used with '--newest-first'",
        ),
        (
            &["list", "--confirmed", "--newest-first"],
            "'--confirmed' cannot be used with '--newest-first'",
        ),
        (&["copy", "x", "x"], "the destination is the object itself"),
        (&["move", "x", "x"], "the destination is the object itself"),
        (&["update", "x", "--version", "1"], "--legal-hold"),
        (
            &["upload", "--legal-hold", "x"],
            "invalid value 'x' for '--legal-hold <BOOL>'",
        ),
    ] {
        let ended = user.run(arguments);
        assert_eq!(ended.status, 2, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(rule), "{arguments:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_the_options_of_the_command_line() {
    let server = TestServer::start().await;
    let user = TestUser::of(&server.url);
    let small = user.file("small", "hello");
    let large = user.large_file("large", 20 * 1024 * 1024);
    for file in [&small, &large] {
        let options = [
            "--tag",
            "project=apollo",
            "--tag",
            "year=1969",
            "--storage-class",
            "STANDARD_IA",
        ];
        let upload = ["upload", text(file), "--confirm"];
        user.json(upload.iter().chain(&options));
        let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
        let kept = user.json(["inspect", name, "--confirmed"]);
        assert_eq!(kept["tags"], serde_json::json!({"project": "apollo", "year": "1969"}));
        assert_eq!(kept["storage_class"], "STANDARD_IA");
    }
    let listed = |arguments: &[&str]| {
        let ended = user.run(["list", "--confirmed", "--json"].iter().chain(arguments));
        let names = ended.results().into_iter().map(|object| object["object_name"].clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--tag", "project=apollo"]), ["large", "small"]);
    assert_eq!(
        listed(&["--tag", "project=apollo", "--tag", "year=1970"]),
        Vec::<Value>::new()
    );
    assert_eq!(listed(&["--content-type", "video/*"]), Vec::<Value>::new());
}
