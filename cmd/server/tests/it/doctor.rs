//! Tests of doctor on running stores.

use std::process::Output;

use draftstore_testing::{Embedded, StoreEndpoint, TestBuckets};

use crate::server::{NOWHERE, Server, command};

/// Returns the variables of a store, with the buckets of a [`TestBuckets`].
fn variables(endpoint: &StoreEndpoint) -> [(&str, &str); 5] {
    [
        ("BUCKET_NAME", "files"),
        ("S3_ENDPOINT", &endpoint.url),
        ("AWS_REGION", &endpoint.region),
        ("AWS_ACCESS_KEY_ID", &endpoint.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &endpoint.secret_access_key),
    ]
}

fn doctor(variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
    let mut doctor = command();
    doctor.arg("doctor").args(arguments).envs(variables.iter().copied());
    let Output { status, stdout, stderr } = doctor.output().expect("runs");
    let said = String::from_utf8([stdout, stderr].concat()).expect("UTF-8");
    for mark in ["X-Amz-", "Signature=", "AWS4-HMAC-SHA256"] {
        assert!(!said.contains(mark), "a signature is in the output");
    }
    (status.code().expect("ended by itself"), said)
}

/// Returns the checks with this outcome.
fn lines<'a>(said: &'a str, outcome: &str) -> Vec<&'a str> {
    let of = said
        .lines()
        .filter_map(|line| line.strip_prefix(&format!("  {outcome:<7}  ")));
    of.filter_map(|line| line.split("  ").next()).collect()
}

const CONDITIONS_THAT_GARAGE_IGNORES: [&str; 7] = [
    "PutObject with If-None-Match",
    "CopyObject with If-None-Match",
    "CopyObject with If-Match",
    "CompleteMultipartUpload with If-None-Match",
    "CompleteMultipartUpload with If-Match",
    "DeleteObject with If-Match",
    "DeleteObjects with an ETag per key",
];

