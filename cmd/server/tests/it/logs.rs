//! Tests that the log has no secrets, at the finest level.

use draftstore_testing::http_client;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::callers::ground::{Policy, bearer, new_key};
use crate::front::{FRONTS, Front, download, upload, upload_form};
use crate::server::{Server, command};

/// Texts that no line may contain.
const MARKERS: [&str; 6] = [
    "dst_",
    "dsk_",
    "X-Amz-Signature",
    "X-Amz-Credential",
    "Signature=",
    "AWS4-HMAC-SHA256",
];

#[tokio::test(flavor = "multi_thread")]
async fn trace_log_has_no_secrets() {
    let ticket_key = command().args(["key", "ticket"]).output().expect("runs").stdout;
    let ticket_key = String::from_utf8(ticket_key).expect("UTF-8");
    let (key, caller) = new_key("backend");
    let policy = Policy::new(&format!(
        "{caller}scopes = ['upload', 'download', 'inspect', 'confirm']\n{ISSUER}"
    ));
    policy.write("ticket-keys", &ticket_key);
    policy.write("shared-secret", SHARED_SECRET);
    let ticket_keys = policy.directory().join("ticket-keys");
    let server = policy.server(
        "api-key,jwt",
        &[
            ("RUST_LOG", "trace"),
            ("AUDIT_LOG", "stderr"),
            ("CLEANUP_SCHEDULE", "* * * * * *"),
            ("TICKET_KEYS_FILE", ticket_keys.to_str().expect("UTF-8")),
        ],
    );

    let token = token();
    let mut secrets = kept(&server);
    let (_, ticket_key) = ticket_key.trim().split_once(':').expect("an ID and a key");
    secrets.extend([ticket_key, SHARED_SECRET, &key, &token].map(ToOwned::to_owned));
    secrets.extend(token.split('.').skip(1).map(ToOwned::to_owned));
    for front in FRONTS {
        for credentials in [&key, &token] {
            secrets.extend(uses(&server, front, credentials).await);
        }
        secrets.extend(tickets(&server, front, &key).await);
    }
    secrets.push(upload_id(&server, &key).await);
    refused(&server, &key, &token).await;

    let (_, log) = server.stop();
    assert!(log.contains("response sent"), "the test has to see a log at trace");
    for secret in secrets.iter().map(String::as_str).chain(MARKERS) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a secret is in the log");
    }
}

const SHARED_SECRET: &str = "a secret that issuer and server share, long enough";

const ISSUER: &str = "
[issuers.idp]
issuer = 'https://idp.example.com/'
audience = 'draftstore'
algorithms = ['HS256']
secret_file = 'shared-secret'
scopes = ['upload', 'download', 'inspect', 'confirm']
";

fn token() -> String {
    let claims = json!({
        "iss": "https://idp.example.com/", "aud": "draftstore", "sub": "somebody", "exp": 4_000_000_000_u64,
        "scope": "upload download inspect confirm",
    });
    let key = EncodingKey::from_secret(SHARED_SECRET.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).expect("signed")
}

/// Returns the secrets of the store's two key pairs.
fn kept(server: &Server) -> Vec<String> {
    let secret = |file| {
        let kept = std::fs::read_to_string(server.data_dir().join(file)).expect("kept credentials");
        let kept: Value = serde_json::from_str(&kept).expect("JSON");
        kept["secret_access_key"].as_str().expect("a secret").to_owned()
    };
    ["credentials.json", "signer.json"].map(secret).to_vec()
}

