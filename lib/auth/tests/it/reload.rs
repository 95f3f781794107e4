use draftstore_auth::{ApiKey, AuthMethods};
use draftstore_runtime::reload::PollOutcome;

use crate::fixture::{Fixture, KEYS, Unsigned, by_token, jwk, signer};

const BY_KEY: AuthMethods = AuthMethods {
    api_key: true,
    jwt: false,
    mtls: false,
};

fn policy(key: &ApiKey) -> String {
    format!("[callers.shop]\nscopes = ['upload']\napi_keys = ['{}']\n", key.digest())
}

#[tokio::test]
async fn changes_of_the_policy_apply_at_once() {
    let [first, second] = [1, 2].map(|byte| ApiKey::from_random([byte; 32]));
    let fixture = Fixture::new(&policy(&first));
    let (authenticator, mut reloader) = fixture.open(BY_KEY).await.expect("a policy");
    assert_eq!(reloader.poll().await, PollOutcome::Unchanged);

    fixture.write("policy.toml", policy(&second));
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    assert_eq!(reloader.poll().await, PollOutcome::Unchanged);
    by_token(&authenticator, first.expose()).expect_err("revoked");
    by_token(&authenticator, second.expose()).expect("known");

    for broken in ["[callers.shop]\n", "[callers.shop\n", "\u{0}"] {
        fixture.write("policy.toml", broken);
        assert_eq!(reloader.poll().await, PollOutcome::Refused);
        assert_eq!(reloader.poll().await, PollOutcome::StillRefused);
        by_token(&authenticator, second.expose()).expect("the previous policy still applies");
    }
    std::fs::remove_file(fixture.path()).expect("removed");
    assert_eq!(reloader.poll().await, PollOutcome::Refused);
    by_token(&authenticator, second.expose()).expect("the previous policy still applies");

    fixture.write("policy.toml", policy(&second));
    assert_eq!(reloader.poll().await, PollOutcome::Unchanged);
    // Revoking the last key must not be an error, which would keep it valid.
    fixture.write("policy.toml", "");
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    by_token(&authenticator, second.expose()).expect_err("revoked");
}

#[tokio::test]
async fn change_of_a_file_named_by_the_policy_applies() {
    let fixture = Fixture::with_issuers();
    let by_jwt = AuthMethods {
        jwt: true,
        ..AuthMethods::default()
    };
    let (authenticator, mut reloader) = fixture.open(by_jwt).await.expect("a policy");
    let by_new_key = Unsigned::good()
        .with(|token| token.key = signer(&KEYS.other_rsa))
        .sign();
    by_token(&authenticator, &by_new_key).expect_err("not yet");
    let set = [jwk(&KEYS.other_rsa, jsonwebtoken::Algorithm::RS256, "first")];
    fixture.write("jwks.json", serde_json::json!({ "keys": set }).to_string());
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    by_token(&authenticator, &by_new_key).expect("known");
    by_token(&authenticator, &Unsigned::good().sign()).expect_err("revoked");
}
