//! Events by webhooks: real posts to a real endpoint, which is in turn well, broken, silent and gone, from servers that are
//! killed.

mod kills;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use draftstore_service::events::EventId;
use draftstore_webhooks::{Secrets, Signed};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::block_in_place;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_util::task::AbortOnDropHandle;
use tonic::Code;

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Front};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The time for a change of a file, or for the last events.
const PATIENCE: Duration = Duration::from_secs(600);

/// An answer of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ok,
    Error,
    /// No answer, until the client gives up.
    Silence,
    /// No answer, and no connection any more.
    Reset,
    Redirect,
    Gone,
}

/// An endpoint on loopback, which verifies what it receives.
struct Sink {
    url: String,
    received: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
    _accepting: AbortOnDropHandle<()>,
}

impl Sink {
    async fn start(answers: &[Answer]) -> Self {
        Self::start_with(answers, None).await
    }

    /// Starts an endpoint with TLS, and returns it with the certificate of its authority.
    async fn start_tls() -> (Self, String) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &authority).expect("a certificate");
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a certificate and its key");
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        (Self::start_with(&[Answer::Ok], Some(acceptor)).await, authority.pem())
    }

    async fn start_with(answers: &[Answer], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let url = match &tls {
            Some(_) => format!("https://localhost:{}/hooks", address.port()),
            None => format!("http://{address}/hooks"),
        };
        let received = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(answers.to_vec()));
        let posts = Arc::new(AtomicUsize::new(0));
        let shared = (Arc::clone(&received), Arc::clone(&answers), posts);
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (received, answers, posts) = shared.clone();
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, received, answers, posts).await,
                        Some(tls) => {
                            // A server that does not trust the certificate goes away.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, received, answers, posts).await;
                            }
                        }
                    }
                });
            }
        };
        Self {
            url,
            received,
            answers,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accept)),
        }
    }

    fn answer(&self, answers: &[Answer]) {
        *self.answers.lock().expect("not poisoned") = answers.to_vec();
    }

    /// Returns the IDs of the events that were acknowledged, and how often each came, by the name of the object.
    fn events(&self) -> BTreeMap<String, BTreeMap<String, usize>> {
        let mut events: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (id, event) in &*self.received.lock().expect("not poisoned") {
            let name = event["data"]["object_name"].as_str().expect("a name").to_owned();
            *events.entry(name).or_default().entry(id.clone()).or_default() += 1;
        }
        events
    }

    /// Returns the IDs of the events that were acknowledged, and how often each came, by the kind and the name of the object.
    fn acts(&self) -> BTreeMap<(String, String), BTreeMap<String, usize>> {
        let mut acts: BTreeMap<_, BTreeMap<String, usize>> = BTreeMap::new();
        for (id, event) in &*self.received.lock().expect("not poisoned") {
            let [kind, name] =
                [&event["type"], &event["data"]["object_name"]].map(|text| text.as_str().expect("a text"));
            let ids = acts.entry((kind.to_owned(), name.to_owned())).or_default();
            *ids.entry(id.clone()).or_default() += 1;
        }
        acts
    }

    fn received(&self) -> Vec<(String, Value)> {
        self.received.lock().expect("not poisoned").clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    received: Arc<Mutex<Vec<(String, Value)>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
    posts: Arc<AtomicUsize>,
) {
    let mut buffer = Vec::new();
    // A killed server breaks off its requests.
    while let Some((head, body)) = read_request(&mut stream, &mut buffer).await {
        let answer = {
            let answers = answers.lock().expect("not poisoned");
            answers[posts.fetch_add(1, Ordering::SeqCst) % answers.len()]
        };
        let text = match answer {
            Answer::Ok => "HTTP/1.1 204 No Content\r\n\r\n",
            Answer::Error => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops",
            Answer::Redirect => "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            Answer::Gone => "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
            Answer::Reset => return,
            Answer::Silence => {
                let _ = stream.read_buf(&mut buffer).await;
                return;
            }
        };
        let event = verified(&head, &body);
        if answer == Answer::Ok {
            received.lock().expect("not poisoned").push(event);
        }
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        let end = buffer.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8(buffer[..end].to_vec()).expect("UTF-8");
            let length: usize = header(&head, "content-length").parse().expect("a number");
            if buffer.len() >= end + 4 + length {
                let body = buffer[end + 4..end + 4 + length].to_vec();
                buffer.drain(..end + 4 + length);
                return Some((head, body));
            }
        }
        if !matches!(stream.read_buf(buffer).await, Ok(1..)) {
            return None;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name} in {head}"))
}

