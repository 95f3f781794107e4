use draftstore_testing::sdk;
use serde_json::{Value, json};
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Front, draft, upload};
use crate::server::Server;

async fn names(front: Front, server: &Server, prefix: Option<&str>) -> Vec<String> {
    let (mut listed, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"page_size": 2, "page_token": token, "prefix": prefix});
        let page = front.call(server, "list-objects", request).await.expect("listed");
        let objects = page["objects"].as_array().expect("objects");
        assert!(objects.len() <= 2);
        for object in objects {
            assert_eq!(object["size"], "5");
            assert!(object["confirmed_at"].as_str().expect("a time").ends_with('Z'));
            listed.push(object["object_name"].as_str().expect("a name").to_owned());
        }
        match page.get("next_page_token") {
            Some(next) => token = next.clone(),
            None => return listed,
        }
    }
}

#[tokio::test]
async fn confirmed_objects_only_are_listed_in_pages() {
    let server = Server::start();
    for front in FRONTS {
        assert_eq!(names(front, &server, Some("nobody")).await, Vec::<String>::new());
        let all = ["a b+c%20.txt", "deep/1.txt", "deep/2.txt", "deep/é.txt", "z"].map(|name| front.name(name));
        let mut etag = Value::Null;
        for name in &all {
            draft(&server, name, b"hello").await;
            let confirm = json!({ "object_name": name });
            let confirmed = front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
            etag = confirmed["etag"].clone();
        }
        draft(&server, &front.name("deep/not confirmed"), b"hello").await;
        assert_eq!(names(front, &server, Some(&front.name(""))).await, all);
        assert_eq!(names(front, &server, Some(&front.name("deep/"))).await, all[1..4]);
        assert_eq!(names(front, &server, Some(&all[0])).await, all[..1]);
        let request = json!({"prefix": all[4]});
        let page = front.call(&server, "list-objects", request).await.expect("listed");
        assert_eq!(page["objects"][0]["etag"], etag);
    }
    let all = names(Front::Rest, &server, None).await;
    assert_eq!(all.len(), 10);
    assert!(all.is_sorted(), "{all:?}");
}

/// Other programs may write to the buckets, and some make an object for a folder.
#[tokio::test]
async fn names_that_no_call_takes_are_not_listed() {
    let server = Server::start();
    let store = sdk(&server.endpoint());
    for bucket in ["main", "main-draft"] {
        for key in ["a", "a/", "b//c", "e\\f", "g/h"] {
            let put = store.put_object().bucket(bucket).key(key);
            put.body(b"hello".to_vec().into()).send().await.expect("written");
        }
    }
    for front in FRONTS {
        assert_eq!(names(front, &server, None).await, ["a", "g/h"]);
        assert_eq!(below(front, &server, &[], "").await, ["a", "a/", "b/", "g/"]);
        for folder in ["a/", "b/"] {
            assert_eq!(below(front, &server, &[], folder).await, [""; 0], "{folder}");
        }
        let request = json!({"totals": true});
        let page = front.call(&server, "list-objects", request).await.expect("listed");
        assert_eq!(page["totals"]["objects"], "2", "{page}");
        let drafts = front.call(&server, "list-drafts", json!({})).await.expect("listed");
        let drafts = drafts["drafts"].as_array().expect("drafts").iter();
        let drafts: Vec<_> = drafts.map(|draft| draft["object_name"].as_str()).collect();
        assert_eq!(drafts, [Some("a"), Some("g/h")]);
    }
}

#[tokio::test]
async fn invalid_pages_name_the_field() {
    let server = Server::start();
    for front in FRONTS {
        let request = json!({"page_size": 1001, "page_token": "", "prefix": "é".repeat(513), "delimiter": "."});
        let failure = front.call(&server, "list-objects", request).await.expect_err("refused");
        failure.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(failure.fields, ["page_size", "page_token", "prefix", "delimiter"]);
    }
}

