use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tonic::Code;

use super::ground::{Policy, bearer, upload_url};
use super::issuer::Issuer;
use crate::front::{FRONTS, Front, upload};

const SECRET: &str = "a secret of at least 32 bytes, shared";

const POLICY: &str = "
    [issuers.login]
    issuer = 'https://login.example.com/'
    audience = 'draftstore'
    algorithms = ['HS256']
    secret_file = 'secret'
    scopes = ['upload', 'confirm']
";

fn claims() -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    json!({
        "iss": "https://login.example.com/",
        "aud": "draftstore",
        "exp": now + 600,
        "sub": "ada",
        "scope": "openid upload",
    })
}

fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (claim, value) in changes.as_object().expect("an object") {
        claims[claim] = value.clone();
    }
    claims
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key).expect("signed")
}

#[tokio::test(flavor = "multi_thread")]
async fn token_allows_its_scopes_only() {
    let policy = Policy::new(POLICY);
    policy.write("secret", SECRET);
    let server = policy.server("jwt", &[("RUST_LOG", "trace")]);
    let good = signed(&claims(), SECRET);
    let authorization = bearer(&good);
    let headers = [("authorization", authorization.as_str())];
    for front in FRONTS {
        let request = json!({ "object_name": front.name("a") });
        let issued = front.call_with(&headers, &server, "upload-url", request.clone()).await;
        assert_eq!(upload(&issued.expect("issued"), "x").await, 200);
        let refused = front.call_with(&headers, &server, "confirm-upload", request).await;
        refused
            .expect_err("refused")
            .assert(403, Code::PermissionDenied, "PERMISSION_DENIED");
    }
    let unsigned = {
        let (signed, _) = good.rsplit_once('.').expect("a signature");
        let (_, payload) = signed.split_once('.').expect("two parts");
        format!("eyJhbGciOiJub25lIn0.{payload}.")
    };
    let refused = [
        unsigned,
        good[..good.len() - 5].to_owned(),
        format!("{good}.{good}"),
        signed(&claims(), "another secret of at least 32 bytes, too"),
        signed(&with(&json!({"iss": "https://evil.example.com/"})), SECRET),
        signed(&with(&json!({"aud": "other"})), SECRET),
        signed(&with(&json!({"nbf": 99_999_999_999_u64})), SECRET),
        signed(&with(&json!({"sub": "a\nb"})), SECRET),
    ];
    let expired = signed(&with(&json!({"exp": 1_000_000_000})), SECRET);
    let longest = signed(&with(&json!({"padding": "x".repeat(23_000)})), SECRET);
    for front in FRONTS {
        for (place, token) in refused.iter().enumerate() {
            let answer = upload_url(front, &server, token).await;
            let failure = answer.expect_err(&format!("{front:?}, {place}"));
            failure.assert(401, Code::Unauthenticated, "UNAUTHENTICATED");
        }
        let failure = upload_url(front, &server, &expired).await.expect_err("expired");
        failure.assert(401, Code::Unauthenticated, "TOKEN_EXPIRED");
        upload_url(front, &server, &longest)
            .await
            .expect("as long as a head allows");
    }
    let (_, log) = server.stop();
    assert!(log.contains("token rejected"), "the test has to see why: {log}");
    for token in refused.iter().chain([&good, &SECRET.to_owned()]) {
        let (_, secret) = token.rsplit_once('.').unwrap_or(("", token));
        assert!(secret.is_empty() || !log.contains(secret), "a token is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_fetched_from_a_url() {
    let issuer = Issuer::start("localhost").await;
    let untrusted = Issuer::start("localhost").await;
    let at = |(name, url): (&str, String)| {
        format!(
            "[issuers.{name}]\nissuer = 'urn:{name}'\naudience = 'draftstore'\nalgorithms = ['ES256']\n\
             jwks_url = '{url}'\nscopes = ['upload']\n"
        )
    };
    let text: String = [
        ("good", issuer.url("keys")),
        ("moved", issuer.url("moved")),
        ("large", issuer.url("large")),
        ("many", issuer.url("many")),
        ("page", issuer.url("page")),
        ("missing", issuer.url("missing")),
        ("other-name", issuer.url("keys").replace("localhost", "127.0.0.1")),
        ("untrusted", untrusted.url("keys")),
    ]
    .map(at)
    .concat();
    let policy = Policy::new(&text);
    policy.write("authority.pem", issuer.authority());
    let authority = policy.directory().join("authority.pem");
    let authority = authority.to_str().expect("UTF-8");
    let server = policy.server("jwt", &[("SSL_CERT_FILE", authority)]);
    let token = |name: &str| issuer.sign(&with(&json!({"iss": format!("urn:{name}")})), "first");
    for front in FRONTS {
        upload_url(front, &server, &token("good")).await.expect("taken");
        for name in ["moved", "large", "many", "page", "missing", "other-name"] {
            let refused = upload_url(front, &server, &token(name)).await;
            refused
                .expect_err(name)
                .assert(401, Code::Unauthenticated, "UNAUTHENTICATED");
        }
        let claims = with(&json!({"iss": "urn:untrusted"}));
        let refused = upload_url(front, &server, &untrusted.sign(&claims, "first")).await;
        refused.expect_err("its certificate is nobody's");
    }

    // The server connects from this machine on its own schedule, not when a client invents a key ID.
    let before = issuer.requests("keys");
    for _ in 0..20 {
        let unknown = issuer.sign(&with(&json!({"iss": "urn:good"})), "second");
        upload_url(Front::Rest, &server, &unknown).await.expect_err("unknown");
    }
    assert!(issuer.requests("keys") <= before + 1, "one of them may have been due");
    let (_, log) = server.stop();
    assert!(log.contains("issuer keys not fetched"), "{log}");
}
