//! Invalid tokens, each of which differs from a valid one in one thing.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use draftstore_auth::Unauthenticated;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use crate::fixture::{Fixture, KEYS, NOW, SECRET, Unsigned, by_token, jwk, sign, signer};

/// A change that makes a valid token invalid.
type Change = fn(&mut Unsigned);

const CHANGED: [(&str, Change); 56] = [
    // The signature, and what it is by.
    ("alg none", |token| token.header["alg"] = "none".into()),
    ("alg None", |token| token.header["alg"] = "None".into()),
    ("alg in lower case", |token| token.header["alg"] = "rs256".into()),
    ("no alg", |token| token.header = json!({"kid": "first"})),
    ("alg not a text", |token| token.header["alg"] = json!(["RS256"])),
    ("alg null", |token| token.header["alg"] = Value::Null),
    ("alg that the issuer does not use", |token| {
        token.header["alg"] = "RS512".into();
        token.algorithm = Algorithm::RS512;
    }),
    ("alg that the key is not for", |token| {
        token.header["alg"] = "PS256".into();
        token.algorithm = Algorithm::PS256;
    }),
    ("alg of another signature", |token| token.algorithm = Algorithm::RS384),
    ("somebody else's key", |token| token.key = signer(&KEYS.other_rsa)),
    ("HS256 by the public key in PEM", |token| {
        token.header["alg"] = "HS256".into();
        token.key = EncodingKey::from_secret(KEYS.rsa.public_key_pem().as_bytes());
        token.algorithm = Algorithm::HS256;
    }),
    ("HS256 by the public key in DER", |token| {
        token.header["alg"] = "HS256".into();
        token.key = EncodingKey::from_secret(KEYS.rsa.public_key_raw());
        token.algorithm = Algorithm::HS256;
    }),
    ("HS256 by the modulus", |token| {
        let modulus = jwk(&KEYS.rsa, Algorithm::RS256, "x")["n"]
            .as_str()
            .expect("text")
            .to_owned();
        token.header["alg"] = "HS256".into();
        token.key = EncodingKey::from_secret(modulus.as_bytes());
        token.algorithm = Algorithm::HS256;
    }),
    ("HS256 by a secret in the set", |token| {
        token.header = json!({"alg": "HS256", "kid": "secret"});
        token.key = EncodingKey::from_secret(SECRET);
        token.algorithm = Algorithm::HS256;
    }),
    ("HS256 by another issuer's secret", |token| {
        token.header["alg"] = "HS256".into();
        token.key = EncodingKey::from_secret(SECRET);
        token.algorithm = Algorithm::HS256;
    }),
    ("a shared secret's issuer, by RS256", |token| {
        token.claims["iss"] = "urn:shared".into();
    }),
    ("a shared secret's issuer, by an empty secret", |token| {
        token.header = json!({"alg": "HS256"});
        token.claims["iss"] = "urn:shared".into();
        token.key = EncodingKey::from_secret(b"");
        token.algorithm = Algorithm::HS256;
    }),
    ("a shared secret's issuer, by the secret with a line's end", |token| {
        token.header = json!({"alg": "HS256"});
        token.claims["iss"] = "urn:shared".into();
        token.key = EncodingKey::from_secret(&[SECRET, b"\n"].concat());
        token.algorithm = Algorithm::HS256;
    }),
    ("a PEM's issuer, by HS256 with the PEM", |token| {
        token.header = json!({"alg": "HS256"});
        token.claims["iss"] = "urn:pem".into();
        token.key = EncodingKey::from_secret(KEYS.ec.public_key_pem().as_bytes());
        token.algorithm = Algorithm::HS256;
    }),
    // The header.
    ("unknown kid", |token| token.header["kid"] = "second".into()),
    ("kid of another key", |token| token.header["kid"] = "ed".into()),
    ("kid of a key that is not understood", |token| {
        token.header["kid"] = "later".into();
    }),
    ("empty kid", |token| token.header["kid"] = "".into()),
    ("kid that is a path", |token| {
        token.header["kid"] = "../../../dev/null".into();
    }),
    ("kid not a text", |token| token.header["kid"] = json!(1)),
    ("kid null", |token| token.header["kid"] = Value::Null),
    ("its own key by jku", |token| {
        token.header["jku"] = "https://evil.example.com/keys".into();
        token.key = signer(&KEYS.other_rsa);
    }),
    ("its own key by x5u", |token| {
        token.header["x5u"] = "https://evil.example.com/certificate".into();
        token.key = signer(&KEYS.other_rsa);
    }),
    ("its own key by jwk", |token| {
        token.header["jwk"] = jwk(&KEYS.other_rsa, Algorithm::RS256, "first");
        token.key = signer(&KEYS.other_rsa);
    }),
    ("crit", |token| token.header["crit"] = json!(["exp"])),
    ("empty crit", |token| token.header["crit"] = json!([])),
    ("crit null", |token| token.header["crit"] = Value::Null),
    ("typ of a logout", |token| token.header["typ"] = "logout+jwt".into()),
    ("typ of a proof of possession", |token| {
        token.header["typ"] = "dpop+jwt".into();
    }),
    ("typ not a text", |token| token.header["typ"] = json!(1)),
    // The issuer and the audience.
    ("another issuer", |token| {
        token.claims["iss"] = "https://evil.example.com/".into();
    }),
    ("issuer but for a slash", |token| {
        token.claims["iss"] = "https://login.example.com".into();
    }),
    ("issuer not a text", |token| {
        token.claims["iss"] = json!(["https://login.example.com/"]);
    }),
    ("no issuer", |token| remove(token, "iss")),
    ("another audience", |token| token.claims["aud"] = "other".into()),
    ("audience but for its case", |token| {
        token.claims["aud"] = "DraftStore".into();
    }),
    ("no audience", |token| remove(token, "aud")),
    ("empty audience", |token| token.claims["aud"] = json!([])),
    ("audience not a text", |token| {
        token.claims["aud"] = json!({"draftstore": true});
    }),
    // The time.
    ("expired", |token| token.claims["exp"] = (NOW - 30).into()),
    ("no exp", |token| remove(token, "exp")),
    ("exp a text", |token| {
        token.claims["exp"] = (NOW + 600).to_string().into();
    }),
    ("exp in the past, and negative", |token| token.claims["exp"] = json!(-1)),
    ("not valid yet", |token| token.claims["nbf"] = (NOW + 31).into()),
    ("nbf a text", |token| token.claims["nbf"] = "0".into()),
    // The caller.
    ("no sub", |token| remove(token, "sub")),
    ("sub with a line's end", |token| {
        token.claims["sub"] = "ada\nlevel=error".into();
    }),
    ("sub that is another's tenant", |token| {
        token.claims["sub"] = "ada/photos".into();
    }),
    ("sub that leaves its tenant", |token| token.claims["sub"] = "..".into()),
    ("profile that is not for tokens", |token| {
        token.claims["plan"] = "staff".into();
    }),
    ("no profile", |token| remove(token, "plan")),
];