/// Verifies a request, and returns the ID and the event.
fn verified(head: &str, body: &[u8]) -> (String, Value) {
    assert_eq!(head.lines().next(), Some("POST /hooks HTTP/1.1"));
    assert_eq!(header(head, "content-type"), "application/cloudevents+json");
    let secrets = Secrets::try_from(vec![SECRET.to_owned()]).expect("a secret");
    let signed = Signed {
        id: header(head, "webhook-id"),
        timestamp: header(head, "webhook-timestamp"),
        signature: header(head, "webhook-signature"),
        body,
    };
    let id = secrets.verify(signed, SystemTime::now()).expect("verified");
    let event: Value = serde_json::from_slice(body).expect("JSON");
    assert_eq!(
        (&event["specversion"], &event["id"]),
        (&"1.0".into(), &id.to_string().into())
    );
    (id.to_string(), event)
}

/// A policy with one caller, and one webhook.
fn policy(sink: &Sink, webhook: &str) -> (Policy, String) {
    let (key, entry) = new_key("shop");
    (Policy::new(&policy_text(&entry, sink, webhook)), key)
}

fn policy_text(entry: &str, sink: &Sink, webhook: &str) -> String {
    format!(
        "{entry}scopes = ['upload', 'confirm']\n[[webhooks]]\nname = \"erp\"\nurl = \"{}\"\nprivate_hosts = [\"127.0.0.1\", \"localhost\"]\n\
         events = [\"draft.confirmed\"]\n{webhook}\n",
        sink.url
    )
}

/// Uploads a draft, and returns the request that confirms it.
async fn upload(http: &reqwest::Client, server: &str, key: &str, name: &str, unique: bool) -> Result<Value, String> {
    upload_as(http, server, key, json!({"object_name": name, "unique": unique})).await
}

/// Uploads a draft, whose bytes are its name, by such a request.
async fn upload_as(http: &reqwest::Client, server: &str, key: &str, request: Value) -> Result<Value, String> {
    let issued = call(http, server, key, "upload-url", &request).await?;
    let name = request["object_name"].as_str().expect("a name").to_owned();
    let url = issued["upload_url"].as_str().expect("a URL");
    let mut put = http.put(url).body(name.clone());
    for (header, value) in issued["headers"].as_object().into_iter().flatten() {
        put = put.header(header, value.as_str().expect("a text"));
    }
    let put = put.send().await.map_err(|error| error.to_string())?;
    if !put.status().is_success() {
        return Err(put.status().to_string());
    }
    Ok(json!({"object_name": name, "draft_id": issued["draft_id"]}))
}

async fn call(http: &reqwest::Client, server: &str, key: &str, path: &str, body: &Value) -> Result<Value, String> {
    let url = format!("http://{server}/api/v1/{path}");
    let request = http.post(url).header("authorization", bearer(key)).json(body);
    let response = request.send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    let body: Value = response.json().await.map_err(|error| error.to_string())?;
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{status} {body}"))
    }
}

fn http_client() -> reqwest::Client {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy();
    client.build().expect("a client")
}

#[tokio::test]
async fn confirm_is_told_to_the_webhook_before_its_answer() {
    for front in FRONTS {
        tells_the_webhook_before_its_answer(front).await;
    }
}

