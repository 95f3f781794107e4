//! Tests that a limit on the size of objects holds for the bytes that the store takes, by every way to upload.

use draftstore_storage::{ListObjects, ListParts, ListUploads};
use draftstore_testing::TestBuckets;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::callers::ground::{self, Policy};
use crate::create_ticket::new_ticket_key;
use crate::front::{put, upload_form};
use crate::server::Server;

/// The limit of the caller, in bytes: a part of the minimum size, and a shorter one.
const LIMIT: usize = PART + 10;

/// The minimum size of a part, except the last one.
const PART: usize = 5 * 1024 * 1024;

/// The number of times that a client tries each way.
const TRIES: usize = 3;

/// The ways to upload a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Put,
    Form,
    Parts,
    UppyForm,
    UppyParts,
    UppyBatch,
    UppySign,
}

const WAYS: [Way; 7] = [
    Way::Put,
    Way::Form,
    Way::Parts,
    Way::UppyForm,
    Way::UppyParts,
    Way::UppyBatch,
    Way::UppySign,
];

/// A server on a store that the test can list.
struct Place {
    world: TestBuckets,
    server: Server,
    _policy: Policy,
    /// The key of a caller with a profile.
    limited: String,
    /// The key of a caller that creates tickets.
    backend: String,
}

impl Place {
    async fn new() -> Self {
        let world = TestBuckets::embedded().await;
        let ((limited, of_limited), (backend, of_backend)) = (ground::new_key("limited"), ground::new_key("backend"));
        let policy = format!(
            "{of_limited}scopes = ['upload']\nprofile = 'p'\n{of_backend}scopes = ['upload', 'confirm']\n\
             [profiles.p]\nmax_object_bytes = {LIMIT}\n"
        );
        let policy = Policy::new(&policy);
        policy.write("ticket-keys", new_ticket_key());
        let ticket_keys = policy.directory().join("ticket-keys");
        let settings = [
            ("TICKET_KEYS_FILE", ticket_keys.to_str().expect("UTF-8")),
            ("BUCKET_NAME", world.main.name().as_str()),
            ("S3_ENDPOINT", &world.endpoint.url),
            ("AWS_ACCESS_KEY_ID", &world.endpoint.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &world.endpoint.secret_access_key),
        ];
        Self {
            server: policy.server("api-key", &settings),
            _policy: policy,
            world,
            limited,
            backend,
        }
    }

    /// Returns the number of bytes of all drafts, and of all parts of uploads in progress.
    async fn stored(&self) -> u64 {
        let (storage, bucket) = (&self.world.storage, self.world.draft.name());
        let drafts = storage.list(bucket, &ListObjects::default()).await.expect("listed");
        let mut bytes: u64 = drafts.objects.iter().map(|draft| draft.size).sum();
        let uploads = storage
            .list_uploads(bucket, &ListUploads::default())
            .await
            .expect("listed");
        for upload in uploads.uploads {
            let request = ListParts {
                bucket: &self.world.draft,
                key: &upload.key,
                upload_id: &upload.upload_id,
                after: None,
                max_parts: None,
            };
            let parts = storage.list_parts(&request).await.expect("listed").parts;
            bytes += parts.iter().map(|part| part.size).sum::<u64>();
        }
        bytes
    }

    /// Creates a ticket for one draft of this name.
    async fn ticket(&self, name: &str) -> String {
        let order = json!({"object_name": name, "max_object_bytes": LIMIT, "max_uploads": 1});
        let (status, created) = self.call(&self.backend, "api/v1/tickets", Some(order)).await;
        assert_eq!(status, 200, "{created}");
        created["ticket"].as_str().expect("a ticket").to_owned()
    }

    /// Calls a route with GET, or with POST if there is a body.
    async fn call(&self, token: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://{}/{path}", self.server.http);
        let request = match body {
            Some(body) => Client::new().post(url).json(&body),
            None => Client::new().request(Method::GET, url),
        };
        Self::response(request.bearer_auth(token)).await
    }

