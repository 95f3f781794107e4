//! The store, as it is configured.

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};

use crate::{BucketOwner, Settings, Signing, StaticCredentials};

settings! {
    #[derive(Debug)]
    struct StoreSettings in "Store" {
        /// The kind of the store, `s3` or `embedded`.
        storage_type: Option<StoreKind> =
            "STORAGE_TYPE", unset "s3 if AWS credentials or S3_ENDPOINT are set, else embedded", storage_type;
        /// The access key, with AWS_SECRET_ACCESS_KEY; the embedded store's own if STORAGE_TYPE=embedded is set.
        access_key_id: Option<String> = "AWS_ACCESS_KEY_ID", unset_or_empty "the AWS credential chain", parse::text;
        /// The secret of that key; a temporary one needs AWS_SESSION_TOKEN.
        secret_access_key: Option<String> = "AWS_SECRET_ACCESS_KEY", unset_or_empty "the AWS credential chain", parse::text;
        /// The profile of the AWS credential chain.
        profile: Option<String> = "AWS_PROFILE", unset_or_empty "none", parse::text;
        /// The token of a workload identity, which Kubernetes on AWS sets.
        web_identity: Option<String> = "AWS_WEB_IDENTITY_TOKEN_FILE", unset_or_empty "none", parse::text;
        /// The source of a pod identity, which Kubernetes on AWS sets.
        pod_identity: Option<String> = "AWS_CONTAINER_CREDENTIALS_FULL_URI", unset_or_empty "none", parse::text;
        /// The source of a task identity, which ECS sets.
        task_identity: Option<String> = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", unset_or_empty "none", parse::text;
    }
}

settings! {
    #[derive(Debug)]
    struct ClientSettings in "Store" {
        /// The region that requests are signed for.
        region: String = "AWS_REGION", default "us-east-1", parse::text;
        /// The URL of the store that presigned URLs point to.
        public_endpoint: Option<String> = "S3_PUBLIC_ENDPOINT", unset "S3_ENDPOINT", parse::url;
        /// The ID of the AWS account that owns the buckets, 12 digits. S3 then refuses every call on the buckets of others.
        expected_bucket_owner: Option<BucketOwner> = "EXPECTED_BUCKET_OWNER", unset "none", str::parse;
    }
}

settings! {
    #[derive(Debug)]
    struct EndpointSettings in "Store" {
        /// The URL of the store, for this program's own calls.
        endpoint: Option<String> = "S3_ENDPOINT", unset "AWS", parse::url;
        /// The place of the bucket in URLs: the path (`true`) or the host name (`false`).
        path_style: Option<bool> = "S3_PATH_STYLE", unset "true if S3_ENDPOINT is set, else false", parse::boolean;
    }
}

settings! {
    #[derive(Debug)]
    struct SigningSettings in "Store" {
        /// The access key that signs uploads, with SIGNING_SECRET_ACCESS_KEY. It has to put objects into the draft bucket, and
        /// needs no other right.
        key_id: Option<String> = "SIGNING_ACCESS_KEY_ID",
            unset_or_empty "a key of the embedded store's own, else the credentials of its calls", parse::text;
        /// The secret of that key.
        secret: Option<String> = "SIGNING_SECRET_ACCESS_KEY", unset_or_empty "none", parse::text;
        /// The session token of that key, if it is a temporary one.
        token: Option<String> = "SIGNING_SESSION_TOKEN", unset_or_empty "none", parse::text;
        /// The role that signs uploads instead of that key. It is assumed with the credentials of the calls.
        role: Option<String> = "SIGNING_ROLE_ARN", unset "none", role_arn;
    }
}

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// S3, or a service with its API.
    S3,
    /// The store that runs inside the server.
    Embedded,
}

/// The store that is configured.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The kind of the store.
    pub kind: StoreKind,
    /// The reason why this kind was chosen, for the log.
    pub reason: &'static str,
    /// The settings of its client. For the embedded store they have no endpoint, and only the credentials that were given.
    pub client: Settings,
}

impl StoreConfig {
    /// The descriptions of the settings.
    pub const SECTIONS: [Section; 4] = [
        StoreSettings::SECTION,
        ClientSettings::SECTION,
        EndpointSettings::SECTION,
        SigningSettings::SECTION,
    ];