async fn tells_the_webhook_before_its_answer(front: Front) {
    let sink = Sink::start(&[Answer::Ok]).await;
    let (policy, key) = policy(&sink, &format!("secrets = [\"{NEXT_SECRET}\", \"{SECRET}\"]"));
    let server = policy.server("api-key", &[]);
    let confirm = upload(&http_client(), &server.http, &key, "a/b.txt", true)
        .await
        .expect("uploaded");
    let authorization = bearer(&key);
    let headers = [("authorization", authorization.as_str())];
    let confirmed = front
        .call_with(&headers, &server, "confirm-upload", confirm.clone())
        .await;
    let confirmed = confirmed.expect("confirmed");
    let received = sink.received();
    let [(_, event)] = &received[..] else {
        panic!("one event: {received:?}");
    };
    assert_eq!(event["type"], "draft.confirmed");
    let data = &event["data"];
    assert_eq!(
        (&data["object_name"], &data["draft_id"]),
        (&"a/b.txt".into(), &confirm["draft_id"])
    );
    assert_eq!((&data["etag"], &data["size"]), (&confirmed["etag"], &7.into()));

    let metrics = http_client()
        .get(format!("http://{}/metrics", server.admin))
        .send()
        .await
        .expect("metrics");
    let metrics = metrics.text().await.expect("a text");
    let line = "draftstore_event_deliveries_total{outcome=\"delivered\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let (_, log) = server.stop();
    assert!(!log.contains("whsec_") && !log.contains("MfKQ9r8GKYqr"), "{log}");
}

#[tokio::test]
async fn acts_are_told_to_the_webhook_that_names_their_events() {
    for front in FRONTS {
        tells_the_webhook_of_acts(front).await;
    }
}

async fn tells_the_webhook_of_acts(front: Front) {
    let sink = Sink::start(&[Answer::Ok]).await;
    let (key, entry) = new_key("shop");
    let policy = Policy::new(&format!(
        "[profiles.texts.checks.type]\nallow_unknown = true\n{entry}scopes = ['upload', 'inspect', 'confirm', 'discard', 'manage']\nprofile = 'texts'\n[[webhooks]]\nname = \"erp\"\n\
         url = \"{}\"\nprivate_hosts = [\"127.0.0.1\"]\nsecrets = [\"{SECRET}\"]\n\
         events = [\"draft.accepted\", \"draft.rejected\", \"draft.discarded\", \"object.deleted\", \"object.updated\", \
         \"object.copied\", \"object.moved\"]\n",
        sink.url
    ));
    let server = policy.server("api-key", &[]);
    let (http, authorization) = (http_client(), bearer(&key));
    let headers = [("authorization", authorization.as_str())];
    let call = async |path: &str, body: Value| front.call_with(&headers, &server, path, body).await;
    for name in ["kept", "unwanted"] {
        let text = json!({"object_name": name, "content_type": "text/plain"});
        upload_as(&http, &server.http, &key, text).await.expect("uploaded");
    }
    let no_image = json!({"object_name": "no.png", "content_type": "image/png"});
    upload_as(&http, &server.http, &key, no_image).await.expect("uploaded");
    call("confirm-upload", json!({"object_name": "no.png"}))
        .await
        .expect_err("rejected");
    call("confirm-upload", json!({"object_name": "kept"}))
        .await
        .expect("confirmed");
    call("check-draft", json!({"object_name": "unwanted"}))
        .await
        .expect("checked");
    call("discard-draft", json!({"object_name": "unwanted"}))
        .await
        .expect("discarded");
    let again = call("discard-draft", json!({"object_name": "unwanted"}))
        .await
        .expect("answered");
    assert_eq!(again["discarded"], false, "{again}");
    call(
        "update-object",
        json!({"object_name": "kept", "metadata": {"order": "42"}}),
    )
    .await
    .expect("updated");
    let copy = json!({"object_name": "kept", "destination_name": "copy"});
    for _ in 0..2 {
        call("copy-object", copy.clone()).await.expect("copied");
    }
    call(
        "move-object",
        json!({"object_name": "copy", "destination_name": "moved"}),
    )
    .await
    .expect("moved");
    call("delete-object", json!({"object_name": "kept"}))
        .await
        .expect("deleted");
    call(
        "delete-objects",
        json!({"objects": [{"object_name": "moved"}, {"object_name": "none"}]}),
    )
    .await
    .expect("deleted");
    let received: Vec<_> = sink.received().into_iter().map(|(_, event)| event).collect();
    let told: Vec<_> = received
        .iter()
        .map(|event| {
            (
                event["type"].as_str().expect("a type"),
                event["subject"].as_str().expect("a name"),
            )
        })
        .collect();
    let expected = [
        ("draft.rejected", "no.png"),
        ("draft.accepted", "kept"),
        ("draft.accepted", "unwanted"),
        ("draft.discarded", "unwanted"),
        ("object.updated", "kept"),
        ("object.copied", "copy"),
        ("object.moved", "moved"),
        ("object.deleted", "kept"),
        ("object.deleted", "moved"),
    ];
    assert_eq!(told, expected);
    assert_eq!(received[4]["data"]["metadata"], json!({"order": "42"}));
    assert_eq!(received[5]["data"]["source_name"], "kept");
    assert_eq!(received[0]["data"]["reasons"][0]["check"], "type");
}

