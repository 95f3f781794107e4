use draftstore_auth::Unauthenticated;
use draftstore_service::Scope;
use draftstore_service::caller::{Scopes, Tenant};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use crate::fixture::{Fixture, KEYS, NOW, SECRET, Unsigned, at, by_token, by_token_at, signer};

/// A change to a valid token.
type Change = fn(&mut Unsigned);

fn set(scopes: &[Scope]) -> Scopes {
    scopes.iter().copied().collect()
}

#[tokio::test]
async fn caller_has_the_name_and_rights_of_the_claims() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
    let caller = by_token(&authenticator, &Unsigned::good().sign()).expect("taken");
    assert_eq!(caller.name, "login:ada");
    assert_eq!(caller.scopes, set(&[Scope::Upload]), "cut to what the issuer may give");
    assert_eq!(caller.tenant.as_ref().map(Tenant::as_str), Some("users/ada"));
    assert_eq!(caller.profile.max_object_bytes, Some(1000));
}

#[tokio::test]
async fn every_kind_of_key_is_accepted() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
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
async fn valid_variants_of_a_token_are_accepted() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
    let variants: [(&str, Change); 9] = [
        ("several audiences", |token| {
            token.claims["aud"] = json!(["other", "drafts"]);
        }),
        ("no typ", |token| token.header = json!({"alg": "RS256", "kid": "first"})),
        ("typ of access tokens", |token| {
            token.header["typ"] = "application/at+JWT".into();
        }),
        ("no kid", |token| token.header = json!({"alg": "RS256"})),
        ("a jku, which is ignored", |token| {
            token.header["jku"] = "https://evil.example.com/keys".into();
        }),
        ("a fraction of a second", |token| {
            token.claims["exp"] = json!(600.5 + 1.8e9);
        }),
        ("nbf in the past", |token| token.claims["nbf"] = NOW.into()),
        ("nbf a moment ahead", |token| token.claims["nbf"] = (NOW + 30).into()),
        ("exp a moment ago", |token| token.claims["exp"] = (NOW - 29).into()),
    ];
    for (what, change) in variants {
        let token = Unsigned::good().with(change).sign();
        assert!(by_token(&authenticator, &token).is_ok(), "{what}");
    }
}

#[tokio::test]
async fn token_without_valid_scopes_has_none() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
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
async fn token_is_valid_until_it_expires() {
    let fixture = Fixture::with_issuers();
    let authenticator = fixture.by_jwt().await;
    let token = Unsigned::good().sign();
    let leeway = 30;
    let end = NOW + 600 + leeway;
    by_token_at(&authenticator, &token, at(end - 1)).expect("taken");
    by_token_at(&authenticator, &token, at(end)).expect_err("refused");
}

const ISSUER: &str = "
    [issuers.login]
    issuer = 'https://login.example.com/'
    audience = 'draftstore'
    algorithms = ['RS256', 'Ed25519']
    jwks_file = 'keys.json'
    scopes = ['upload', 'inspect']
    ";

#[tokio::test]
async fn algorithm_of_ed25519_has_two_names() {
    for algorithms in ["EdDSA", "Ed25519"] {
        let policy = ISSUER.replace("'RS256', 'Ed25519'", &format!("'{algorithms}'"));
        let authenticator = Fixture::with_keys(&policy).by_jwt().await;
        for name in ["EdDSA", "Ed25519"] {
            let token = Unsigned::good().with(|token| {
                token.header = json!({"alg": name, "kid": "ed"});
                token.key = signer(&KEYS.ed);
                token.algorithm = Algorithm::EdDSA;
            });
            by_token(&authenticator, &token.sign()).unwrap_or_else(|_| panic!("{name} by {algorithms}"));
        }
    }
}

#[tokio::test]
async fn token_may_be_as_large_as_the_head_of_a_request() {
    let authenticator = Fixture::with_keys(ISSUER).by_jwt().await;
    for (padding, accepted) in [(10, true), (8_000, true), (23_000, true), (26_000, false)] {
        let token = Unsigned::good().with(|token| token.claims["groups"] = "g".repeat(padding).into());
        assert_eq!(by_token(&authenticator, &token.sign()).is_ok(), accepted, "{padding}");
    }
}

#[tokio::test]
async fn scopes_have_a_prefix_and_a_default() {
    let scopes = |more: &'static str, change: Change| async move {
        let authenticator = Fixture::with_keys(&format!("{ISSUER}{more}")).by_jwt().await;
        let token = Unsigned::good().with(change).sign();
        by_token(&authenticator, &token).map(|caller| caller.scopes)
    };
    let (prefix, default) = (
        "scope_prefix = 'draftstore/'",
        "default_scopes = ['inspect', 'confirm']",
    );
    let nested = "scopes_claim = 'resource_access.my.client.roles'";
    for (more, change, expected) in [
        (prefix, (|_| {}) as Change, Ok(set(&[]))),
        (
            prefix,
            |token| token.claims["scope"] = "draftstore/upload inspect".into(),
            Ok(set(&[Scope::Upload])),
        ),
        (default, |_| {}, Ok(set(&[Scope::Upload]))),
        (default, |token| token.claims["scope"] = "".into(), Ok(set(&[]))),
        (
            default,
            |token| token.claims["scp"] = token.claims["scope"].take(),
            Ok(set(&[Scope::Inspect])),
        ),
        (nested, |_| {}, Ok(set(&[]))),
        (
            nested,
            |token| token.claims["resource_access"] = json!({"my.client": {"roles": ["inspect", "other"]}}),
            Ok(set(&[Scope::Inspect])),
        ),
        (
            nested,
            |token| token.claims["resource_access"] = "my.client.roles".into(),
            Ok(set(&[])),
        ),
        (
            nested,
            |token| token.claims["resource_access"] = json!({"my.client": {"roles": {"inspect": true}}}),
            Err(Unauthenticated::Invalid),
        ),
    ] {
        assert_eq!(scopes(more, change).await, expected, "{more}");
    }
}

#[tokio::test]
async fn expired_token_is_told_from_an_invalid_one() {
    let authenticator = Fixture::with_keys(ISSUER).by_jwt().await;
    let late = at(NOW + 631);
    let good = Unsigned::good();
    assert_eq!(
        by_token_at(&authenticator, &good.sign(), late).err(),
        Some(Unauthenticated::TokenExpired)
    );
    for change in [
        (|token| token.key = signer(&KEYS.other_rsa)) as Change,
        |token| token.claims["aud"] = "other".into(),
        |token| token.claims["exp"] = json!(null),
    ] {
        let rejected = Unsigned::good().with(change).sign();
        assert_eq!(
            by_token_at(&authenticator, &rejected, late).err(),
            Some(Unauthenticated::Invalid)
        );
    }
}
