//! Tokens and cursors: sealed, bound to the caller that got them, and silent about what it may not see.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use draftstore_controller::CALLS;
use draftstore_testing::http_client;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Failure, Front, download, upload};
use crate::server::Server;

/// The names of the other tenant, none of which may ever be seen.
const HIDDEN: [&str; 5] = [
    "tenant-of-bob",
    "zebra-named-2027.pdf",
    "zebra-unique-2027.pdf",
    "zebra-kept-2027.pdf",
    "zebra-parts-2027.pdf",
];

/// A server with callers of three tenants, two of one and one of all.
struct World {
    server: Server,
    _policy: Policy,
    ada: String,
    eve: String,
    bob: String,
    root: String,
    drafts: AtomicUsize,
}

impl World {
    fn start() -> Self {
        let mut policy = String::new();
        let mut caller = |name: &str, tenant: &str| {
            let (key, lines) = new_key(name);
            let scopes = "['upload', 'download', 'inspect', 'confirm', 'discard', 'manage', 'admin']";
            writeln!(policy, "{lines}scopes = {scopes}\n{tenant}").expect("written");
            bearer(&key)
        };
        let ada = caller("ada", "tenant = 'tenant-of-ada'");
        let eve = caller("eve", "tenant = 'tenant-of-ada'");
        let bob = caller("bob", "tenant = 'tenant-of-bob'");
        let root = caller("root", "");
        let policy = Policy::new(&policy);
        Self {
            server: policy.server("api-key", &[("EVENTS_FEED", "on"), ("WATCH_TIMEOUT", "1")]),
            _policy: policy,
            ada,
            eve,
            bob,
            root,
            drafts: AtomicUsize::new(0),
        }
    }

    async fn call(&self, front: Front, caller: &str, route: &str, request: Value) -> Result<Value, Failure> {
        front
            .call_with(&[("authorization", caller)], &self.server, route, request)
            .await
    }

    async fn done(&self, caller: &str, route: &str, request: Value) -> Value {
        let answer = self.call(Front::Rest, caller, route, request.clone()).await;
        answer.unwrap_or_else(|failure| panic!("{route} {request}: {failure:?}"))
    }

    /// Uploads a draft. Its bytes are its own: the same ones again would go with a draft that has just been confirmed.
    async fn draft(&self, caller: &str, name: &str, unique: bool) -> Value {
        let request = json!({"object_name": name, "unique": unique});
        let issued = self.done(caller, "upload-url", request).await;
        let number = self.drafts.fetch_add(1, Ordering::Relaxed);
        assert_eq!(upload(&issued, format!("{number:05}")).await, 200);
        issued
    }

    async fn kept(&self, caller: &str, name: &str) {
        self.draft(caller, name, false).await;
        self.done(caller, "confirm-upload", json!({ "object_name": name }))
            .await;
    }

    async fn upload_id(&self, caller: &str, name: &str) -> Value {
        let begun = self
            .done(caller, "multipart/create", json!({ "object_name": name }))
            .await;
        begun["upload_id"].clone()
    }

    /// Returns the token of the second page, each of one entry.
    async fn page_token(&self, caller: &str, route: &str) -> Value {
        let page = self.done(caller, route, json!({"page_size": 1})).await;
        assert!(page["next_page_token"].is_string(), "{page}");
        page["next_page_token"].clone()
    }

    async fn ticket(&self, caller: &str, order: Value) -> String {
        let minted = self.done(caller, "tickets", order).await;
        bearer(minted["ticket"].as_str().expect("a ticket"))
    }

    /// Returns everything that a caller gets: the status, headers and body of REST, and the message of gRPC.
    async fn seen(&self, front: Front, caller: &str, route: &str, request: &Value) -> String {
        match front {
            Front::Grpc => format!("{:?}", self.call(front, caller, route, request.clone()).await),
            Front::Rest => {
                let url = format!("http://{}/api/v1/{route}", self.server.http);
                let request = http_client().post(url).header("authorization", caller).json(request);
                let answer = request.send().await.expect("an answer");
                let head = format!("{} {:?}", answer.status(), answer.headers());
                head + &answer.text().await.expect("text")
            }
        }
    }
}