#[tokio::test(flavor = "multi_thread")]
async fn reloaded_policy_sends_what_is_pending_for_an_endpoint_that_was_gone() {
    let sink = Sink::start(&[Answer::Gone]).await;
    let (key, entry) = new_key("shop");
    let policy = Policy::new(&policy_text(&entry, &sink, "secrets_file = \"erp.secrets\""));
    policy.write("erp.secrets", format!("{SECRET}\n"));
    let server = block_in_place(|| policy.server("api-key", &[]));
    let http = http_client();
    for name in ["a", "b"] {
        let confirm = upload(&http, &server.http, &key, name, false).await.expect("uploaded");
        call(&http, &server.http, &key, "confirm-upload", &confirm)
            .await
            .expect("confirmed");
    }
    assert!(sink.received().is_empty());
    sink.answer(&[Answer::Ok]);
    policy.write("erp.secrets", format!("{NEXT_SECRET}\n{SECRET}\n"));
    let names = || sink.events().into_keys().collect::<Vec<_>>();
    let begun = Instant::now();
    while names() != ["a", "b"] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", names());
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn webhook_by_https_needs_a_trusted_certificate() {
    let (sink, authority) = Sink::start_tls().await;
    let (policy, key) = policy(&sink, &format!("secrets = [\"{SECRET}\"]"));
    policy.write("authority.pem", authority);
    let path = policy.directory().join("authority.pem");
    let path = path.to_str().expect("UTF-8");
    for (variables, expected) in [(&[][..], 0), (&[("SSL_CERT_FILE", path)], 1)] {
        let server = policy.server("api-key", variables);
        let confirm = upload(&http_client(), &server.http, &key, "a", false)
            .await
            .expect("uploaded");
        let confirmed = call(&http_client(), &server.http, &key, "confirm-upload", &confirm).await;
        confirmed.expect("confirmed");
        assert_eq!(sink.received().len(), expected, "{variables:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letter_is_audited_listed_and_sent_again() {
    for front in FRONTS {
        sends_a_dead_letter_again(front).await;
    }
}

/// Asserts that the audit names the webhook and the event of each call.
fn assert_redeliveries_are_audited(log: &str, given_up: &EventId) {
    let audited: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("Events\"") && line.contains("\"audit\""))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |rpc: &str, outcome: &str| {
        let mut lines = audited
            .iter()
            .filter(|line| line["rpc"] == rpc && line["outcome"] == outcome);
        let line = lines.next().unwrap_or_else(|| panic!("{rpc} {outcome}: {audited:?}"));
        (line["webhook"].clone(), line["event_id"].clone())
    };
    let id = Value::from(given_up.to_string());
    assert_eq!(of("ListUndeliveredEvents", "OK"), ("erp".into(), Value::Null));
    assert_eq!(of("RedeliverEvents", "OK"), ("erp".into(), id.clone()));
    assert_eq!(of("RedeliverEvents", "NOT_ACKNOWLEDGED"), ("erp".into(), id.clone()));
    assert_eq!(of("RedeliverEvents", "WEBHOOK_NOT_FOUND"), ("none".into(), id));
    assert_eq!(
        of("ListUndeliveredEvents", "WEBHOOK_NOT_FOUND"),
        ("none".into(), Value::Null)
    );
}

async fn sends_a_dead_letter_again(front: Front) {
    let sink = Sink::start(&[Answer::Error]).await;
    let (key, entry) = new_key("shop");
    let text = policy_text(&entry, &sink, &format!("secrets = [\"{SECRET}\"]"));
    let policy = Policy::new(&text.replace("['upload', 'confirm']", "['upload', 'confirm', 'admin']"));
    let server = block_in_place(|| policy.server("api-key", &[("AUDIT_LOG", "stderr")]));
    let (http, authorization) = (http_client(), bearer(&key));
    let headers = [("authorization", authorization.as_str())];
    let call = async |path: &str, body: Value| front.call_with(&headers, &server, path, body).await;

    let given_up = EventId::new(SystemTime::now() - Duration::from_secs(73 * 3600), [7; 32]);
    let event = json!({
        "specversion": "1.0", "id": given_up.to_string(), "type": "draft.confirmed", "source": "/buckets/main",
        "subject": "old", "data": {"object_name": "old", "tenant": "t1"},
    });
    let ulid = given_up.to_string().replace("evt_", "");
    let put = draftstore_testing::sdk(&server.endpoint())
        .put_object()
        .bucket("main-draft");
    let put = put
        .key(format!(".drafts/events/erp/{ulid}"))
        .body(event.to_string().into_bytes().into());
    put.send().await.expect("written");
    // A stored event makes the server list the others.
    let confirm = upload(&http, &server.http, &key, "new", false).await.expect("uploaded");
    call("confirm-upload", confirm).await.expect("confirmed");
    let begun = Instant::now();
    let listed = loop {
        let mut events = Vec::new();
        let mut page_token = Value::Null;
        loop {
            let page = json!({"webhook": "erp", "page_token": page_token});
            let page = call("list-undelivered-events", page).await.expect("listed");
            events.extend(page["events"].as_array().into_iter().flatten().cloned());
            page_token = page["next_page_token"].clone();
            if page_token.is_null() {
                break;
            }
        }
        if events.iter().any(|event| event["is_dead"] == true) {
            break events;
        }
        assert!(begun.elapsed() < PATIENCE, "{events:?}");
        sleep(Duration::from_millis(50)).await;
    };
    let names: Vec<_> = listed
        .iter()
        .map(|event| (event["object_name"].as_str(), event["is_dead"] == true))
        .collect();
    assert_eq!(names, [(Some("t1/old"), true), (Some("new"), false)]);
    assert_eq!(
        (&listed[0]["event_id"], &listed[0]["type"]),
        (&given_up.to_string().into(), &"draft.confirmed".into())
    );

    let again = json!({"webhook": "erp", "event_ids": [given_up.to_string()]});
    let refused = call("redeliver-events", again.clone()).await.expect("answered");
    assert_eq!(refused["outcomes"][0]["result"], "REDELIVERY_RESULT_NOT_ACKNOWLEDGED");
    sink.answer(&[Answer::Ok]);
    let sent = call("redeliver-events", again).await.expect("answered");
    assert_eq!(sent["outcomes"][0]["result"], "REDELIVERY_RESULT_DELIVERED");
    assert!(sink.received().iter().any(|(id, _)| *id == given_up.to_string()));
    let twice = json!({"webhook": "erp", "event_ids": [given_up.to_string(), given_up.to_string()]});
    let twice = call("redeliver-events", twice).await;
    assert_eq!(twice.expect_err("invalid").fields, ["event_ids[1]"]);
    let invalid = call("redeliver-events", json!({"webhook": "none", "event_ids": ["x"]})).await;
    assert_eq!(invalid.expect_err("invalid").fields, ["event_ids[0]"]);
    let unknown = json!({"webhook": "none", "event_ids": [given_up.to_string()]});
    for (path, request) in [
        ("redeliver-events", unknown),
        ("list-undelivered-events", json!({"webhook": "none"})),
    ] {
        let unknown = call(path, request).await.expect_err("no such webhook");
        unknown.assert(404, Code::NotFound, "WEBHOOK_NOT_FOUND");
    }

    let metrics = http
        .get(format!("http://{}/metrics", server.admin))
        .send()
        .await
        .expect("metrics");
    let metrics = metrics.text().await.expect("a text");
    assert!(
        metrics.contains("draftstore_event_deliveries_total{outcome=\"given_up\"} 1"),
        "{metrics}"
    );
    let (_, log) = block_in_place(|| server.stop());
    assert_redeliveries_are_audited(&log, &given_up);
    let line = log
        .lines()
        .find(|line| line.contains("GIVEN_UP"))
        .expect("an audit line");
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(
        (&line["rpc"], &line["caller"], &line["event_id"], &line["object_name"]),
        (
            &"DeliverEvent".into(),
            &"erp".into(),
            &given_up.to_string().into(),
            &"old".into()
        )
    );
}

#[test]
fn invalid_webhooks_are_refused_with_their_place() {
    let (_, entry) = new_key("shop");
    let text = format!(
        "{entry}scopes = ['upload', 'confirm']\n[[webhooks]]\nname = \"a b\"\nurl = \"http://example.com\"\nsecrets = [\"hush\"]\n\
         events = [\"draft.nothing\"]\nconcurrency = 0\ntenants = []\n\
         [[webhooks]]\nname = \"b\"\nurl = \"https://10.0.0.1/\"\nsecrets = []\nevents = []\n\
         private_hosts = [\"169.254.169.254\"]\n"
    );
    let policy = Policy::new(&text);
    let mut command = crate::server::command();
    let refused = command
        .env("AUTH", "api-key")
        .env("POLICY_FILE", policy.path())
        .output()
        .expect("runs");
    assert_eq!(refused.status.code(), Some(64));
    let log = String::from_utf8_lossy(&refused.stderr).into_owned();
    for rule in [
        "webhooks[0].name: a name must have",
        "webhooks[0].url: must be an https URL",
        "webhooks[0].secrets: a secret must be whsec_",
        "webhooks[0].events[0]: must be one of draft.uploaded, draft.accepted, draft.rejected, draft.confirmed, draft.discarded, draft.expired, object.deleted",
        "webhooks[0].concurrency: must be 1 to 256",
        "webhooks[0].tenants: must name a tenant",
        "webhooks[1].private_hosts",
        "webhooks[1].url: must have a public address",
        "webhooks[1].secrets: there must be one secret, or two",
        "webhooks[1].events: must name at least one kind",
    ] {
        assert!(log.contains(rule), "{rule} in {log}");
    }
    assert!(!log.contains("hush"), "{log}");

    let policy = Policy::new(&format!("{entry}scopes = ['upload']\n[webhooks]\nname = \"a\"\n"));
    let refused = crate::server::command()
        .env("AUTH", "api-key")
        .env("POLICY_FILE", policy.path())
        .output()
        .expect("runs");
    let log = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(64), "{log}");
    assert!(log.contains("webhooks: must be a list: write [[webhooks]]"), "{log}");
}
