//! Uploads from HTML forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::harness::{BUCKET, MIB, TestStore, blob_files, noise};
use crate::sign::{mac, signing_key};

struct SignedForm {
    fields: Vec<(String, String)>,
}

impl SignedForm {
    fn signed(store: &TestStore, fields: &[(&str, &str)], mut conditions: Vec<Value>, end: &str) -> Self {
        let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
        let stamp = OffsetDateTime::now_utc().format(format).unwrap();
        let credential = format!(
            "{}/{}/us-east-1/s3/aws4_request",
            store.credentials.access_key_id,
            &stamp[..8]
        );
        let mut fields: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        for (name, value) in [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", &credential),
            ("x-amz-date", &stamp),
        ] {
            conditions.push(json!({ name: value }));
            fields.push((name.into(), value.into()));
        }
        conditions.push(json!({ "bucket": BUCKET }));
        let policy = STANDARD.encode(json!({ "expiration": end, "conditions": conditions }).to_string());
        let signature = hex::encode(mac(&signing_key(&store.credentials, &stamp[..8]), &policy));
        fields.push(("policy".into(), policy));
        fields.push(("x-amz-signature".into(), signature));
        Self { fields }
    }

    async fn send(&self, store: &TestStore, file: &[u8]) -> reqwest::Response {
        self.send_by(&store.http, store, file).await
    }

    async fn send_by(&self, http: &reqwest::Client, store: &TestStore, file: &[u8]) -> reqwest::Response {
        const BOUNDARY: &str = "----boundary";
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let part = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = "content-disposition: form-data; name=\"file\"; filename=\"photo é.jpg\"\r\n\r\n";
        body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}").as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let request = http.post(format!("{}/{BUCKET}/", store.endpoint()));
        let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        request.body(body).send().await.unwrap()
    }
}

const FAR: &str = "2099-01-01T00:00:00.000Z";

fn conditions() -> Vec<Value> {
    vec![
        json!(["starts-with", "$key", "up/"]),
        json!(["starts-with", "$Content-Type", "image/"]),
        json!(["content-length-range", 2, 3 * MIB]),
        json!({ "x-amz-meta-a": "b" }),
        json!({ "success_action_status": "201" }),
    ]
}

#[tokio::test]
async fn form_brings_its_tags() {
    let store = TestStore::start().await;
    let document = "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>";
    for (key, field, value) in [("document", "tagging", document), ("header", "x-amz-tagging", "a=1")] {
        let fields = [("key", key), (field, value)];
        let conditions = vec![json!({ "key": key }), json!({ field: value })];
        let form = SignedForm::signed(&store, &fields, conditions, FAR);
        assert_eq!(form.send(&store, b"x").await.status(), 204, "{field}");
        assert_eq!(store.tags(key, None).await["a"], "1", "{field}");
    }
    let fields = [("key", "bad"), ("tagging", "<Tagging>")];
    let conditions = vec![json!({ "key": "bad" }), json!({ "tagging": "<Tagging>" })];
    let form = SignedForm::signed(&store, &fields, conditions, FAR);
    assert_eq!(form.send(&store, b"x").await.status(), 400);
    assert_eq!(store.get("bad").await, None);
}

const FIELDS: [(&str, &str); 4] = [
    ("key", "up/${filename}"),
    ("Content-Type", "image/jpeg"),
    ("x-amz-meta-a", "b"),
    ("success_action_status", "201"),
];

#[tokio::test]
async fn form_stores_its_file() {
    let store = TestStore::start().await;
    let file = noise(1, 2 * MIB + 3);
    let response = SignedForm::signed(&store, &FIELDS, conditions(), FAR)
        .send(&store, &file)
        .await;
    assert_eq!(response.status(), 201);
    assert!(response.headers().contains_key("etag"));
    assert!(response.text().await.unwrap().contains("<Key>up/photo é.jpg</Key>"));
    assert_eq!(store.get("up/photo é.jpg").await.unwrap(), file);
    let head = store
        .s3
        .head_object()
        .bucket(BUCKET)
        .key("up/photo é.jpg")
        .send()
        .await
        .unwrap();
    assert_eq!(head.content_type(), Some("image/jpeg"));
    assert_eq!(head.metadata().unwrap()["a"], "b");
}

#[tokio::test]
async fn forms_share_a_connection() {
    let store = TestStore::start().await;
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = SignedForm::signed(&store, &FIELDS, conditions(), FAR);
    for size in [60_000, MIB, 3 * MIB, 60_000, 2] {
        let file = noise(1, size);
        let response = form.send_by(&http, &store, &file).await;
        assert_eq!(response.status(), 201, "{size}: {}", response.text().await.unwrap());
        assert_eq!(store.get("up/photo é.jpg").await.unwrap(), file);
    }
}

#[tokio::test]
async fn content_length_range_is_enforced() {
    let store = TestStore::start().await;
    let form = SignedForm::signed(&store, &FIELDS, conditions(), FAR);
    for (len, code) in [(1, "EntityTooSmall"), (3 * MIB + 1, "EntityTooLarge")] {
        let response = form.send(&store, &noise(1, len)).await;
        assert_eq!(response.status(), 400);
        assert!(response.text().await.unwrap().contains(code));
    }
    assert_eq!(form.send(&store, &noise(1, 3 * MIB)).await.status(), 201);
    let dir = store.stop().await;
    assert_eq!(blob_files(dir.path()).len(), 1);
}

#[tokio::test]
async fn form_outside_its_policy_is_rejected() {
    let store = TestStore::start().await;
    let good = || SignedForm::signed(&store, &FIELDS, conditions(), FAR);
    let changed = |name: &str, value: &str| {
        let mut form = good();
        form.fields.retain(|(known, _)| known != name);
        form.fields.push((name.into(), value.into()));
        form
    };
    let without = |name: &str| {
        let mut form = good();
        form.fields.retain(|(known, _)| known != name);
        form
    };
    let rejected = [
        changed("key", "elsewhere"),
        changed("Content-Type", "text/html"),
        changed("x-amz-meta-more", "1"),
        changed("x-amz-signature", &"0".repeat(64)),
        changed(
            "policy",
            &STANDARD.encode(json!({ "expiration": FAR, "conditions": [] }).to_string()),
        ),
        without("policy"),
        without("x-amz-meta-a"),
        SignedForm::signed(&store, &FIELDS, conditions(), "2020-01-01T00:00:00.000Z"),
    ];
    for form in rejected {
        let response = form.send(&store, b"12345").await;
        assert_eq!(response.status(), 403, "{}", response.text().await.unwrap());
    }
    assert_eq!(without("x-amz-signature").send(&store, b"12345").await.status(), 400);
    let mut version_2 = without("x-amz-algorithm");
    let id = store.credentials.access_key_id.clone();
    version_2.fields.push(("AWSAccessKeyId".into(), id));
    let response = version_2.send(&store, b"12345").await;
    assert_eq!(response.status(), 400);
    let text = response.text().await.unwrap();
    assert!(
        text.contains("InvalidRequest") && text.contains("AWS4-HMAC-SHA256"),
        "{text}"
    );
    assert!(
        store
            .s3
            .list_objects_v2()
            .bucket(BUCKET)
            .send()
            .await
            .unwrap()
            .contents()
            .is_empty()
    );
}
