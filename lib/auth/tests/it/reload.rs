use draftstore_auth::{ApiKey, AuthMethods};
use draftstore_runtime::reload::PollOutcome;

use crate::ground::{Ground, KEYS, Unsigned, by_token, jwk, signer};

const BY_KEY: AuthMethods = AuthMethods {
    api_key: true,
    jwt: false,
    mtls: false,
};

fn policy(key: &ApiKey) -> String {
    format!(
        "[callers.shop]\nscopes = ['upload']\napi_keys = ['{}']\n",
        key.in_policy()
    )
}

#[tokio::test]
async fn what_the_files_say_is_live() {
    let [first, second] = [1, 2].map(|byte| ApiKey::from_random([byte; 32]));
    let ground = Ground::new(&policy(&first));
    let (authenticator, mut reloader) = ground.open(BY_KEY).await.expect("a policy");
    assert_eq!(reloader.poll().await, PollOutcome::Unchanged);

    ground.write("policy.toml", policy(&second));
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    assert_eq!(reloader.poll().await, PollOutcome::Unchanged);
    by_token(&authenticator, first.expose()).expect_err("not any more");
    by_token(&authenticator, second.expose()).expect("known");

    for broken in ["[callers.shop]\n", "[callers.shop\n", "\u{0}"] {
        ground.write("policy.toml", broken);
        assert_eq!(reloader.poll().await, PollOutcome::Refused);
        assert_eq!(reloader.poll().await, PollOutcome::StillRefused);
        by_token(&authenticator, second.expose()).expect("the one before is in force");
    }
    std::fs::remove_file(ground.path()).expect("removed");
    assert_eq!(reloader.poll().await, PollOutcome::Refused);
    by_token(&authenticator, second.expose()).expect("the one before is in force");

    ground.write("policy.toml", policy(&second));
    assert_eq!(reloader.poll().await, PollOutcome::Unchanged);
    // To shut out the last one must not be an error that keeps it.
    ground.write("policy.toml", "");
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    by_token(&authenticator, second.expose()).expect_err("not any more");
}

#[tokio::test]
async fn change_of_a_file_that_the_policy_names_is_seen() {
    let ground = Ground::with_issuers();
    let by_jwt = AuthMethods {
        jwt: true,
        ..AuthMethods::default()
    };
    let (authenticator, mut reloader) = ground.open(by_jwt).await.expect("a policy");
    let by_new_key = Unsigned::good()
        .with(|token| token.key = signer(&KEYS.other_rsa))
        .sign();
    by_token(&authenticator, &by_new_key).expect_err("not yet");
    let set = [jwk(&KEYS.other_rsa, jsonwebtoken::Algorithm::RS256, "first")];
    ground.write("jwks.json", serde_json::json!({ "keys": set }).to_string());
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    by_token(&authenticator, &by_new_key).expect("known");
    by_token(&authenticator, &Unsigned::good().sign()).expect_err("not any more");
}
