use std::time::Duration;

use draftstore_auth::{ApiKey, AuthMethods, TicketKey, TicketKeys, TicketMint, TicketOrder, Tickets};
use draftstore_runtime::reload::PollOutcome;

use crate::fixture::{Fixture, KEYS, NOW, Unsigned, at, by_token, jwk, signer};

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

#[tokio::test]
async fn ticket_has_the_checks_of_its_profile_in_the_current_policy() {
    let key = ApiKey::from_random([1; 32]);
    let policy = |profiles: &str| {
        let caller = format!(
            "scopes = ['upload', 'confirm']\nprofile = 'photos'\napi_keys = ['{}']",
            key.digest()
        );
        format!("[callers.shop]\n{caller}\n{profiles}")
    };
    let first = "[profiles.photos]\ncontent_types = ['image/*']\n[profiles.photos.checks.type]\n";
    let fixture = Fixture::new(&policy(first));
    let (authenticator, mut reloader) = fixture.open(BY_KEY).await.expect("a policy");
    let keys = TicketKeys::only(TicketKey::new([2; 4], [2; 32]));
    let authenticator = authenticator.with_tickets(Tickets::new(keys));
    let minter = by_token(&authenticator, key.expose()).expect("known");
    let order = TicketOrder {
        content_types: vec!["image/png".to_owned()],
        ..TicketOrder::default()
    };
    let created = authenticator.tickets().mint(&TicketMint {
        minter: &minter,
        order: &order,
        profiles: authenticator.profiles().as_deref(),
        object_lifetime: Duration::from_secs(3600),
        now: at(NOW),
        random: [3; 9],
    });
    let ticket = created.expect("minted").ticket;
    let holder = || by_token(&authenticator, &ticket).expect("valid").profile.clone();
    assert_eq!(holder().checks, minter.profile.checks);
    assert_ne!(holder().content_types, minter.profile.content_types);
    assert!(holder().checks.is_some());

    fixture.write("policy.toml", policy("[profiles.photos.checks.image]\n"));
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    let minter = by_token(&authenticator, key.expose()).expect("known");
    assert_eq!(holder().checks, minter.profile.checks);
    fixture.write("policy.toml", policy("[profiles.photos]\n"));
    assert_eq!(reloader.poll().await, PollOutcome::Replaced);
    assert_eq!(holder().checks, None);
}