#[tokio::test(flavor = "multi_thread")]
async fn embedded_store_has_no_problems_and_nothing_is_left_behind() {
    let world = TestBuckets::embedded().await;
    let (code, said) = doctor(&variables(&world.endpoint), &[]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(lines(&said, "ok").len(), 42, "{said}");
    assert_eq!(
        lines(&said, "info"),
        [
            "object lock of main",
            "x-amz-server-side-encryption",
            "no origin",
            "draft bucket"
        ],
        "{said}"
    );
    assert!(said.contains("no problems found"), "{said}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
    assert_eq!((world.uploads().await, world.main_uploads().await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_creates_buckets_and_sets_cors() {
    let store = Embedded::start().await;
    let endpoint = store.endpoint();
    let origin = ("CORS_ALLOWED_ORIGINS", "https://app.example.com");
    let variables = [&variables(&endpoint)[..], &[origin]].concat();
    let (code, said) = doctor(&variables, &[]);
    assert_eq!(
        (code, lines(&said, "missing")),
        (1, vec!["draft bucket files-draft"]),
        "{said}"
    );
    assert!(said.contains("doctor --fix"), "{said}");

    let (code, said) = doctor(&variables, &["--fix"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("created files-draft and files"), "{said}");
    assert!(lines(&said, "ok").contains(&"from https://app.example.com"), "{said}");
    assert!(said.contains("the store removes objects after"), "{said}");
    let (code, said) = doctor(&variables, &["--origin", "https://other.example.com"]);
    assert_eq!(
        (code, lines(&said, "missing")),
        (1, vec!["from https://other.example.com"]),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fix_sets_the_transitions_and_the_embedded_store_makes_them() {
    let store = Embedded::start().await;
    let endpoint = store.endpoint();
    let at_ages = |ages| [&variables(&endpoint)[..], &[("TRANSITIONS", ages)]].concat();
    let ages = "30:STANDARD_IA, 1:GLACIER_IR@files/logs/, 2:GLACIER@files-archive";
    let destinations = ("DESTINATION_BUCKETS", "files-archive");
    let all = [&at_ages(ages)[..], &[destinations]].concat();
    let (code, said) = doctor(&all, &["--fix"]);
    assert_eq!(code, 0, "{said}");
    let set = ["transitions of files", "transitions of files-archive"];
    for check in set {
        assert_eq!(
            lines(&said, "ok").iter().filter(|line| **line == check).count(),
            2,
            "{said}"
        );
    }
    let moved = "STANDARD_IA after 30 days, GLACIER_IR after 1 day under logs/";
    assert!(said.contains("the store moves objects: GLACIER after 2 days"), "{said}");
    for text in moved.split(", ") {
        assert!(said.contains(text), "{said}");
    }

    let sdk = draftstore_testing::sdk(&endpoint);
    for (bucket, key) in [("files", "a"), ("files", "logs/b"), ("files-archive", "c")] {
        sdk.put_object().bucket(bucket).key(key).send().await.expect("put");
    }
    store.age(std::time::Duration::from_secs(4 * 24 * 3600)).await;
    let class = async |bucket: &str, key: &str| {
        let head = sdk.head_object().bucket(bucket).key(key).send().await.expect("there");
        head.storage_class().map(|class| class.as_str().to_owned())
    };
    assert_eq!(class("files", "a").await, None);
    assert_eq!(class("files", "logs/b").await.as_deref(), Some("GLACIER_IR"));
    assert_eq!(class("files-archive", "c").await.as_deref(), Some("GLACIER"));

    // Other ages than those of the rules, and none.
    let (code, said) = doctor(&at_ages("60:STANDARD_IA"), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains("the store has no rule for STANDARD_IA after 60 days"),
        "{said}"
    );
    let (_, said) = doctor(&variables(&endpoint), &[]);
    assert!(
        said.contains("the store has rules that TRANSITIONS lacks: STANDARD_IA after 30 days"),
        "{said}"
    );
    let (_, said) = doctor(&variables(&endpoint), &["--fix"]);
    assert!(!said.contains("transitions of files"), "{said}");
}

#[test]
fn embedded_store_is_checked_running_or_stopped() {
    let server = Server::start();
    let port = server.store.rsplit_once(':').expect("a port").1.to_owned();
    let data_dir = server.data_dir();
    let variables = [
        ("EMBEDDED_PORT", port.as_str()),
        ("EMBEDDED_DATA_DIR", data_dir.to_str().expect("UTF-8")),
        ("HTTP_PORT", "0"),
    ];
    let (code, said) = doctor(&variables, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the embedded store at"), "{said}");
    let _kept = server.stop_and_keep_data();
    let (code, said) = doctor(&variables, &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("the embedded store in"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_store_is_one_clear_line() {
    let nowhere = StoreEndpoint {
        url: NOWHERE.to_owned(),
        region: "us-east-1".to_owned(),
        access_key_id: "key".to_owned(),
        secret_access_key: "hush".to_owned(),
    };
    let (code, said) = doctor(&variables(&nowhere), &[]);
    assert_eq!(
        (code, lines(&said, "failed")),
        (1, vec!["draft bucket files-draft"]),
        "{said}"
    );
    assert!(said.contains("S3_ENDPOINT"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_one_clear_line() {
    let world = TestBuckets::embedded().await;
    let mut endpoint = world.endpoint.clone();
    endpoint.secret_access_key = "another-secret".to_owned();
    let (code, said) = doctor(&variables(&endpoint), &[]);
    assert_eq!(
        (code, lines(&said, "failed")),
        (1, vec!["draft bucket files-draft"]),
        "{said}"
    );
    assert!(
        said.contains("credentials") && !said.contains("another-secret"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_public_endpoint_is_reported_and_the_rest_is_checked() {
    let world = TestBuckets::embedded().await;
    let public = [("S3_PUBLIC_ENDPOINT", NOWHERE)];
    let (code, said) = doctor(&[&variables(&world.endpoint)[..], &public].concat(), &[]);
    assert_eq!((code, lines(&said, "failed")), (1, vec!["PUT and GET"]), "{said}");
    assert!(lines(&said, "ok").contains(&"draft: put"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs garage 2.5 on PATH: cargo test -p draftstore-server --test it -- --ignored"]
async fn garage_lacks_conditions_only() {
    let world = TestBuckets::garage().await;
    let origin = ("CORS_ALLOWED_ORIGINS", "https://app.example.com");
    let (code, said) = doctor(&[&variables(&world.endpoint)[..], &[origin]].concat(), &["--fix"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(lines(&said, "weak"), CONDITIONS_THAT_GARAGE_IGNORES, "{said}");
    assert_eq!(
        lines(&said, "missing").len() + lines(&said, "failed").len(),
        0,
        "{said}"
    );
    assert!(lines(&said, "ok").contains(&"lifecycle"), "{said}");
    assert!(lines(&said, "ok").contains(&"POST of a form"), "{said}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());

    let mut server = command();
    server
        .envs(variables(&world.endpoint))
        .env("REQUIRE_SAFE_STORE", "true")
        .env("BIND_ADDRESS", "127.0.0.1");
    let ended = server.output().expect("runs");
    assert_eq!(ended.status.code(), Some(1));
    let refusal = String::from_utf8(ended.stderr).expect("UTF-8");
    for condition in CONDITIONS_THAT_GARAGE_IGNORES {
        assert!(refusal.contains(&format!("{condition} is not honoured")), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs weed 4.48 on PATH: cargo test -p draftstore-server --test it -- --ignored seaweedfs"]
async fn seaweedfs_lacks_conditions_on_completions_only() {
    let world = TestBuckets::seaweedfs().await;
    let buckets = [("BUCKET_NAME", world.main.name().as_str())];
    let origin = ("CORS_ALLOWED_ORIGINS", "https://app.example.com");
    let (code, said) = doctor(
        &[&variables(&world.endpoint)[..], &buckets, &[origin]].concat(),
        &["--fix"],
    );
    assert_eq!(code, 1, "{said}");
    let completions = ["If-None-Match", "If-Match"].map(|header| format!("CompleteMultipartUpload with {header}"));
    assert_eq!(lines(&said, "weak"), completions, "{said}");
    let unusable = lines(&said, "missing").len() + lines(&said, "failed").len();
    assert_eq!(unusable, 0, "{said}");
    assert_eq!(world.draft_keys().await, Vec::<String>::new());
}

#[test]
fn directory_without_a_store_is_left_as_it_was_unless_it_is_fixed() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let absent = directory.path().join("data");
    let empty = directory.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    for data_dir in [&absent, &empty] {
        let path = data_dir.to_str().expect("UTF-8");
        let variables = [("EMBEDDED_DATA_DIR", path), ("EMBEDDED_PORT", "0"), ("HTTP_PORT", "0")];
        let (code, said) = doctor(&variables, &[]);
        let check = format!("data directory {path}");
        assert_eq!((code, lines(&said, "missing")), (1, vec![check.as_str()]), "{said}");
        assert!(said.contains("doctor --fix"), "{said}");
    }
    assert!(!absent.exists());
    assert_eq!(std::fs::read_dir(&empty).expect("read").count(), 0);
    let variables = [
        ("EMBEDDED_DATA_DIR", absent.to_str().expect("UTF-8")),
        ("HTTP_PORT", "0"),
    ];
    let (code, said) = doctor(&variables, &["--fix"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = doctor(&variables, &[]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn misspelt_variable_is_reported_with_the_nearest_setting() {
    let world = TestBuckets::embedded().await;
    let misspelt = [("S3_ENDPOIN", "http://127.0.0.1:9"), ("BUKET_NAME", "other")];
    let (code, said) = doctor(&[&variables(&world.endpoint)[..], &misspelt].concat(), &[]);
    assert_eq!(code, 0, "{said}");
    for (variable, nearest) in [("S3_ENDPOIN", "set S3_ENDPOINT"), ("BUKET_NAME", "set BUCKET_NAME")] {
        assert!(
            lines(&said, "info").contains(&variable) && said.contains(nearest),
            "{said}"
        );
    }
}