/// Uploads and confirms a draft with these credentials, and returns everything that was signed.
async fn uses(server: &Server, front: Front, credentials: &str) -> Vec<String> {
    let authorization = bearer(credentials);
    let headers = [("authorization", authorization.as_str())];
    let name = front.name(&format!("a b {}.txt", credentials.len()));
    let request = json!({"object_name": name, "metadata": {"a": "b"}});
    let issued = front.call_with(&headers, server, "upload-url", request).await;
    let issued = issued.expect("issued");
    assert_eq!(upload(&issued, "x").await, 200);
    let request = json!({ "object_name": name });
    let read = front.call_with(&headers, server, "download-url", request.clone()).await;
    let read = read.expect("issued");
    assert_eq!(download(&read).await.status(), 200);
    let kept = front.call_with(&headers, server, "confirm-upload", request).await;
    kept.expect("confirmed");
    let none = json!({"object_name": "none"});
    let none = front.call_with(&headers, server, "confirm-upload", none).await;
    none.expect_err("none");
    let request = json!({"object_name": name, "max_content_length": 1});
    let form = front.call_with(&headers, server, "upload-url", request).await;
    let form = form.expect("issued");
    assert_eq!(upload_form(&form, b"x").await, 201);

    let fields = ["x-amz-signature", "policy"].map(|field| form["fields"][field].as_str().expect("a field"));
    let signature = |url: &Value| {
        let (_, signature) = url.as_str()?.split_once("X-Amz-Signature=")?;
        Some(signature.split('&').next()?.to_owned())
    };
    let urls = [&issued["upload_url"], &read["download_url"]].map(|url| signature(url).expect("a signature"));
    fields.map(ToOwned::to_owned).into_iter().chain(urls).collect()
}

/// Returns an upload ID, which is as sensitive as a URL.
async fn upload_id(server: &Server, key: &str) -> String {
    let uppy = format!("http://{}/uppy/s3", server.http);
    let client = http_client();
    let create = client.post(format!("{uppy}/multipart")).json(&json!({"filename": "a"}));
    let created: Value = create
        .bearer_auth(key)
        .send()
        .await
        .expect("begun")
        .json()
        .await
        .expect("JSON");
    let text = |name: &str| created[name].as_str().expect("text").to_owned();
    let (id, draft) = (text("uploadId"), text("key"));
    for path in ["", "/1", "/1/2"] {
        let get = client.get(format!("{uppy}/multipart/{id}{path}?key={draft}"));
        let answer = get.bearer_auth(key).send().await.expect("an answer");
        assert_eq!(answer.status().is_success(), path != "/1/2");
    }
    id
}

/// Sends valid and invalid tickets, in the right and in wrong places, and returns their parts.
async fn tickets(server: &Server, front: Front, key: &str) -> Vec<String> {
    let authorization = bearer(key);
    let minted = front
        .call_with(&[("authorization", &authorization)], server, "tickets", json!({}))
        .await
        .expect("minted");
    let ticket = minted["ticket"].as_str().expect("a ticket").to_owned();
    let (http, wrong) = (format!("http://{}", server.http), format!("{ticket}x"));
    let call = "api/v1/upload-url";
    for (url, bearer) in [
        (format!("{http}/{call}"), Some(&ticket)),
        (format!("{http}/{call}"), Some(&wrong)),
        (format!("{http}/t/{ticket}/{call}"), None),
        (format!("{http}/t/{wrong}/{call}"), None),
        (format!("{http}/t/{ticket}/{call}"), Some(&ticket)),
        (format!("{http}/t/{ticket}/t/{ticket}/{call}"), None),
        (format!("{http}/t/{ticket}/uppy/nowhere"), None),
        (format!("{http}//t/{ticket}/{call}"), None),
        (format!("{http}/{call}/{ticket}"), None),
        (format!("http://{}/t/{ticket}/{call}", server.grpc), None),
    ] {
        let mut post = http_client().post(url).json(&json!({"object_name": "t"}));
        if let Some(bearer) = bearer {
            post = post.bearer_auth(bearer);
        }
        assert_ne!(post.send().await.expect("an answer").status(), 500);
    }
    let (signed, mac) = ticket.rsplit_once('.').expect("a signature");
    vec![signed.to_owned(), mac.to_owned()]
}

/// Invalid credentials are as secret as valid ones, because most of them are misspelt.
async fn refused(server: &Server, key: &str, token: &str) {
    for front in FRONTS {
        for wrong in [format!("{key}x"), format!("{token}x"), format!("{key} {token}")] {
            let authorization = bearer(&wrong);
            let request = json!({"object_name": "a"});
            let headers = [("authorization", authorization.as_str())];
            let asked = front.call_with(&headers, server, "upload-url", request).await;
            asked.expect_err("refused");
        }
    }
}