    /// Reads the settings of the store that is named, or that the other variables point to.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Self, Invalid> {
        let store: Result<StoreSettings, _> = environment.load();
        let client: Result<ClientSettings, _> = environment.load();
        let signing: Result<SigningSettings, _> = environment.load();
        let store = store?;
        let (kind, reason) = store.kind(environment);
        // The credentials of calls to S3 are left to the AWS chain, which reads the same variables.
        let (endpoint, credentials) = match kind {
            StoreKind::S3 => (environment.load(), store.key_pair(environment).map(|_| None)),
            StoreKind::Embedded if store.storage_type.is_some() => {
                (Ok(EndpointSettings::default()), store.key_pair(environment))
            }
            StoreKind::Embedded => (Ok(EndpointSettings::default()), Ok(None)),
        };
        let signing = signing.and_then(|signing| signing.load(kind, environment));
        let (client, EndpointSettings { endpoint, path_style }) = (client?, endpoint?);
        let client = Settings {
            endpoint,
            path_style,
            credentials: credentials?,
            signing: signing?,
            public_endpoint: client.public_endpoint,
            expected_bucket_owner: client.expected_bucket_owner,
            ..Settings::new(client.region)
        };
        Ok(Self { kind, reason, client })
    }
}

impl StoreSettings {
    fn kind(&self, environment: &Environment) -> (StoreKind, &'static str) {
        let has_credentials = [
            &self.access_key_id,
            &self.profile,
            &self.web_identity,
            &self.pod_identity,
            &self.task_identity,
        ]
        .into_iter()
        .any(Option::is_some);
        match self.storage_type {
            Some(StoreKind::S3) => (StoreKind::S3, "STORAGE_TYPE=s3"),
            Some(StoreKind::Embedded) => (StoreKind::Embedded, "STORAGE_TYPE=embedded"),
            None if environment.has("S3_ENDPOINT") => (StoreKind::S3, "S3_ENDPOINT is set"),
            None if has_credentials => (StoreKind::S3, "AWS credentials are configured"),
            None => (StoreKind::Embedded, "no store is configured"),
        }
    }

    fn key_pair(&self, environment: &mut Environment) -> Result<Option<StaticCredentials>, Invalid> {
        let names = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY";
        pair(
            environment,
            names,
            self.access_key_id.as_deref(),
            self.secret_access_key.as_deref(),
        )
    }
}

impl SigningSettings {
    /// Returns the credentials that sign uploads. The embedded store has key pairs only.
    fn load(self, kind: StoreKind, environment: &mut Environment) -> Result<Option<Signing>, Invalid> {
        if kind == StoreKind::Embedded {
            for (name, value) in [("SIGNING_ROLE_ARN", &self.role), ("SIGNING_SESSION_TOKEN", &self.token)] {
                if value.is_some() {
                    return environment.reject(name, "the embedded store has no such credentials");
                }
            }
        }
        let names = "SIGNING_ACCESS_KEY_ID, SIGNING_SECRET_ACCESS_KEY";
        let pair = pair(environment, names, self.key_id.as_deref(), self.secret.as_deref())?;
        match (pair, self.role) {
            (Some(_), Some(_)) => environment.reject("SIGNING_ROLE_ARN", "must not go with SIGNING_ACCESS_KEY_ID"),
            (None, _) if self.token.is_some() => {
                environment.reject("SIGNING_SESSION_TOKEN", "must go with SIGNING_ACCESS_KEY_ID")
            }
            (Some(pair), None) => Ok(Some(Signing::Static(StaticCredentials {
                session_token: self.token,
                ..pair
            }))),
            (None, Some(arn)) => Ok(Some(Signing::Role { arn })),
            (None, None) => Ok(None),
        }
    }
}

fn pair(
    environment: &mut Environment,
    names: &str,
    key_id: Option<&str>,
    secret: Option<&str>,
) -> Result<Option<StaticCredentials>, Invalid> {
    match (key_id, secret) {
        (Some(key_id), Some(secret)) => Ok(Some(StaticCredentials::new(key_id, secret))),
        (None, None) => Ok(None),
        _ => environment.reject(names, "must be set together"),
    }
}

