use draftstore_auth::Unauthenticated;
use draftstore_auth::{ApiKey, PeerCertificate, Presented};
use rcgen::{CertificateParams, KeyPair};

use crate::fixture::{ALL_METHODS, Fixture, NOW, at, by_certificate, by_token};

fn certificate(name: &str) -> Vec<u8> {
    let params = CertificateParams::new([name.to_owned()]).expect("a name");
    let key = KeyPair::generate().expect("a key");
    params.self_signed(&key).expect("a certificate").der().to_vec()
}

#[tokio::test]
async fn one_caller_can_have_several_credentials() {
    let [first, second, third] = [1, 2, 3].map(|byte| ApiKey::from_random([byte; 32]));
    let fixture = Fixture::with_issuers();
    let issuers = std::fs::read_to_string(fixture.path()).expect("read");
    fixture.write(
        "policy.toml",
        format!(
            "api_keys_file = 'keys.toml'\n{issuers}\n[callers.shop]\nscopes = ['confirm']\napi_keys = ['{}', '{}']\n\
             certificates = ['dns:shop.internal']\n",
            first.digest(),
            second.digest()
        ),
    );
    fixture.write("keys.toml", format!("shop = ['{}']\n", third.digest()));
    let (authenticator, _) = fixture.open(ALL_METHODS).await.expect("a policy");
    let der = certificate("shop.internal");
    let known = by_certificate(&authenticator, &der).expect("known");
    assert_eq!(known.name, "shop");
    for key in [first, second, third] {
        assert_eq!(by_token(&authenticator, key.expose()).expect("known"), known);
    }

    // A token takes precedence over the certificate.
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
