use serde_json::{Value, json};

use crate::front::{FRONTS, draft, upload};
use crate::server::Server;

#[tokio::test]
async fn named_and_unique_drafts_are_each_listed_once() {
    for front in FRONTS {
        let server = Server::start();
        for name in [" before", "after/a b+c%20.txt"] {
            draft(&server, name, b"bytes").await;
        }
        let request = json!({"object_name": "deep/file.jpg", "unique": true});
        let issued = front.call(&server, "upload-url", request).await.expect("issued");
        assert_eq!(upload(&issued, "bytes").await, 200);

        let mut listed = Vec::new();
        let mut token = Value::Null;
        loop {
            let request = json!({"page_size": 1, "page_token": token});
            let page = front.call(&server, "list-drafts", request).await.expect("listed");
            listed.extend(page["drafts"].as_array().expect("drafts").clone());
            match page.get("next_page_token") {
                Some(next) => token = next.clone(),
                None => break,
            }
        }
        let names: Vec<_> = listed
            .iter()
            .map(|draft| (&draft["object_name"], draft.get("draft_id")))
            .collect();
        let unique = issued.get("draft_id");
        assert_eq!(
            names,
            [
                (&json!(" before"), None),
                (&json!("deep/file.jpg"), unique),
                (&json!("after/a b+c%20.txt"), None)
            ]
        );
        assert!(
            listed
                .iter()
                .all(|draft| draft["size"] == "5" && draft["expires_at"].is_string())
        );

        for bad in [0, 1001, -1] {
            let request = json!({"page_size": bad});
            let failure = front.call(&server, "list-drafts", request).await.expect_err("refused");
            assert_eq!(failure.fields, ["page_size"]);
        }
    }
}

#[tokio::test]
async fn drafts_are_listed_by_prefix() {
    for front in FRONTS {
        let server = Server::start();
        for name in ["a/1", "a/2", "b/1"] {
            draft(&server, name, b"bytes").await;
            let request = json!({"object_name": name, "unique": true});
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, "bytes").await, 200);
        }
        for (prefix, count) in [("a/", 4), ("a/1", 2), ("", 6), ("c", 0), (".drafts/", 0)] {
            let (mut listed, mut token) = (0, Value::Null);
            loop {
                let request = json!({"page_size": 1, "prefix": prefix, "page_token": token});
                let page = front.call(&server, "list-drafts", request).await.expect("listed");
                for draft in page["drafts"].as_array().expect("drafts") {
                    assert!(draft["object_name"].as_str().expect("a name").starts_with(prefix));
                    listed += 1;
                }
                match page.get("next_page_token") {
                    Some(next) => token = next.clone(),
                    None => break,
                }
            }
            assert_eq!(listed, count, "{prefix}");
        }
        let other = front
            .call(&server, "list-drafts", json!({"page_size": 1, "prefix": "a/"}))
            .await;
        let token = other.expect("listed")["next_page_token"].clone();
        let request = json!({"page_token": token, "prefix": "b/"});
        let failure = front.call(&server, "list-drafts", request).await.expect_err("refused");
        assert_eq!(failure.fields, ["page_token"]);
    }
}

#[tokio::test]
async fn newest_drafts_are_first() {
    for front in FRONTS {
        let server = Server::start();
        let mut expected = Vec::new();
        for (place, name) in ["b", "c", "a", "d/e"].into_iter().enumerate() {
            let request = json!({"object_name": name, "unique": place % 2 == 1});
            let issued = front.call(&server, "upload-url", request).await.expect("issued");
            assert_eq!(upload(&issued, "bytes").await, 200);
            expected.insert(0, name);
        }
        let (mut names, mut times, mut token) = (Vec::new(), Vec::new(), Value::Null);
        loop {
            let request = json!({"newest_first": true, "page_size": 3, "page_token": token});
            let page = front.call(&server, "list-drafts", request).await.expect("listed");
            for draft in page["drafts"].as_array().expect("drafts") {
                names.push(draft["object_name"].as_str().expect("a name").to_owned());
                times.push(draft["uploaded_at"].as_str().expect("a time").to_owned());
            }
            match page.get("next_page_token") {
                Some(next) => token = next.clone(),
                None => break,
            }
            let other = json!({"page_size": 3, "page_token": token});
            let refused = front
                .call(&server, "list-drafts", other)
                .await
                .expect_err("another order");
            assert_eq!(refused.fields, ["page_token"]);
        }
        times.reverse();
        assert!(times.is_sorted(), "{times:?}");
        // Uploads of one second may have the same time.
        names.sort_unstable();
        expected.sort_unstable();
        assert_eq!(names, expected);
        let request = json!({"newest_first": true, "prefix": "d/"});
        let page = front.call(&server, "list-drafts", request).await.expect("listed");
        assert_eq!(page["drafts"].as_array().map(Vec::len), Some(1));
    }
}