    async fn response(request: RequestBuilder) -> (u16, Value) {
        let response = request.send().await.expect("a response");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// Tries once to store more than the limit. Every refusal is ignored.
    async fn exceed(&self, way: Way, token: &str, name: &str) {
        let too_much = || vec![b'x'; LIMIT + 1];
        let call = async |path: &str, body| self.call(token, path, body).await.1;
        match way {
            Way::Put => {
                for request in [
                    json!({ "object_name": name }),
                    json!({"object_name": name, "content_length": LIMIT + 1}),
                    json!({"object_name": name, "content_length": LIMIT}),
                ] {
                    let issued = call("api/v1/upload-url", Some(request)).await;
                    send(&issued, too_much()).await;
                }
            }
            Way::Form => {
                for most in [LIMIT, LIMIT + 1] {
                    let request = json!({"object_name": name, "max_content_length": most});
                    let issued = call("api/v1/upload-url", Some(request)).await;
                    if issued["method"] == "POST" {
                        upload_form(&issued, &too_much()).await;
                    }
                }
            }
            Way::Parts => {
                for content_length in [json!(null), json!(LIMIT + 1), json!(LIMIT)] {
                    let request = json!({"object_name": name, "content_length": content_length, "part_size": PART});
                    let created = call("api/v1/multipart/create", Some(request)).await;
                    for number in 1..4 {
                        for length in [json!(null), json!(LIMIT), json!(PART + 1)] {
                            let sign = json!({
                                "object_name": name, "draft_id": created["draft_id"], "upload_id": created["upload_id"],
                                "parts": [{"part_number": number, "content_length": length}],
                            });
                            let signed = call("api/v1/multipart/sign-parts", Some(sign)).await;
                            send(&signed["parts"][0], too_much()).await;
                            send(&signed["parts"][0], vec![b'x'; PART]).await;
                        }
                    }
                }
            }
            Way::UppyForm => {
                for query in ["", "&max_content_length=5242891", "&metadata[content_length]=5242891"] {
                    let params = call(&format!("uppy/s3/params?filename={name}{query}"), None).await;
                    if params.get("fields").is_some() {
                        let form = json!({
                            "method": "POST", "headers": {}, "upload_url": params["url"], "fields": params["fields"],
                        });
                        upload_form(&form, &too_much()).await;
                    }
                }
            }
            Way::UppyParts | Way::UppyBatch => {
                for metadata in [
                    json!({}),
                    json!({"content_length": LIMIT + 1}),
                    json!({"content_length": LIMIT}),
                ] {
                    let create = json!({"filename": name, "metadata": metadata});
                    let created = call("uppy/s3/multipart", Some(create)).await;
                    let (Some(id), Some(key)) = (created["uploadId"].as_str(), created["key"].as_str()) else {
                        continue;
                    };
                    for number in 1..4 {
                        let path = format!("uppy/s3/multipart/{id}");
                        let url = if way == Way::UppyParts {
                            call(&format!("{path}/{number}?key={key}"), None).await["url"].clone()
                        } else {
                            let batch = format!("{path}/batch?key={key}&partNumbers={number}");
                            call(&batch, None).await["presignedUrls"][number.to_string()].clone()
                        };
                        let signed = json!({"upload_url": url, "headers": {}});
                        send(&signed, too_much()).await;
                        send(&signed, vec![b'x'; PART]).await;
                    }
                }
            }
            Way::UppySign => {
                for most in [json!(null), json!(LIMIT), json!(LIMIT + 1)] {
                    let sign = json!({"method": "PUT", "key": name, "maxContentLength": most});
                    let signed = call("uppy/s3/sign", Some(sign)).await;
                    let (url, fields) = (&signed["url"], &signed["fields"]);
                    if fields.is_object() {
                        let form = json!({"method": "POST", "headers": {}, "upload_url": url, "fields": fields});
                        upload_form(&form, &too_much()).await;
                    } else {
                        send(&json!({"upload_url": url, "headers": {}}), too_much()).await;
                    }
                }
                let create = json!({"method": "POST", "key": name});
                let created = call("uppy/s3/sign", Some(create)).await;
                assert!(created.get("url").is_none(), "{created}");
            }
        }
    }
}

/// Sends a PUT if it was signed.
async fn send(signed: &Value, bytes: Vec<u8>) {
    if signed["upload_url"].is_string() {
        put(signed, bytes).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_bytes_never_exceed_the_limit_of_a_caller() {
    let place = Place::new().await;
    for way in WAYS {
        for with_ticket in [false, true] {
            let name = format!("{way:?}-{with_ticket}");
            let token = if with_ticket {
                place.ticket(&name).await
            } else {
                place.limited.clone()
            };
            let before = place.stored().await;
            for _ in 0..if with_ticket { TRIES } else { 1 } {
                place.exceed(way, &token, &name).await;
            }
            let stored = place.stored().await - before;
            assert!(stored <= LIMIT as u64, "{name}: {stored} bytes");
        }
    }
}

/// A ticket gets a URL for one way before it begins another, or after it, and uses both.
#[tokio::test(flavor = "multi_thread")]
async fn two_ways_together_store_no_more_than_the_limit() {
    let place = Place::new().await;
    for (form, is_first) in [(false, true), (false, false), (true, true), (true, false)] {
        let name = format!("{form}-{is_first}");
        let ticket = place.ticket(&name).await;
        let before = place.stored().await;
        let issue = async || {
            let length = if form { "max_content_length" } else { "content_length" };
            let request = json!({"object_name": name, length: LIMIT});
            place.call(&ticket, "api/v1/upload-url", Some(request)).await.1
        };
        let mut issued = vec![];
        if is_first {
            issued.push(issue().await);
        }
        let create = json!({"object_name": name, "content_length": LIMIT, "part_size": PART});
        let created = place.call(&ticket, "api/v1/multipart/create", Some(create)).await.1;
        issued.push(issue().await);
        let sign = json!({
            "object_name": name, "draft_id": created["draft_id"], "upload_id": created["upload_id"],
            "parts": [{"part_number": 1}, {"part_number": 2}],
        });
        let signed = place.call(&ticket, "api/v1/multipart/sign-parts", Some(sign)).await.1;
        let mut sent = 0;
        for (part, length) in [(0, PART), (1, LIMIT - PART)] {
            sent += usize::from(signed["parts"][part]["upload_url"].is_string());
            send(&signed["parts"][part], vec![b'x'; length]).await;
        }
        for issued in &issued {
            if issued["method"] == "POST" {
                upload_form(issued, &vec![b'x'; LIMIT]).await;
            } else {
                send(issued, vec![b'x'; LIMIT]).await;
            }
        }
        let stored = place.stored().await - before;
        assert_eq!((sent, stored), (if is_first { 0 } else { 2 }, LIMIT as u64), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_has_as_many_uploads_in_progress_as_slots() {
    let place = Place::new().await;
    let ticket = place.ticket("a").await;
    let create = async || {
        let request = json!({"object_name": "a", "content_length": LIMIT});
        place.call(&ticket, "api/v1/multipart/create", Some(request)).await
    };
    let created = futures::future::join_all((0..10).map(|_| create())).await;
    let begun: Vec<_> = created.iter().filter(|(status, _)| *status == 200).collect();
    for (status, refused) in created.iter().filter(|(status, _)| *status != 200) {
        assert_eq!(
            (*status, &refused["code"]),
            (409, &json!("NO_MORE_UPLOADS")),
            "{refused}"
        );
    }
    let in_progress = place.world.uploads().await;
    assert!(begun.len() <= 1 && in_progress == begun.len(), "{in_progress} uploads");
    let begun = match begun.first() {
        Some((_, begun)) => begun.clone(),
        None => create().await.1,
    };
    assert_eq!(create().await.0, 409, "while it is in progress");
    let issue = json!({"object_name": "a", "content_length": 5});
    assert_eq!(place.call(&ticket, "api/v1/upload-url", Some(issue)).await.0, 409);
    let upload = json!({"object_name": "a", "draft_id": begun["draft_id"], "upload_id": begun["upload_id"]});
    assert_eq!(place.call(&ticket, "api/v1/multipart/abort", Some(upload)).await.0, 200);
    assert_eq!(create().await.0, 200, "after it was aborted");
}