fn remove(token: &mut Unsigned, claim: &str) {
    token.claims.as_object_mut().expect("an object").remove(claim);
}

fn assert_refused(authenticator: &draftstore_auth::Authenticator, what: &str, token: &str) {
    let refused = by_token(authenticator, token);
    let expected = if what == "expired" || what.starts_with("exp in the past") {
        Unauthenticated::TokenExpired
    } else {
        Unauthenticated::Invalid
    };
    assert_eq!(refused.err(), Some(expected), "{what}");
}

#[tokio::test]
async fn tokens_with_one_thing_wrong_are_refused() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
    by_token(&authenticator, &Unsigned::good().sign()).expect("accepted without a change");
    for (what, change) in CHANGED {
        assert_refused(&authenticator, what, &Unsigned::good().with(change).sign());
    }
}

#[tokio::test]
async fn malformed_tokens_are_refused() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
    let unsigned = Unsigned::good();
    let good = unsigned.sign();
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("not three parts");
    };
    let json = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("UTF-8");
    let signed = |header: &str, claims: &str| {
        let parts = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        sign(&parts, &unsigned.key, unsigned.algorithm)
    };
    let (header_json, claims_json) = (json(header), json(payload));
    by_token(&authenticator, &signed(&header_json, &claims_json)).expect("accepted without a change");
    let twice = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
    let other_claims = URL_SAFE_NO_PAD.encode(claims_json.replace("ada", "eve"));
    for (what, token) in [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("no signature", format!("{header}.{payload}")),
        ("an empty signature", format!("{header}.{payload}.")),
        ("a fourth part", format!("{good}.{signature}")),
        ("five parts, as encrypted ones have", format!("{good}.a.b")),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("another payload", format!("{header}.{other_claims}.{signature}")),
        ("spaces", format!("{header}. {payload}.{signature}")),
        ("a line's end", format!("{good}\n")),
        ("padding", format!("{header}=.{payload}.{signature}")),
        ("padding of the signature", format!("{good}==")),
        ("the other base64", {
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
            format!("{header}.{payload}.{}", STANDARD.encode(signature))
        }),
        ("a header that is no JSON", signed("RS256", &claims_json)),
        ("a header that is a list", signed("[]", &claims_json)),
        ("claims that are no JSON", signed(&header_json, "ada")),
        ("claims that are a list", signed(&header_json, "[1]")),
        ("claims that are null", signed(&header_json, "null")),
        (
            "claims with something behind",
            signed(&header_json, &format!("{claims_json}{{}}")),
        ),
        ("claims that are not UTF-8", {
            let claims = [
                claims_json.as_bytes().strip_suffix(b"}").expect("an object"),
                b",\"x\":\"\xff\"}",
            ]
            .concat();
            let parts = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
            sign(&parts, &unsigned.key, unsigned.algorithm)
        }),
        ("claims without end", signed(&header_json, &"[".repeat(5000))),
        (
            "sub twice",
            signed(&header_json, &twice(&claims_json, r#""sub":"eve""#)),
        ),
        (
            "alg twice",
            signed(&twice(&header_json, r#""alg":"none""#), &claims_json),
        ),
        (
            "40 KB",
            signed(
                &header_json,
                &twice(&claims_json, &format!(r#""x":"{}""#, "x".repeat(30_000))),
            ),
        ),
        ("none, unsigned", {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
            format!("{header}.{payload}.")
        }),
        ("written as an API key", format!("dsk_{good}")),
        ("of letters that no token has", "é".repeat(50)),
    ] {
        assert_refused(&authenticator, what, &token);
    }
    for len in 0..good.len() {
        assert_refused(&authenticator, "truncated", &good[..len]);
    }
}

#[tokio::test]
async fn tokens_are_refused_unless_jwt_is_enabled() {
    let fixture = Fixture::with_issuers();
    fixture.write(
        "policy.toml",
        std::fs::read_to_string(fixture.path()).expect("read")
            + "[callers.a]\nscopes = ['upload']\ncertificates = ['dns:a']\n",
    );
    let methods = draftstore_auth::AuthMethods {
        mtls: true,
        ..draftstore_auth::AuthMethods::default()
    };
    let (authenticator, _) = fixture.open(methods).await.expect("a policy");
    assert_refused(&authenticator, "mtls alone", &Unsigned::good().sign());
}
