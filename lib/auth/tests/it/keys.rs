use draftstore_auth::Unauthenticated;
use draftstore_auth::{ApiKey, PeerCertificate, Presented};
use rcgen::{CertificateParams, KeyPair};

use crate::ground::{ALL_METHODS, Ground, NOW, at, by_certificate, by_token};

fn certificate(name: &str) -> Vec<u8> {
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("a certificate").der().to_vec()
}

#[tokio::test]
async fn one_caller_is_known_in_several_ways() {
    let [first, second, third] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; 32]));
    let ground = Ground::with_issuers();
    let issuers = std::fs::read_to_string(ground.path()).expect("read");
    ground.write(
        "policy.toml",
        format!(
            "api_keys_file = 'keys.toml'\n{issuers}\n[callers.shop]\nscopes = ['confirm']\napi_keys = ['{}', '{}']\n\
             certificates = ['dns:shop.internal']\n",
            first.in_policy(),
            second.in_policy()
        ),
    );
    ground.write("keys.toml", format!("shop = ['{}']\n", third.in_policy()));
    let (authenticator, _) = ground.open(ALL_METHODS).await.expect("a policy");
    let der = certificate("shop.internal");
    let known = by_certificate(&authenticator, &der).expect("known");
    assert_eq!(known.name, "shop");
    for key in [first, second, third] {
        assert_eq!(by_token(&authenticator, key.expose()).expect("known"), known);
    }

    // Who sends a token has said who it wants to be.
    let both = Presented {
        bearer: Some("dsk_unknown"),
        peer: Some(&PeerCertificate(der.into())),
    };
    let both = authenticator.authenticate(both, at(NOW));
    assert!(matches!(both, Err(Unauthenticated::Invalid)));
    let neither = authenticator.authenticate(Presented::default(), at(NOW));
    assert!(matches!(neither, Err(Unauthenticated::Missing)));
    let stranger = by_certificate(&authenticator, &certificate("other.internal"));
    assert!(matches!(stranger, Err(Unauthenticated::Invalid)));
}