fn storage_type(text: &str) -> Result<StoreKind, &'static str> {
    match text {
        "s3" => Ok(StoreKind::S3),
        "embedded" => Ok(StoreKind::Embedded),
        _ => Err("must be 's3' or 'embedded'"),
    }
}

fn role_arn(text: &str) -> Result<String, &'static str> {
    let is_role = text.starts_with("arn:") && text.contains(":role/") && text.bytes().all(|b| b.is_ascii_graphic());
    if is_role {
        Ok(text.to_owned())
    } else {
        Err("must be the ARN of a role, such as arn:aws:iam::123456789012:role/draftstore-signer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<StoreConfig, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let store = StoreConfig::load(&mut environment);
        environment.finish(store).map_err(|error| error.to_string())
    }

    #[test]
    fn credentials_or_endpoint_mean_s3() {
        for pairs in [
            &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")][..],
            &[("S3_ENDPOINT", "http://localhost:3900/")],
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
            &[("STORAGE_TYPE", "s3")],
        ] {
            assert_eq!(load(pairs).expect("valid").kind, StoreKind::S3, "{pairs:?}");
        }
        for pairs in [&[][..], &[("S3_ENDPOINT", "")], &[("AWS_PROFILE", "")]] {
            assert_eq!(load(pairs).expect("valid").kind, StoreKind::Embedded, "{pairs:?}");
        }
    }

    #[test]
    fn embedded_store_takes_credentials_that_are_set_beside_it() {
        let pair = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        let config = load(&[&pair[..], &[("STORAGE_TYPE", "embedded")]].concat()).expect("valid");
        assert_eq!(config.kind, StoreKind::Embedded);
        let credentials = config.client.credentials.as_ref().expect("given");
        assert_eq!(credentials.secret_access_key, "hush");
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn uploads_may_be_signed_by_a_key_or_a_role_of_their_own() {
        let s3 = ("STORAGE_TYPE", "s3");
        let signing = |pairs: &[(&'static str, &'static str)]| {
            let config = load(&[&[s3][..], pairs].concat()).expect("valid");
            config.client.signing
        };
        assert!(signing(&[]).is_none());
        let pair = [("SIGNING_ACCESS_KEY_ID", "key"), ("SIGNING_SECRET_ACCESS_KEY", "hush")];
        let token = ("SIGNING_SESSION_TOKEN", "hush");
        let given = signing(&[&pair[..], &[token]].concat()).expect("given");
        assert!(matches!(&given, Signing::Static(given) if given.session_token.as_deref() == Some("hush")));
        assert!(!format!("{given:?}").contains("hush"));
        let role = ("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/signer");
        assert!(matches!(signing(&[role]), Some(Signing::Role { arn }) if arn == role.1));

        let embedded = load(&pair).expect("valid");
        assert_eq!(embedded.kind, StoreKind::Embedded);
        assert!(embedded.client.signing.is_some());
        for (pairs, name) in [
            (&[s3, pair[0]][..], "SIGNING_SECRET_ACCESS_KEY"),
            (&[s3, pair[1]], "SIGNING_ACCESS_KEY_ID"),
            (&[s3, token], "SIGNING_SESSION_TOKEN"),
            (&[s3, pair[0], pair[1], role], "SIGNING_ROLE_ARN"),
            (&[s3, ("SIGNING_ROLE_ARN", "signer")], "SIGNING_ROLE_ARN"),
            (&[role], "SIGNING_ROLE_ARN: the embedded store"),
            (&[pair[0], pair[1], token], "SIGNING_SESSION_TOKEN: the embedded store"),
        ] {
            let error = load(pairs).expect_err("refused");
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn expected_owner_goes_to_either_store() {
        let owner = ("EXPECTED_BUCKET_OWNER", "012345678901");
        for kind in ["s3", "embedded"] {
            let client = load(&[owner, ("STORAGE_TYPE", kind)]).expect("valid").client;
            assert_eq!(client.expected_bucket_owner, owner.1.parse().ok());
        }
        for wrong in ["", "01234567890", "0123456789012", "01234567890a"] {
            let error = load(&[("EXPECTED_BUCKET_OWNER", wrong)]).expect_err("refused");
            assert!(error.contains("EXPECTED_BUCKET_OWNER:"), "{error}");
        }
    }
}
