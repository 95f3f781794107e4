//! Tests of credentials: each is accepted, or refused with 401 without a hint for guessing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use draftstore_proto::v1::draft_service_client::DraftServiceClient;
use draftstore_testing::http_client;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use super::corpus::{Case, Corpus};
use super::ground::{assert_answered, each, stop};
use crate::callers::ground::{Policy, new_key};
use crate::front::{self, FRONTS, Failure, Front};
use crate::server::Server;

const SECRET: &[u8] = b"a secret of at least 32 bytes, shared";
const ANOTHER: &[u8] = b"another secret of at least 32 bytes, too";

/// The public key of an issuer whose private key does not exist.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEh1lb1PMDyt7hzoklQlz5bwVI+TO2
kdNMI5ifu51DBL5jFKkZ3+a88uUzAvoS4nMHnd0OSFaM8HAdQzm7b8XlNQ==
-----END PUBLIC KEY-----
";

const ISSUERS: &str = "
[issuers.login]
issuer = 'https://login.example.com/'
audience = 'draftstore'
algorithms = ['HS256']
secret_file = 'secret'
scopes = ['upload']
[issuers.keys]
issuer = 'https://keys.example.com/'
audience = 'draftstore'
algorithms = ['ES256']
pem_file = 'public.pem'
scopes = ['upload']
";

/// The ID of the ticket key.
const KEY_ID: &str = "00000001";

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
const CLAIMS: &str =
    r#"{"iss":"https://login.example.com/","aud":"draftstore","exp":9999999999,"sub":"ada","scope":"upload"}"#;
const PAYLOAD: &str = r#"{"i":"AAAAAAAAAAAA","m":"ada","e":9999999999}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_accepted_or_refused_alike() {
    let corpus = Corpus::read(super::tokens::TOKENS);
    let (key, known) = new_key("shop");
    let policy = Policy::new(&format!("{known}scopes = ['upload']\n{ISSUERS}"));
    policy.write("secret", SECRET);
    policy.write("public.pem", PUBLIC_KEY);
    let ticket_key = format!("{KEY_ID}:{}\n", STANDARD.encode(SECRET));
    policy.write("tickets", ticket_key);
    let ticket_keys = policy.directory().join("tickets");
    let ticket_keys = ticket_keys.to_str().expect("UTF-8");
    let server = policy.server(
        "api-key,jwt",
        &[("TICKET_KEYS_FILE", ticket_keys), ("RUST_LOG", "debug")],
    );
    let endpoint = Channel::from_shared(format!("http://{}", server.grpc)).expect("a URL");
    let channel = endpoint.connect().await.expect("connects");
    let client = http_client();
    let cases = corpus.cases.iter().filter(|case| case.put.starts_with("bearer "));
    each(cases, async |case| {
        let sent = [b"Bearer ", credential(case, &key).as_slice()].concat();
        for front in FRONTS {
            let seen = match front {
                Front::Rest => by_rest(&client, &server, &sent).await,
                Front::Grpc => by_grpc(channel.clone(), &sent).await,
            };
            if let Err(failure) = &seen {
                assert!(!failure.retry, "line {}: {failure:?}", case.line);
            }
            assert_answered(corpus.answer(case), seen, front, case);
        }
    })
    .await;
    stop(server);
}

async fn by_rest(client: &reqwest::Client, server: &Server, sent: &[u8]) -> Result<Value, Failure> {
    let value = HeaderValue::from_bytes(sent).expect("a header's value");
    let post = client.post(format!("http://{}/api/v1/upload-url", server.http));
    let post = post.header("authorization", value).json(&json!({"object_name": "a"}));
    front::rest_answer(post.send().await.expect("an answer")).await
}

async fn by_grpc(channel: Channel, sent: &[u8]) -> Result<Value, Failure> {
    let with_header = |mut request: Request<()>| {
        let value = MetadataValue::try_from(sent).expect("a header's value");
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    };
    let client = DraftServiceClient::with_interceptor(channel, with_header);
    front::grpc(client, "upload-url", json!({"object_name": "a"})).await
}

/// Returns the credentials of this case.
fn credential(case: &Case, key: &str) -> Vec<u8> {
    let good = |text: &str| {
        let text = text.replace("$key", key).replace("$jwt", &jwt(HEADER, CLAIMS, SECRET));
        text.replace("$ticket", &ticket(KEY_ID, PAYLOAD, SECRET))
    };
    let number = || case.text().parse::<usize>().expect("a number");
    let how = case.put.trim_start_matches("bearer ");
    let made = match (how, how.split_once(' ')) {
        ("text", _) => return replaced(&case.input, &good),
        ("header", _) => jwt(&case.input, CLAIMS, SECRET),
        ("claims", _) => jwt(HEADER, &case.input, SECRET),
        ("claims by another", _) => jwt(HEADER, &case.input, ANOTHER),
        ("claims by the public key", _) => jwt(HEADER, &case.input, PUBLIC_KEY),
        ("claims unsigned", _) => {
            let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
            format!("{none}.{}.", URL_SAFE_NO_PAD.encode(&case.input))
        }
        ("payload", _) => ticket(KEY_ID, &case.input, SECRET),
        ("payload by another", _) => ticket(KEY_ID, &case.input, ANOTHER),
        ("payload of no key", _) => ticket("00000002", &case.input, SECRET),
        (_, Some(("flip", what))) => {
            let mut bytes = good(what).into_bytes();
            let place = number() % bytes.len();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            return bytes;
        }
        (_, Some(("cut", what))) => good(what)[..number()].to_owned(),
        (other, _) => panic!("no way {other}"),
    };
    made.into_bytes()
}

/// Replaces placeholders in an input that may contain invalid UTF-8.
fn replaced(input: &[u8], good: &impl Fn(&str) -> String) -> Vec<u8> {
    let chunks = input.utf8_chunks();
    chunks
        .flat_map(|chunk| [good(chunk.valid()).into_bytes(), chunk.invalid().to_vec()].concat())
        .collect()
}

fn jwt(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, secret: impl AsRef<[u8]>) -> String {
    signed(
        &format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)),
        secret.as_ref(),
    )
}

fn ticket(key_id: &str, payload: impl AsRef<[u8]>, secret: &[u8]) -> String {
    signed(&format!("dst_{key_id}.{}", URL_SAFE_NO_PAD.encode(payload)), secret)
}

/// Signs with HMAC-SHA-256, as both tokens and tickets do.
fn signed(text: &str, secret: &[u8]) -> String {
    let key = EncodingKey::from_secret(secret);
    let signature = sign(text.as_bytes(), &key, Algorithm::HS256).expect("signed");
    format!("{text}.{signature}")
}
