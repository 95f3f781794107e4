//! A policy with issuers and keys, for one test.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use draftstore_auth::{
    AuthMethods, Authenticator, InvalidPolicy, PeerCertificate, PolicyFile, Presented, Unauthenticated,
};
use draftstore_runtime::reload::Reloader;
use draftstore_service::Caller;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::KeyPair;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The time at which tests take place, in Unix seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The shared secret of an issuer.
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Returns the time at these Unix seconds.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The keys of issuers, which are generated once because that is slow.
pub(crate) struct Keys {
    pub(crate) rsa: KeyPair,
    pub(crate) other_rsa: KeyPair,
    pub(crate) ec: KeyPair,
    pub(crate) ed: KeyPair,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let key = |kind| KeyPair::generate_for(kind).expect("a key");
    Keys {
        rsa: key(&rcgen::PKCS_RSA_SHA256),
        other_rsa: key(&rcgen::PKCS_RSA_SHA256),
        ec: key(&rcgen::PKCS_ECDSA_P256_SHA256),
        ed: key(&rcgen::PKCS_ED25519),
    }
});

/// Returns the key for signing tokens.
pub(crate) fn signer(key: &KeyPair) -> EncodingKey {
    let pem = key.serialize_pem();
    let made = [
        EncodingKey::from_rsa_pem(pem.as_bytes()),
        EncodingKey::from_ec_pem(pem.as_bytes()),
        EncodingKey::from_ed_pem(pem.as_bytes()),
    ];
    made.into_iter().find_map(Result::ok).expect("a key of one kind")
}

/// Returns the public key, as issuers publish it.
pub(crate) fn jwk(key: &KeyPair, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = if algorithm == Algorithm::EdDSA {
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key_raw())})
    } else {
        let jwk = Jwk::from_encoding_key(&signer(key), algorithm).expect("a public key");
        serde_json::to_value(jwk).expect("JSON")
    };
    jwk["kid"] = id.into();
    jwk["use"] = "sig".into();
    jwk
}

/// A token before it is signed.
pub(crate) struct Unsigned {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) key: EncodingKey,
    pub(crate) algorithm: Algorithm,
}

impl Unsigned {
    /// Returns a token that is accepted.
    pub(crate) fn good() -> Self {
        Self {
            header: json!({"alg": "RS256", "kid": "first", "typ": "JWT"}),
            claims: json!({
                "iss": "https://login.example.com/",
                "aud": "draftstore",
                "exp": NOW + 600,
                "iat": NOW,
                "sub": "ada",
                "scope": "openid upload confirm",
                "plan": "free",
            }),
            key: signer(&KEYS.rsa),
            algorithm: Algorithm::RS256,
        }
    }

    /// Returns the token with a change.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn sign(&self) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        sign(
            &format!("{}.{}", part(&self.header), part(&self.claims)),
            &self.key,
            self.algorithm,
        )
    }
}

/// Appends the signature to a header and a payload.
pub(crate) fn sign(signed: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), key, algorithm).expect("signed");
    format!("{signed}.{signature}")
}

/// A directory with a policy and its files.
pub(crate) struct Fixture {
    directory: TempDir,
}

/// All methods of authentication.
pub(crate) const ALL_METHODS: AuthMethods = AuthMethods {
    api_key: true,
    jwt: true,
    mtls: true,
};

impl Fixture {
    pub(crate) fn new(policy: &str) -> Self {
        let fixture = Self {
            directory: TempDir::new().expect("a directory"),
        };
        fixture.write("policy.toml", policy);
        fixture
    }

    /// Creates a policy whose issuers may have the keys of the key set `keys.json`.
    pub(crate) fn with_keys(policy: &str) -> Self {
        let fixture = Self::new(policy);
        let mut ed = jwk(&KEYS.ed, Algorithm::EdDSA, "ed");
        ed["alg"] = "Ed25519".into();
        let set = [jwk(&KEYS.rsa, Algorithm::RS256, "first"), ed];
        fixture.write("keys.json", json!({ "keys": set }).to_string());
        fixture
    }

    /// Creates a policy with three issuers, whose keys are a set, a secret and a PEM file.
    pub(crate) fn with_issuers() -> Self {
        let fixture = Self::new(
            r#"
            [profiles.free]
            max_object_bytes = 1000
            [profiles.paid]
            [profiles.staff]

            [issuers.login]
            issuer = "https://login.example.com/"
            audience = ["draftstore", "drafts"]
            algorithms = ["RS256", "PS256", "EdDSA"]
            jwks_file = "jwks.json"
            scopes = ["upload", "inspect"]
            tenant = "users"
            tenant_claim = "sub"
            profile_claim = "plan"
            profiles = ["free", "paid"]

            [issuers.shared]
            issuer = "urn:shared"
            audience = "draftstore"
            algorithms = ["HS256"]
            secret_file = "secret"
            scopes = ["upload", "confirm"]
            scopes_claim = "scp"
            tenant = "shared"
            profile = "staff"

            [issuers.pem]
            issuer = "urn:pem"
            audience = "draftstore"
            algorithms = ["ES256"]
            pem_file = "key.pem"
            scopes = ["download"]
            "#,
        );
        let set = [
            jwk(&KEYS.rsa, Algorithm::RS256, "first"),
            jwk(&KEYS.ed, Algorithm::EdDSA, "ed"),
            json!({"kty": "oct", "kid": "secret", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode(SECRET)}),
            json!({"kty": "quantum", "kid": "later"}),
        ];
        fixture.write("jwks.json", json!({ "keys": set }).to_string());
        fixture.write("secret", [SECRET, b"\n"].concat());
        fixture.write("key.pem", KEYS.ec.public_key_pem());
        fixture
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("policy.toml")
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.directory.path().join(name), bytes).expect("written");
    }

    pub(crate) async fn open(
        &self,
        methods: AuthMethods,
    ) -> Result<(Authenticator, Reloader<PolicyFile>), InvalidPolicy> {
        Authenticator::open(methods, self.path()).await
    }

    /// Returns an authenticator of tokens alone.
    pub(crate) async fn by_jwt(&self) -> Authenticator {
        let methods = AuthMethods {
            jwt: true,
            ..AuthMethods::default()
        };
        self.open(methods).await.expect("a policy").0
    }
}

/// Authenticates a token at [`NOW`].
pub(crate) fn by_token(authenticator: &Authenticator, token: &str) -> Result<Arc<Caller>, Unauthenticated> {
    by_token_at(authenticator, token, at(NOW))
}

/// Authenticates a token at this time.
pub(crate) fn by_token_at(
    authenticator: &Authenticator,
    token: &str,
    now: SystemTime,
) -> Result<Arc<Caller>, Unauthenticated> {
    let presented = Presented {
        bearer: Some(token),
        peer: None,
    };
    authenticator.authenticate(presented, now)
}

/// Authenticates a client certificate at [`NOW`].
pub(crate) fn by_certificate(authenticator: &Authenticator, der: &[u8]) -> Result<Arc<Caller>, Unauthenticated> {
    let presented = Presented {
        bearer: None,
        peer: Some(&PeerCertificate(der.into())),
    };
    authenticator.authenticate(presented, at(NOW))
}
