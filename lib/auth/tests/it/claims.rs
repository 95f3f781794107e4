use draftstore_service::Scope;
use draftstore_service::caller::{Scopes, Tenant};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use crate::ground::{Ground, KEYS, NOW, SECRET, Unsigned, at, by_token, by_token_at, signer};

/// What is said otherwise.
type Change = fn(&mut Unsigned);

fn set(scopes: &[Scope]) -> Scopes {
    scopes.iter().copied().collect()
}

#[tokio::test]
async fn claims_make_a_caller() {
    let ground = Ground::with_issuers();
    let authenticator = ground.by_jwt().await;
    let caller = by_token(&authenticator, &Unsigned::good().sign()).expect("taken");
    assert_eq!(caller.name, "login:ada");
    assert_eq!(caller.scopes, set(&[Scope::Upload]), "cut to what the issuer may give");
    assert_eq!(caller.tenant.as_ref().map(Tenant::as_str), Some("users/ada"));
    assert_eq!(caller.profile.max_object_bytes, Some(1000));
}

#[tokio::test]
async fn every_kind_of_key_is_taken() {
    let ground = Ground::with_issuers();
    let authenticator = ground.by_jwt().await;
    let shared = Unsigned::good().with(|token| {
        token.header = json!({"alg": "HS256"});
        token.claims["iss"] = "urn:shared".into();
        token.claims["scp"] = json!(["confirm", "download"]);
        token.key = EncodingKey::from_secret(SECRET);
        token.algorithm = Algorithm::HS256;
    });
    let caller = by_token(&authenticator, &shared.sign()).expect("taken");
    assert_eq!(
        (caller.name.as_str(), caller.scopes),
        ("shared:ada", set(&[Scope::Confirm]))
    );
    assert_eq!(caller.tenant.as_ref().map(Tenant::as_str), Some("shared"));

    let pem = Unsigned::good().with(|token| {
        token.header = json!({"alg": "ES256", "kid": "whatever"});
        token.claims["iss"] = "urn:pem".into();
        token.claims["scope"] = "download".into();
        token.key = signer(&KEYS.ec);
        token.algorithm = Algorithm::ES256;
    });
    let caller = by_token(&authenticator, &pem.sign()).expect("taken");
    assert_eq!((caller.name.as_str(), &caller.tenant), ("pem:ada", &None));

    let ed = Unsigned::good().with(|token| {
        token.header = json!({"alg": "EdDSA"});
        token.key = signer(&KEYS.ed);
        token.algorithm = Algorithm::EdDSA;
    });
    by_token(&authenticator, &ed.sign()).expect("the only key for the algorithm needs no name");
}

#[tokio::test]
async fn tokens_may_say_the_same_in_several_ways() {
    let ground = Ground::with_issuers();
    let authenticator = ground.by_jwt().await;
    let ways: [(&str, Change); 9] = [
        ("several audiences", |token| {
            token.claims["aud"] = json!(["other", "drafts"]);
        }),
        ("no typ", |token| token.header = json!({"alg": "RS256", "kid": "first"})),
        ("typ of access tokens", |token| {
            token.header["typ"] = "application/at+JWT".into();
        }),
        ("no kid", |token| token.header = json!({"alg": "RS256"})),
        ("a key of its own, which is not looked at", |token| {
            token.header["jku"] = "https://evil.example.com/keys".into();
        }),
        ("a fraction of a second", |token| {
            token.claims["exp"] = json!(600.5 + 1.8e9);
        }),
        ("nbf in the past", |token| token.claims["nbf"] = NOW.into()),
        ("nbf a moment ahead", |token| token.claims["nbf"] = (NOW + 30).into()),
        ("exp a moment ago", |token| token.claims["exp"] = (NOW - 29).into()),
    ];
    for (what, change) in ways {
        let token = Unsigned::good().with(change).sign();
        assert!(by_token(&authenticator, &token).is_ok(), "{what}");
    }
}

#[tokio::test]
async fn scopes_are_none_where_none_are_claimed() {
    let ground = Ground::with_issuers();
    let authenticator = ground.by_jwt().await;
    for scope in [
        json!(""),
        json!([]),
        json!("Upload upload,inspect"),
        json!("admin discard"),
    ] {
        let token = Unsigned::good().with(|token| token.claims["scope"] = scope.clone());
        let caller = by_token(&authenticator, &token.sign()).expect("taken");
        assert_eq!(caller.scopes, Scopes::NONE, "{scope}");
    }
}

#[tokio::test]
async fn tokens_end_when_they_say() {
    let ground = Ground::with_issuers();
    let authenticator = ground.by_jwt().await;
    let token = Unsigned::good().sign();
    let leeway = 30;
    let end = NOW + 600 + leeway;
    by_token_at(&authenticator, &token, at(end - 1)).expect("taken");
    by_token_at(&authenticator, &token, at(end)).expect_err("refused");
}