/// Returns the folders and the objects directly below a prefix, by pages of one.
async fn below(front: Front, server: &Server, headers: &[(&'static str, &str)], prefix: &str) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), Value::Null);
    loop {
        let request = json!({"page_size": 1, "page_token": token, "prefix": prefix, "delimiter": "/"});
        let page = front
            .call_with(headers, server, "list-objects", request)
            .await
            .expect("listed");
        let folders = page["folders"].as_array().expect("folders").iter();
        let objects = page["objects"].as_array().expect("objects").iter();
        let names = folders.chain(objects.map(|object| &object["object_name"]));
        found.extend(names.map(|name| name.as_str().expect("a name").to_owned()));
        match page.get("next_page_token") {
            Some(next) => token = next.clone(),
            None => return found,
        }
    }
}

#[tokio::test]
async fn folders_are_listed_once_with_the_objects_beside_them() {
    let server = Server::start();
    for front in FRONTS {
        let max = char::MAX;
        for name in [
            "a",
            "b/1",
            "b/c/2",
            "b/c/3",
            &format!("b/{max}{max}"),
            "b0",
            "z/1",
            "ü/1",
        ] {
            let name = front.name(name);
            draft(&server, &name, b"hello").await;
            front
                .call(&server, "confirm-upload", json!({ "object_name": name }))
                .await
                .expect("confirmed");
        }
        let all = |names: &[&str]| names.iter().map(|name| front.name(name)).collect::<Vec<_>>();
        assert_eq!(
            below(front, &server, &[], &front.name("")).await,
            all(&["a", "b/", "b0", "z/", "ü/"])
        );
        let in_b = all(&["b/1", "b/c/", &format!("b/{max}{max}")]);
        assert_eq!(below(front, &server, &[], &front.name("b/")).await, in_b);
        assert_eq!(below(front, &server, &[], &front.name("b")).await, all(&["b/", "b0"]));
        assert_eq!(below(front, &server, &[], &front.name("none/")).await, all(&[]));
    }
    assert_eq!(below(Front::Rest, &server, &[], "").await, ["Grpc/", "Rest/"]);
}

/// A caller that may see only some names sees the folders that they are in, and no others.
#[tokio::test]
async fn folders_of_others_are_not_listed() {
    let (key, written) = new_key("shop");
    let (other_key, other) = new_key("other");
    let scopes = "scopes = ['upload', 'inspect', 'confirm']";
    let policy = Policy::new(&format!(
        "{written}{scopes}\ntenant = 't1'\n{other}{scopes}\ntenant = 't10'\n"
    ));
    let server = policy.server("api-key", &[]);
    let [own, other] = [key, other_key].map(|key| bearer(&key));
    let [own, other] = [[("authorization", own.as_str())], [("authorization", other.as_str())]];
    for (headers, names) in [(&own, ["a/1", "b"]), (&other, ["c/1", "d"])] {
        for name in names {
            let request = json!({ "object_name": name });
            let issued = Front::Rest
                .call_with(headers, &server, "upload-url", request.clone())
                .await;
            assert_eq!(upload(&issued.expect("issued"), "hello").await, 200);
            let confirmed = Front::Rest.call_with(headers, &server, "confirm-upload", request).await;
            confirmed.expect("confirmed");
        }
    }
    for front in FRONTS {
        assert_eq!(below(front, &server, &own, "").await, ["a/", "b"]);
        assert_eq!(below(front, &server, &other, "").await, ["c/", "d"]);
    }
}

#[tokio::test]
async fn objects_are_filtered_and_counted() {
    let server = Server::start();
    for front in FRONTS {
        for (name, bytes) in [("a", &b"1"[..]), ("deep/b", b"22"), ("deep/c", b"333"), ("d", b"4444")] {
            let name = front.name(name);
            let issued = front
                .call(&server, "upload-url", json!({ "object_name": name }))
                .await
                .expect("issued");
            assert_eq!(upload(&issued, bytes).await, 200);
            let confirm = json!({ "object_name": name });
            front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        }
        let list = async |filter: Value| {
            let mut request = filter;
            request["prefix"] = json!(front.name(""));
            let page = front.call(&server, "list-objects", request).await.expect("listed");
            let names = page["objects"].as_array().expect("objects").iter();
            let names: Vec<_> = names
                .map(|object| object["object_name"].as_str().expect("a name").to_owned())
                .collect();
            (names, page)
        };
        let with_names = |names: &[&str]| names.iter().map(|name| front.name(name)).collect::<Vec<_>>();
        assert_eq!(
            list(json!({"min_size": 2, "max_size": 3})).await.0,
            with_names(&["deep/b", "deep/c"])
        );
        assert_eq!(
            list(json!({"min_size": 2, "delimiter": "/"})).await.0,
            with_names(&["d"])
        );
        assert_eq!(
            list(json!({"confirmed_after": "2100-01-01T00:00:00Z"})).await.0,
            with_names(&[])
        );
        assert_eq!(
            list(json!({"confirmed_before": "2100-01-01T00:00:00Z"})).await.0.len(),
            4
        );

        let (names, page) = list(json!({"min_size": 2, "page_size": 1, "totals": true})).await;
        assert_eq!(names, with_names(&[]), "the first object is too small");
        assert_eq!(
            page["totals"],
            json!({"objects": "3", "bytes": "9", "is_complete": true})
        );
        let mut token = page["next_page_token"].clone();
        let mut found = Vec::new();
        while !token.is_null() {
            let (names, page) = list(json!({"min_size": 2, "page_size": 1, "page_token": token})).await;
            assert_eq!(page.get("totals"), None);
            found.extend(names);
            token = page.get("next_page_token").cloned().unwrap_or_default();
        }
        assert_eq!(found, with_names(&["d", "deep/b", "deep/c"]));

        let bad = json!({
            "min_size": 2, "max_size": 1,
            "confirmed_after": "2026-01-02T00:00:00Z", "confirmed_before": "2026-01-01T00:00:00Z",
        });
        let refused = front.call(&server, "list-objects", bad).await.expect_err("invalid");
        assert_eq!(refused.fields, ["max_size", "confirmed_before"]);
    }
}

#[tokio::test]
async fn objects_are_found_by_media_type_and_tags() {
    let server = Server::start();
    for front in FRONTS {
        for (name, content_type, tags) in [
            ("a.png", "image/png", json!({"project": "apollo", "year": "1969"})),
            ("b.jpg", "image/jpeg", json!({"project": "apollo"})),
            ("c.txt", "text/plain", json!({"project": "apollo"})),
            ("d.png", "image/png", json!({"project": "gemini"})),
            ("e.png", "image/png", json!({})),
        ] {
            let name = front.name(name);
            let request = json!({
                "object_name": name, "content_type": content_type, "storage_options": {"tags": tags},
            });
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, "hello").await, 200);
            let confirm = json!({ "object_name": name });
            front.call(&server, "confirm-upload", confirm).await.expect("confirmed");
        }
        for (filter, expected) in [
            (json!({"content_type": "image/png"}), &["a.png", "d.png", "e.png"][..]),
            (
                json!({"content_type": "IMAGE/*"}),
                &["a.png", "b.jpg", "d.png", "e.png"],
            ),
            (json!({"tags": {"project": "apollo"}}), &["a.png", "b.jpg", "c.txt"]),
            (json!({"tags": {"project": "apollo", "year": "1969"}}), &["a.png"]),
            (
                json!({"content_type": "image/*", "tags": {"project": "apollo"}}),
                &["a.png", "b.jpg"],
            ),
            (json!({"content_type": "image/*", "max_size": 4}), &[]),
            (json!({"content_type": "video/mp4"}), &[]),
        ] {
            let mut request = filter.clone();
            request["prefix"] = json!(front.name(""));
            request["page_size"] = json!(2);
            let mut found = Vec::new();
            loop {
                let page = front
                    .call(&server, "list-objects", request.clone())
                    .await
                    .expect("listed");
                let objects = page["objects"].as_array().expect("objects");
                found.extend(objects.iter().map(|object| object["object_name"].clone()));
                match page.get("next_page_token") {
                    Some(next) => request["page_token"] = next.clone(),
                    None => break,
                }
            }
            let expected: Vec<_> = expected.iter().map(|name| front.name(name)).collect();
            assert_eq!(found, expected, "{filter}");
        }
        let invalid = json!({"content_type": "image", "tags": {"aws:a": "x"}, "totals": true});
        let refused = front.call(&server, "list-objects", invalid).await.expect_err("invalid");
        refused.assert(400, Code::InvalidArgument, "INVALID_REQUEST");
        assert_eq!(refused.fields, ["content_type", "tags.aws:a"]);
        let totals = json!({"content_type": "image/*", "totals": true});
        let refused = front.call(&server, "list-objects", totals).await.expect_err("invalid");
        assert_eq!(refused.fields, ["totals"]);
    }
}
