//! The issuers of `docs/operate/auth.md`: each policy accepts a token of that issuer's form.

use draftstore_service::Scope;
use draftstore_service::caller::{Scopes, Tenant};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW, Unsigned, by_token};

const PAGE: &str = include_str!("../../../../docs/operate/auth.md");

/// A token's claims besides `iss`, `exp` and `iat`, and what its caller may do.
struct Example {
    claims: Value,
    scopes: &'static [Scope],
    tenant: Option<&'static str>,
    /// Changes to claims with which the token is rejected.
    rejected: Value,
}

/// Returns the example of the issuer, whose claims are those of its documentation.
fn example(issuer: &str) -> Example {
    use Scope::{Confirm, Inspect, Upload};

    let (claims, scopes, tenant, rejected): (Value, &'static [Scope], Option<&str>, Value) = match issuer {
        "cognito" => (
            json!({"sub": "aaaaaaaa-bbbb", "client_id": "1example23456789", "token_use": "access", "version": 2,
                   "scope": "openid draftstore/upload draftstore/inspect draftstore/confirm", "username": "ada"}),
            &[Upload, Inspect],
            Some("users/aaaaaaaa-bbbb"),
            json!({"client_id": "other", "token_use": "id"}),
        ),
        "firebase" => (
            json!({"sub": "Vd3kAbCd", "user_id": "Vd3kAbCd", "aud": "my-project", "auth_time": NOW - 5,
                   "firebase": {"identities": {}, "sign_in_provider": "password"}}),
            &[Upload, Inspect],
            Some("users/Vd3kAbCd"),
            json!({"aud": "other-project"}),
        ),
        "keycloak" => (
            json!({"sub": "f:1", "aud": "account", "azp": "shop-frontend", "typ": "Bearer", "scope": "openid profile",
                   "realm_access": {"roles": ["offline_access", "draftstore:upload", "draftstore:confirm"]},
                   "resource_access": {"account": {"roles": ["view-profile"]}}}),
            &[Upload],
            None,
            json!({"azp": "other"}),
        ),
        "entra" => (
            json!({"sub": "AAA", "aud": "2f1d0c9b-0000-4000-8000-000000000000", "ver": "2.0", "scp": "upload inspect",
                   "oid": "690222be-ff1a", "tid": "6f7a2c1e-0000-4000-8000-000000000000"}),
            &[Upload, Inspect],
            Some("users/690222be-ff1a"),
            json!({"aud": "api://other"}),
        ),
        "auth0" => (
            json!({"sub": "auth0|5f7c8ec7c33c6c004bbafe82", "azp": "client", "scope": "openid upload",
                   "aud": ["https://drafts.example.com", "https://example.eu.auth0.com/userinfo"],
                   "https://example.com/user_id": "ada"}),
            &[Upload],
            Some("users/ada"),
            json!({"aud": "https://example.eu.auth0.com/userinfo", "https://example.com/user_id": null}),
        ),
        "okta" => (
            json!({"sub": "ada@example.com", "aud": "api://draftstore", "cid": "0oa1", "uid": "00u1", "ver": 1,
                   "scp": ["openid", "upload", "inspect"]}),
            &[Upload, Inspect],
            None,
            json!({"aud": "api://default"}),
        ),
        "kubernetes" => (
            json!({"sub": "system:serviceaccount:shop:backend", "aud": ["draftstore"], "nbf": NOW,
                   "kubernetes.io": {"namespace": "shop", "pod": {"name": "p"}, "serviceaccount": {"name": "backend"}}}),
            &[Upload, Confirm],
            Some("shop"),
            json!({"sub": "system:serviceaccount:other:backend", "aud": ["https://kubernetes.default.svc"]}),
        ),
        "github" => (
            json!({"sub": "repo:example/app:ref:refs/heads/main", "aud": "draftstore", "repository": "example/app",
                   "repository_owner": "example", "ref": "refs/heads/main", "run_id": "1", "jti": "a"}),
            &[Upload, Confirm],
            Some("builds"),
            json!({"repository": "evil/app", "ref": "refs/pull/1/merge", "aud": "https://github.com/example"}),
        ),
        "gitlab" => (
            json!({"sub": "project_path:example/app:ref_type:branch:ref:main", "aud": "draftstore",
                   "project_path": "example/app", "ref": "main", "ref_protected": "true", "namespace_path": "example"}),
            &[Upload, Confirm],
            Some("builds"),
            json!({"project_path": "evil/app", "ref_protected": "false"}),
        ),
        other => panic!("{other} has no token here"),
    };
    Example {
        claims,
        scopes,
        tenant,
        rejected,
    }
}

/// Returns the page's policies of common issuers, by the name of the issuer.
fn policies() -> Vec<(&'static str, &'static str)> {
    let common = PAGE.split_once("## Common issuers").expect("a section").1;
    let blocks = common
        .split("```toml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("a block"));
    let name = |policy: &'static str| {
        let name = policy.strip_prefix("[issuers.").and_then(|rest| rest.split(']').next());
        name.expect("an issuer")
    };
    blocks.map(|policy| (name(policy), policy)).collect()
}

fn value<'p>(policy: &'p str, field: &str) -> &'p str {
    let line = policy
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(" = \""));
    line.and_then(|rest| rest.split('"').next()).expect("a text")
}

#[tokio::test]
async fn every_common_issuer_is_accepted_as_documented() {
    let policies = policies();
    assert_eq!(policies.len(), 9);
    for (name, policy) in policies {
        let example = example(name);
        let local: Vec<_> = policy
            .lines()
            .map(|line| {
                if line.starts_with("jwks_url") {
                    "jwks_file = 'keys.json'"
                } else {
                    line
                }
            })
            .map(|line| {
                if line.starts_with("jwks_file") {
                    "jwks_file = 'keys.json'"
                } else {
                    line
                }
            })
            .collect();
        let fixture = Fixture::with_keys(&local.join("\n"));
        let authenticator = fixture.by_jwt().await;
        let token = |change: &Value| {
            Unsigned::good().with(|token| {
                token.claims = json!({"iss": value(policy, "issuer"), "exp": NOW + 600, "iat": NOW});
                for (claim, value) in example.claims.as_object().expect("claims") {
                    token.claims[claim] = value.clone();
                }
                for (claim, value) in change.as_object().expect("claims") {
                    token.claims[claim] = value.clone();
                }
            })
        };
        let caller = by_token(&authenticator, &token(&json!({})).sign()).expect(name);
        let scopes: Scopes = example.scopes.iter().copied().collect();
        assert_eq!(caller.scopes, scopes, "{name}");
        assert_eq!(caller.tenant.as_ref().map(Tenant::as_str), example.tenant, "{name}");
        for (claim, value) in example.rejected.as_object().expect("claims") {
            let changed = token(&json!({claim: value})).sign();
            assert!(
                by_token(&authenticator, &changed).is_err(),
                "{name} with {claim} {value}"
            );
        }
    }
}
