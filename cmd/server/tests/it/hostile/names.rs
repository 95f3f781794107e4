//! Tests of names: each is preserved exactly through every call and both buckets, or refused by a rule.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::corpus::{Answer, Case, Corpus, Refused};
use super::ground::{Ground, assert_answered, each};
use crate::front::{FRONTS, Front};

const NAMES: &str = include_str!("../../corpus/names.txt");

/// The number of entries that `docs/security.md` states.
pub(super) const COUNT: usize = 3_236;

/// The interval of the accepted names that are confirmed.
const CONFIRMED: usize = 4;

/// The page size, small enough that pages end at many kinds of names.
const PAGE: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_preserved_exactly_or_refused_by_rule() {
    let corpus = Corpus::read(NAMES);
    assert_eq!(corpus.cases.len(), COUNT);
    let ground = Ground::start().await;
    each(&corpus.cases, async |case| {
        check(&ground, case, corpus.answer(case)).await;
    })
    .await;

    let kept = corpus.cases.iter().filter(|case| corpus.answer(case) == Answer::Ok);
    let kept: BTreeSet<&str> = kept.map(Case::text).collect();
    for front in FRONTS {
        let listed = list(&ground, front, "list-drafts", "drafts").await;
        assert!(listed.iter().eq(&kept), "{front:?}: {:?}", difference(&listed, &kept));
    }

    let confirmed: BTreeSet<&str> = kept.iter().copied().step_by(CONFIRMED).collect();
    each(confirmed.iter().enumerate(), async |(place, name)| {
        confirm(&ground, place, name).await;
    })
    .await;
    for front in FRONTS {
        let listed = list(&ground, front, "list-objects", "objects").await;
        assert!(
            listed.iter().eq(&confirmed),
            "{front:?}: {:?}",
            difference(&listed, &confirmed)
        );
    }
    each(confirmed.iter().enumerate(), async |(place, name)| {
        delete(&ground, place, name).await;
    })
    .await;
    let left = list(&ground, FRONTS[0], "list-objects", "objects").await;
    assert!(left.is_empty(), "{left:?}");
    ground.end().await;
}

/// Checks that the name is also refused as a destination.
async fn refuses_to_keep_under(ground: &Ground, front: Front, name: &str, refused: &Refused) {
    let request = json!({"object_name": "a", "destination_name": name});
    let failure = ground
        .call(front, "confirm-upload", request)
        .await
        .expect_err("no name");
    refused.assert_as(Some("destination_name"), &failure, name);
}

/// Checks both fronts. Each reads the uploads of the other.
async fn check(ground: &Ground, case: &Case, answer: Answer) {
    let name = case.text();
    let mut issued = Vec::new();
    for front in FRONTS {
        let request = json!({ "object_name": name });
        let seen = ground.call(front, "upload-url", request).await;
        issued.extend(assert_answered(answer, seen, front, case));
        if let Answer::Refused(refused) = answer {
            refuses_to_keep_under(ground, front, name, &refused).await;
        }
    }
    if answer != Answer::Ok {
        return;
    }
    for issued in &issued {
        assert_eq!(issued["object_name"], name, "line {}", case.line);
        assert_eq!(
            key(issued["upload_url"].as_str().expect("a URL")),
            name.as_bytes(),
            "line {}",
            case.line
        );
    }
    let (writer, reader) = if case.line.is_multiple_of(2) {
        (0, FRONTS[1])
    } else {
        (1, FRONTS[0])
    };
    let put = ground.client.put(issued[writer]["upload_url"].as_str().expect("a URL"));
    let put = put.body(name.to_owned()).send().await.expect("an answer");
    assert_eq!(put.status(), 200, "line {}", case.line);
    let issued = ground
        .call(reader, "download-url", json!({ "object_name": name }))
        .await;
    let issued = issued.unwrap_or_else(|failure| panic!("line {}: {failure:?}", case.line));
    assert_eq!(issued["object_name"], name, "line {}", case.line);
    assert_eq!(read(ground, &issued).await, name.as_bytes(), "line {}", case.line);
}

async fn confirm(ground: &Ground, place: usize, name: &str) {
    let (front, other) = if place.is_multiple_of(2) {
        (FRONTS[0], FRONTS[1])
    } else {
        (FRONTS[1], FRONTS[0])
    };
    let request = json!({ "object_name": name });
    let kept = ground
        .call(front, "confirm-upload", request.clone())
        .await
        .expect("kept");
    assert_eq!(kept["final_location"], format!("main/{name}"));
    let issued = ground.call(other, "download-url", request).await.expect("there");
    assert_eq!(issued["stage"], "STAGE_MAIN", "{name:?}");
    assert_eq!(read(ground, &issued).await, name.as_bytes());
}

async fn delete(ground: &Ground, place: usize, name: &str) {
    let front = FRONTS[place % 2];
    let request = json!({ "object_name": name });
    let object = ground.call(front, "get-object", request.clone()).await.expect("there");
    assert_eq!(object["object_name"], name);
    let deleted = if place.is_multiple_of(4) {
        let batch = json!({ "objects": [request] });
        let answer = ground.call(front, "delete-objects", batch).await.expect("an answer");
        answer["outcomes"][0]["deleted"].clone()
    } else {
        ground.call(front, "delete-object", request).await.expect("deleted")
    };
    assert_eq!(
        (&deleted["deleted"], &deleted["etag"]),
        (&json!(true), &object["etag"]),
        "{name:?}"
    );
}

async fn read(ground: &Ground, issued: &Value) -> Vec<u8> {
    let url = issued["download_url"].as_str().expect("a URL");
    let answer = ground.client.get(url).send().await.expect("an answer");
    answer.bytes().await.expect("bytes").to_vec()
}

/// Returns the key in a URL as the store reads it: everything between the bucket and the query, decoded once.
fn key(url: &str) -> Vec<u8> {
    let path = url.split(['?', '#']).next().expect("a path");
    let (_, encoded) = path.split_once("/main-draft/").expect("the draft bucket");
    let mut bytes = encoded.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next().expect("two digits")).to_digit(16).expect("hex");
        decoded.push(match byte {
            b'%' => u8::try_from(digit() * 16 + digit()).expect("two digits"),
            byte => byte,
        });
    }
    decoded
}

/// Returns the names on all pages.
async fn list(ground: &Ground, front: Front, route: &str, field: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut request = json!({ "page_size": PAGE });
    loop {
        let page = ground.call(front, route, request).await.expect("a page");
        for object in page[field].as_array().expect("a list") {
            let name = object["object_name"].as_str().expect("a name").to_owned();
            assert!(names.insert(name.clone()), "{name:?} twice");
        }
        match page["next_page_token"].as_str() {
            Some(token) => request = json!({"page_size": PAGE, "page_token": token}),
            None => return names,
        }
    }
}

fn difference<'a>(listed: &'a BTreeSet<String>, expected: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    listed.symmetric_difference(expected).copied().take(10).collect()
}