/// Returns the texts in which a hidden one may be: plain, in hex, and in base64 at each of its three alignments.
fn forms(hidden: &str) -> Vec<String> {
    let mut forms = vec![hidden.to_owned(), hex::encode(hidden), hex::encode_upper(hidden)];
    for skipped in 0..3 {
        let bytes = &hidden.as_bytes()[skipped..];
        let whole = &bytes[..bytes.len() / 3 * 3];
        forms.extend([STANDARD_NO_PAD.encode(whole), URL_SAFE_NO_PAD.encode(whole)]);
    }
    forms
}

fn assert_silent(seen: &str, hidden: &[String], of: &str) {
    for text in hidden {
        for form in forms(text) {
            assert!(!seen.contains(&form), "{of} tells {text}, as {form}: {seen}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_response_tells_names_or_ids_of_another_tenant() {
    let world = World::start();
    let [bob, ada] = [&world.bob, &world.ada];
    world.draft(bob, HIDDEN[1], false).await;
    let unique = world.draft(bob, HIDDEN[2], true).await;
    world.kept(bob, HIDDEN[3]).await;
    world.draft(bob, "zebra", false).await;
    world.kept(bob, "zebra").await;
    world.draft(bob, "zebra", false).await;
    let upload_id = world.upload_id(bob, HIDDEN[4]).await;
    let page_token = world.page_token(bob, "list-drafts").await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let mut hidden: Vec<String> = HIDDEN.map(str::to_owned).to_vec();
    hidden.extend([text(&unique["draft_id"]), text(&upload_id), text(&page_token)]);

    for name in ["one", "two", "three"] {
        world.draft(ada, name, true).await;
        world.kept(ada, name).await;
    }
    let ticket = world.ticket(ada, json!({"prefix": "o"})).await;
    let only = world.ticket(ada, json!({"object_name": "one"})).await;
    for front in FRONTS {
        for caller in [ada, &ticket, &only] {
            for call in CALLS {
                let route = call.path.strip_prefix("/api/v1/").expect("a route of the contract");
                for request in [
                    json!({}),
                    json!({"object_name": "one"}),
                    json!({"object_name": "zzz"}),
                    json!({"object_name": "one", "idempotency_key": "k", "if_match": "0"}),
                    json!({"uploads": [{"object_name": "one"}]}),
                    json!({"objects": [{"object_name": "one"}]}),
                    json!({"webhook": "backend"}),
                    json!({"webhook": "backend", "event_ids": ["evt_00000000000000000000000001"]}),
                    json!({"webhook": "backend", "page_token": page_token}),
                    json!({"page_size": 1}),
                    json!({"page_size": 1, "page_token": page_token}),
                    json!({"object_name": "one", "upload_id": upload_id}),
                    json!({"object_name": "one", "upload_id": upload_id, "parts": [{"part_number": 1}]}),
                    json!({"object_name": "one", "upload_id": page_token}),
                ] {
                    let known = |field: &str| match route {
                        "list-drafts" | "list-objects" | "usage" => field.starts_with("page"),
                        "draft-bucket" | "watch-events" => false,
                        "list-events" => field == "page_size",
                        "list-undelivered-events" => field == "webhook" || field.starts_with("page"),
                        "redeliver-events" => field == "webhook" || field.starts_with("event_ids"),
                        "list-versions" => field == "object_name" || field.starts_with("page"),
                        "delete-objects" => field == "objects",
                        "upload-urls" | "confirm-uploads" => field == "uploads",
                        "tickets" => field == "object_name",
                        _ if route.starts_with("multipart/") => match field {
                            "upload_id" => route != "multipart/create",
                            "parts" => route == "multipart/sign-parts",
                            field => field == "object_name",
                        },
                        "confirm-upload" => matches!(field, "object_name" | "idempotency_key" | "if_match"),
                        _ => field == "object_name",
                    };
                    if !request.as_object().expect("an object").keys().all(|field| known(field)) {
                        continue;
                    }
                    // Those that end in what was sent are not looked for.
                    let seen = world.seen(front, caller, route, &request).await;
                    assert_silent(&seen, &hidden, &format!("{front:?} {route} {request}"));
                }
            }
            for route in ["list-drafts", "list-objects"] {
                let mut request = json!({"page_size": 1});
                loop {
                    let seen = world.seen(front, caller, route, &request).await;
                    assert_silent(&seen, &hidden, route);
                    let page = world.call(front, caller, route, request.clone()).await.expect("listed");
                    let Some(token) = page["next_page_token"].as_str() else {
                        break;
                    };
                    let bytes = URL_SAFE_NO_PAD.decode(token).expect("base64url");
                    assert_silent(&String::from_utf8_lossy(&bytes), &hidden, token);
                    request["page_token"] = token.into();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_refused_for_another_caller_tenant_or_purpose() {
    let world = World::start();
    let ada = &world.ada;
    for name in ["o1", "o2"] {
        for caller in [ada, &world.bob] {
            world.draft(caller, name, false).await;
            world.kept(caller, name).await;
            world.draft(caller, name, false).await;
        }
    }
    let holder = world.ticket(ada, json!({"prefix": "o"})).await;
    let renewed = world.ticket(ada, json!({"prefix": "o"})).await;
    let narrower = world.ticket(ada, json!({"prefix": "o1"})).await;
    let others = [&world.eve, &world.bob, &world.root, &holder];
    let tokens = [
        ("upload_id", "multipart/list-parts", world.upload_id(ada, "o1").await),
        ("page_token", "list-drafts", world.page_token(ada, "list-drafts").await),
        (
            "page_token",
            "list-objects",
            world.page_token(ada, "list-objects").await,
        ),
    ];
    let request = |field: &str, token: &Value| match field {
        "upload_id" => json!({"object_name": "o1", "upload_id": token}),
        _ => json!({"page_token": token}),
    };
    for front in FRONTS {
        let refused = async |caller: &str, field: &str, route: &str, token: &Value| {
            let failure = world.call(front, caller, route, request(field, token)).await;
            failure.expect_err("refused")
        };
        for (field, route, token) in &tokens {
            let own = world.call(front, ada, route, request(field, token)).await;
            own.expect("its own");
            // Nothing tells a token of another from nonsense.
            let nonsense = refused(ada, field, route, &json!("nonsense")).await;
            nonsense.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
            assert_eq!(nonsense.fields, [*field]);
            for other in others {
                assert_eq!(
                    refused(other, field, route, token).await,
                    nonsense,
                    "{route} by {other}"
                );
            }
            for (other_field, other_route, _) in &tokens {
                if other_route != route {
                    let other = refused(ada, other_field, other_route, token).await;
                    assert_eq!(other.fields, [*other_field], "{route}'s token for {other_route}");
                }
            }
        }
        let prefixed = json!({"page_token": tokens[2].2, "prefix": "o"});
        let failure = world.call(front, ada, "list-objects", prefixed).await;
        assert_eq!(failure.expect_err("another listing").fields, ["page_token"]);
    }
    let upload_id = world.upload_id(&holder, "o1").await;
    let upload = json!({"object_name": "o1", "upload_id": upload_id});
    world.done(&renewed, "multipart/list-parts", upload.clone()).await;
    let failure = world.call(Front::Rest, ada, "multipart/list-parts", upload).await;
    assert_eq!(failure.expect_err("of its tickets").fields, ["upload_id"]);
    let page_token = world.page_token(&holder, "list-objects").await;
    world
        .done(&renewed, "list-objects", json!({ "page_token": page_token }))
        .await;
    let failure = world
        .call(
            Front::Rest,
            &narrower,
            "list-objects",
            json!({ "page_token": page_token }),
        )
        .await;
    assert_eq!(failure.expect_err("of other names").fields, ["page_token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_by_a_ticket_for_one_name_tells_no_other() {
    let world = World::start();
    let root = &world.root;
    for name in ["a", "a-secret-merger-2027.pdf", "a/b"] {
        world.draft(root, name, true).await;
        world.kept(root, name).await;
        world.draft(root, name, false).await;
    }
    let ticket = world.ticket(root, json!({"object_name": "a"})).await;
    for front in FRONTS {
        let list = async |route: &str, field: &str| {
            let (mut names, mut request) = (Vec::new(), json!({"page_size": 1}));
            loop {
                let page = world
                    .call(front, &ticket, route, request.clone())
                    .await
                    .expect("listed");
                let listed = page[field].as_array().expect("a list");
                assert!(!listed.is_empty(), "{route}: an empty page: {page}");
                names.extend(listed.iter().map(|one| one["object_name"].clone()));
                match page.get("next_page_token") {
                    Some(token) => request["page_token"] = token.clone(),
                    None => return names,
                }
            }
        };
        assert_eq!(list("list-drafts", "drafts").await, ["a", "a"]);
        assert_eq!(list("list-objects", "objects").await, ["a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_without_entries_has_no_token() {
    let world = World::start();
    for number in 0..20 {
        world
            .draft(&world.bob, &format!("zebra{number}"), number % 2 == 0)
            .await;
    }
    let ticket = world.ticket(&world.ada, json!({"prefix": "u/1/"})).await;
    for front in FRONTS {
        for caller in [&world.ada, &ticket] {
            for route in ["list-drafts", "list-objects"] {
                for request in [json!({}), json!({"page_size": 1})] {
                    let page = world.call(front, caller, route, request).await.expect("listed");
                    assert!(page.get("next_page_token").is_none(), "{route}: {page}");
                }
            }
        }
    }
    world.draft(&world.ada, "u/1/named", false).await;
    world.draft(&world.ada, "u/1/unique", true).await;
    world.draft(&world.ada, "u/2/unique", true).await;
    for (caller, expected) in [(&ticket, 2), (&world.ada, 3)] {
        let page = world.done(caller, "list-drafts", json!({})).await;
        assert_eq!(page["drafts"].as_array().expect("drafts").len(), expected);
        assert!(page.get("next_page_token").is_none(), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_upload_ids_are_refused() {
    let server = Server::start();
    for front in FRONTS {
        let name = front.name("a");
        let create = json!({ "object_name": name });
        let begun = front.call(&server, "multipart/create", create).await.expect("begun");
        let id = begun["upload_id"].as_str().expect("an ID").to_owned();
        let mut wrong: Vec<String> = (0..id.len())
            .step_by(7)
            .map(|place| {
                let other = if id.as_bytes()[place] == b'A' { "B" } else { "A" };
                format!("{}{other}{}", &id[..place], &id[place + 1..])
            })
            .collect();
        wrong.extend([id[..id.len() - 4].to_owned(), format!("{id}AAAA")]);
        // A digest without a key, over any end.
        for ends_at in [4_000_000_000, i64::MAX.cast_unsigned(), u64::MAX] {
            let mut content = vec![0; 17];
            for number in [ends_at, 0, 16 << 20] {
                content.extend(number.to_be_bytes());
            }
            content.extend(b"id");
            let digest = Sha256::new_with_prefix(&name).chain_update([0]).chain_update(&content);
            let digest = digest.finalize();
            wrong.push(URL_SAFE_NO_PAD.encode([&[1], &digest[..16], &content].concat()));
            wrong.push(URL_SAFE_NO_PAD.encode([&[2], &content[..]].concat()));
        }
        for id in wrong {
            for route in ["sign-parts", "list-parts", "complete", "abort"] {
                let mut request = json!({"object_name": name, "upload_id": id});
                if route == "sign-parts" {
                    request["parts"] = json!([{"part_number": 1}]);
                }
                let refused = front.call(&server, &format!("multipart/{route}"), request).await;
                let refused = refused.expect_err("refused");
                refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
                assert_eq!(refused.fields, ["upload_id"]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_main_tells_neither_idempotency_key_nor_draft() {
    let server = Server::start();
    for front in FRONTS {
        let (draft, kept) = (front.name("secret-draft"), front.name("public"));
        for (unique, key) in [(false, "order-4711"), (true, "order-4712")] {
            let request = json!({"object_name": draft, "unique": unique});
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, "bytes").await, 200);
            let confirm = json!({
                "object_name": draft, "draft_id": issued["draft_id"], "destination_name": kept,
                "idempotency_key": key, "overwrite": unique,
            });
            front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
            let request = json!({"object_name": kept, "stage": "STAGE_MAIN"});
            let read = front.call(&server, "download-url", request).await.expect("issued");
            let headers = format!("{:?}", download(&read).await.headers());
            assert!(headers.contains("x-amz-meta-draftstore-draft"), "{headers}");
            for hidden in [draft.as_str(), key] {
                let digest = Sha256::digest(hidden);
                let mut texts = vec![
                    hex::encode(digest),
                    URL_SAFE_NO_PAD.encode(digest),
                    STANDARD_NO_PAD.encode(digest),
                ];
                texts.extend(forms(hidden));
                assert!(texts.iter().all(|text| !headers.contains(text)), "{hidden}: {headers}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_markers_outlive_the_server_and_a_rotation() {
    let directory = tempfile::TempDir::new().expect("a directory");
    let key = || {
        let made = crate::server::command().args(["key", "ticket"]).output().expect("runs");
        String::from_utf8(made.stdout).expect("UTF-8")
    };
    let write = |name: &str, lines: &[&str]| {
        let path = directory.path().join(name);
        std::fs::write(&path, lines.concat()).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (old, new) = (key(), key());
    let [old_alone, both, new_alone] = [
        write("old", &[&old]),
        write("both", &[&new, &old]),
        write("new", &[&new]),
    ];
    let data = tempfile::TempDir::new().expect("a directory");
    let start = |file: Option<&str>| {
        let variables: Vec<_> = file.iter().map(|file| ("TICKET_KEYS_FILE", *file)).collect();
        Server::start_in(data.path(), &variables)
    };
    let front = Front::Rest;
    let list = json!({"page_size": 1});
    let confirm = json!({"object_name": "kept", "idempotency_key": "k"});

    let server = start(None);
    for name in ["kept", "x", "y"] {
        crate::front::draft(&server, name, b"bytes").await;
    }
    let begun = front
        .call(&server, "multipart/create", json!({"object_name": "parts"}))
        .await;
    let parts = json!({"object_name": "parts", "upload_id": begun.expect("begun")["upload_id"]});
    let page = front.call(&server, "list-drafts", list).await.expect("listed");
    let next = json!({"page_token": page["next_page_token"]});
    front
        .call(&server, "confirm-upload", confirm.clone())
        .await
        .expect("confirmed");
    assert!(server.stop().0.success());

    for (file, is_known) in [(None, true), (Some(&old_alone), true), (Some(&new_alone), true)] {
        let server = start(file.map(String::as_str));
        let listed = front.call(&server, "multipart/list-parts", parts.clone()).await;
        assert_eq!(listed.is_ok(), is_known, "{file:?}: {listed:?}");
        let listed = front.call(&server, "list-drafts", next.clone()).await;
        assert_eq!(listed.is_ok(), is_known, "{file:?}: {listed:?}");
        let again = front.call(&server, "confirm-upload", confirm.clone()).await;
        assert_eq!(again.map(|again| again["replayed"] == true), Ok(is_known), "{file:?}");
        assert!(server.stop().0.success());
    }

    let server = start(Some(&old_alone));
    let begun = front
        .call(&server, "multipart/create", json!({"object_name": "more"}))
        .await;
    let parts = json!({"object_name": "more", "upload_id": begun.expect("begun")["upload_id"]});
    crate::front::draft(&server, "more-kept", b"bytes").await;
    let confirm = json!({"object_name": "more-kept"});
    front
        .call(&server, "confirm-upload", confirm.clone())
        .await
        .expect("confirmed");
    assert!(server.stop().0.success());
    for (file, is_known) in [(&both, true), (&new_alone, false)] {
        let server = start(Some(file));
        let listed = front.call(&server, "multipart/list-parts", parts.clone()).await;
        assert_eq!(listed.is_ok(), is_known, "{file}: {listed:?}");
        let again = front.call(&server, "confirm-upload", confirm.clone()).await;
        assert_eq!(again.is_ok(), is_known, "{file}: {again:?}");
        assert!(server.stop().0.success());
    }
}
