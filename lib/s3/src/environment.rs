//! The store, as it is configured.

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};

use crate::shared_config::DEFAULT_REGION;
use crate::{BucketOwner, Settings, Signing, StaticCredentials};

settings! {
    #[derive(Debug)]
    struct StoreSettings in "Store" {
        /// The kind of the store, `s3` or `embedded`.
        storage_type: Option<StoreKind> =
            "STORAGE_TYPE", unset "s3 if AWS credentials or an endpoint are set, else embedded", storage_type;
        /// The access key, with AWS_SECRET_ACCESS_KEY; the embedded store's own if STORAGE_TYPE=embedded is set.
        access_key_id: Option<String> = "AWS_ACCESS_KEY_ID", unset "the AWS credential chain", parse::text;
        /// The secret of that key; a temporary one needs AWS_SESSION_TOKEN.
        secret_access_key: Option<String> = "AWS_SECRET_ACCESS_KEY", unset "the AWS credential chain", parse::text;
        /// The profile of the AWS credential chain.
        profile: Option<String> = "AWS_PROFILE", unset "none", parse::text;
        /// The token of a workload identity, which Kubernetes on AWS sets.
        web_identity: Option<String> = "AWS_WEB_IDENTITY_TOKEN_FILE", unset "none", parse::text;
        /// The source of a pod identity, which Kubernetes on AWS sets.
        pod_identity: Option<String> = "AWS_CONTAINER_CREDENTIALS_FULL_URI", unset "none", parse::text;
        /// The source of a task identity, which ECS sets.
        task_identity: Option<String> = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", unset "none", parse::text;
    }
}

settings! {
    #[derive(Debug)]
    struct ClientSettings in "Store" {
        /// The region that requests are signed for.
        region: Option<String> = "AWS_REGION", unset "AWS_DEFAULT_REGION", parse::text;
        /// The region if AWS_REGION is not set.
        default_region: Option<String> = "AWS_DEFAULT_REGION", unset "that of the profile, else us-east-1", parse::text;
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
        endpoint: Option<String> = "S3_ENDPOINT", unset "AWS_ENDPOINT_URL_S3", parse::url;
        /// The URL of the store if S3_ENDPOINT is not set.
        service_endpoint: Option<String> = "AWS_ENDPOINT_URL_S3", unset "AWS_ENDPOINT_URL", parse::url;
        /// The URL of the store if neither of these is set.
        any_endpoint: Option<String> = "AWS_ENDPOINT_URL", unset "that of the profile, else AWS", parse::url;
        /// Ignores AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the endpoint of the profile, `true` or `false`.
        ignores_configured: Option<bool> =
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", unset "that of the profile, else false", aws_boolean;
        /// The place of the bucket in URLs: the path (`true`) or the host name (`false`).
        path_style: Option<bool> = "S3_PATH_STYLE", unset "true if there is an endpoint, else false", parse::boolean;
        /// The endpoints of AWS that are validated for FIPS 140, `true` or `false`. Not with an endpoint.
        use_fips: Option<bool> = "AWS_USE_FIPS_ENDPOINT", unset "that of the profile, else false", aws_boolean;
        /// The endpoints of AWS for IPv4 and IPv6, `true` or `false`. Not with an endpoint.
        use_dual_stack: Option<bool> = "AWS_USE_DUALSTACK_ENDPOINT", unset "that of the profile, else false", aws_boolean;
    }
}

settings! {
    #[derive(Debug)]
    struct SigningSettings in "Store" {
        /// The access key that signs uploads, with SIGNING_SECRET_ACCESS_KEY. It has to put objects into the draft bucket, and
        /// needs no other right.
        key_id: Option<String> = "SIGNING_ACCESS_KEY_ID",
            unset "a key of the embedded store's own, else the credentials of its calls", parse::text;
        /// The secret of that key.
        secret: Option<String> = "SIGNING_SECRET_ACCESS_KEY", unset "none", parse::text;
        /// The session token of that key, if it is a temporary one.
        token: Option<String> = "SIGNING_SESSION_TOKEN", unset "none", parse::text;
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
    /// The way in which this kind was chosen.
    pub choice: StoreChoice,
    /// The settings of its client. For the embedded store they have no endpoint, and only the credentials that were given.
    pub client: Settings,
    /// The access key of the calls, if it is configured and permanent: all servers of an installation have the same.
    pub permanent_key: Option<StaticCredentials>,
}

/// The way in which the kind of the store was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreChoice {
    /// The reason, for the log.
    pub reason: &'static str,
    /// True if S3 was chosen by variables that other programs read too. The user may not want it.
    pub is_guess: bool,
}

impl StoreChoice {
    /// Logs a choice that the user may not want.
    pub fn log(self) {
        if self.is_guess {
            let alternative = "set STORAGE_TYPE=embedded for the embedded store, or STORAGE_TYPE=s3 to confirm S3";
            tracing::info!(reason = self.reason, alternative, "store chosen by environment");
        }
    }
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
        let Ok(store) = store else {
            // The kind of the store is unknown, and its other settings may be invalid too.
            EndpointSettings::load_valid(environment)?;
            return Err(Invalid);
        };
        let (kind, reason) = store.kind(environment);
        let is_guess = kind == StoreKind::S3 && store.storage_type.is_none() && !environment.has(S3_ENDPOINT);
        // The credentials of calls to S3 are left to the AWS chain, which reads the same variables.
        let (endpoint, key) = match kind {
            StoreKind::S3 => (EndpointSettings::load_valid(environment), store.key_pair(environment)),
            StoreKind::Embedded if store.storage_type.is_some() => {
                (Ok(EndpointSettings::default()), store.key_pair(environment))
            }
            StoreKind::Embedded => (Ok(EndpointSettings::default()), Ok(None)),
        };
        let is_permanent = kind == StoreKind::Embedded || !environment.has("AWS_SESSION_TOKEN");
        let signing = signing.and_then(|signing| signing.load(kind, environment));
        let (client, endpoint, key) = (client?, endpoint?, key?);
        let client = Settings {
            endpoint: endpoint.chosen(),
            region: client.region.or(client.default_region),
            path_style: endpoint.path_style,
            use_fips: endpoint.use_fips,
            use_dual_stack: endpoint.use_dual_stack,
            credentials: key.clone().filter(|_| kind == StoreKind::Embedded),
            signing: signing?,
            public_endpoint: client.public_endpoint,
            expected_bucket_owner: client.expected_bucket_owner,
            ..Settings::new(DEFAULT_REGION)
        };
        Ok(Self {
            kind,
            choice: StoreChoice { reason, is_guess },
            client,
            permanent_key: key.filter(|_| is_permanent),
        })
    }
}

/// The variables that choose S3 where `STORAGE_TYPE` is not set, each with the reason for the log.
const S3_SIGNS: [(&str, &str); 8] = [
    (S3_ENDPOINT, "S3_ENDPOINT is set"),
    ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_S3 is set"),
    ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL is set"),
    ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID is set"),
    ("AWS_PROFILE", "AWS_PROFILE is set"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE is set"),
    (
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
    ),
    (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is set",
    ),
];

const S3_ENDPOINT: &str = "S3_ENDPOINT";

impl EndpointSettings {
    /// Reads the settings of a store that is not the embedded one.
    fn load_valid(environment: &mut Environment) -> Result<Self, Invalid> {
        let settings: Self = environment.load()?;
        let of_aws = [
            ("AWS_USE_FIPS_ENDPOINT", settings.use_fips),
            ("AWS_USE_DUALSTACK_ENDPOINT", settings.use_dual_stack),
        ];
        let has_endpoint = settings.chosen().is_some();
        let mut checked = Ok(settings);
        for (name, value) in of_aws {
            if value == Some(true) && has_endpoint {
                checked = environment.reject(name, "must not go with an endpoint: it chooses among those of AWS");
            }
        }
        checked
    }

    /// Returns the first endpoint that is set.
    fn chosen(&self) -> Option<String> {
        let configured = match self.ignores_configured {
            Some(true) => None,
            Some(false) | None => self.service_endpoint.as_ref().or(self.any_endpoint.as_ref()),
        };
        self.endpoint.as_ref().or(configured).cloned()
    }
}

impl StoreSettings {
    fn kind(&self, environment: &Environment) -> (StoreKind, &'static str) {
        match self.storage_type {
            Some(StoreKind::S3) => (StoreKind::S3, "STORAGE_TYPE=s3"),
            Some(StoreKind::Embedded) => (StoreKind::Embedded, "STORAGE_TYPE=embedded"),
            None => match S3_SIGNS.iter().find(|(name, _)| environment.has(name)) {
                Some((_, reason)) => (StoreKind::S3, *reason),
                None => (StoreKind::Embedded, "no store is configured"),
            },
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
        let names = "SIGNING_ACCESS_KEY_ID, SIGNING_SECRET_ACCESS_KEY";
        let has_key = self.key_id.is_some() || self.secret.is_some();
        let pair = pair(environment, names, self.key_id.as_deref(), self.secret.as_deref());
        let rule = |is_given: bool, otherwise: Option<&'static str>| match kind {
            StoreKind::Embedded => is_given.then_some("the embedded store has no such credentials"),
            StoreKind::S3 => otherwise.filter(|_| is_given),
        };
        let with_key = has_key.then_some("must not go with SIGNING_ACCESS_KEY_ID");
        let without_key = (!has_key).then_some("must go with SIGNING_ACCESS_KEY_ID");
        let mut checked = Ok(());
        for (name, rule) in [
            ("SIGNING_ROLE_ARN", rule(self.role.is_some(), with_key)),
            ("SIGNING_SESSION_TOKEN", rule(self.token.is_some(), without_key)),
        ] {
            if let Some(rule) = rule {
                checked = environment.reject(name, rule);
            }
        }
        let pair = pair?;
        checked?;
        let of_pair = pair.map(|pair| {
            Signing::Static(StaticCredentials {
                session_token: self.token,
                ..pair
            })
        });
        Ok(of_pair.or_else(|| self.role.map(|arn| Signing::Role { arn })))
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

/// Parses a boolean as the SDKs of AWS do, in any letter case.
fn aws_boolean(text: &str) -> Result<bool, &'static str> {
    parse::boolean(&text.to_ascii_lowercase())
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
    fn all_errors_are_reported_at_once() {
        for (kind, other, names) in [
            (
                "s3",
                ("SIGNING_ACCESS_KEY_ID", "k"),
                &[
                    "AWS_USE_FIPS_ENDPOINT:",
                    "AWS_USE_DUALSTACK_ENDPOINT:",
                    "SIGNING_ROLE_ARN:",
                    "SIGNING_ACCESS_KEY_ID, SIGNING_SECRET_ACCESS_KEY:",
                    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY:",
                    "EXPECTED_BUCKET_OWNER:",
                ][..],
            ),
            (
                "embedded",
                ("SIGNING_SESSION_TOKEN", "t"),
                &[
                    "SIGNING_ROLE_ARN:",
                    "SIGNING_SESSION_TOKEN:",
                    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY:",
                ],
            ),
            (
                "floppy",
                ("S3_PATH_STYLE", "maybe"),
                &[
                    "STORAGE_TYPE:",
                    "AWS_USE_FIPS_ENDPOINT:",
                    "S3_PATH_STYLE:",
                    "EXPECTED_BUCKET_OWNER:",
                ],
            ),
        ] {
            let fips = if kind == "floppy" { "sometimes" } else { "true" };
            let error = load(&[
                ("STORAGE_TYPE", kind),
                ("S3_ENDPOINT", "http://localhost:3900"),
                ("AWS_USE_FIPS_ENDPOINT", fips),
                ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
                ("AWS_ACCESS_KEY_ID", "k"),
                ("EXPECTED_BUCKET_OWNER", "somebody"),
                ("SIGNING_ROLE_ARN", "arn:aws:iam::123456789012:role/signer"),
                other,
            ]);
            let error = error.expect_err("refused");
            for name in names {
                assert!(
                    error.contains(&format!("\n  {name}")),
                    "{kind}: {name} is missing in {error}"
                );
            }
        }
    }

    #[test]
    fn credentials_or_endpoint_mean_s3() {
        for pairs in [
            &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")][..],
            &[("S3_ENDPOINT", "http://localhost:3900/")],
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
            &[("STORAGE_TYPE", "s3")],
            &[("AWS_ENDPOINT_URL", "http://localhost:3900")],
            &[("AWS_ENDPOINT_URL_S3", "http://localhost:3900")],
            &[("AWS_PROFILE", "work")],
        ] {
            let config = load(pairs).expect("valid");
            assert_eq!(config.kind, StoreKind::S3, "{pairs:?}");
            let is_ours = matches!(pairs[0].0, "S3_ENDPOINT" | "STORAGE_TYPE");
            assert_eq!(
                (config.choice.is_guess, config.choice.reason.starts_with(pairs[0].0)),
                (!is_ours, true),
                "{pairs:?}"
            );
        }
        for pairs in [&[][..], &[("S3_ENDPOINT", "")], &[("AWS_PROFILE", "")]] {
            assert_eq!(load(pairs).expect("valid").kind, StoreKind::Embedded, "{pairs:?}");
        }
    }

    #[test]
    fn key_is_permanent_unless_it_has_a_session_token() {
        let pair = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        let permanent = |pairs: &[(&str, &str)]| load(pairs).expect("valid").permanent_key.is_some();
        assert!(permanent(&pair));
        assert!(!permanent(&[&pair[..], &[("AWS_SESSION_TOKEN", "token")]].concat()));
        assert!(!permanent(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")]));
        let config = load(&pair).expect("valid");
        assert!(config.client.credentials.is_none(), "left to the AWS chain");
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn endpoints_and_regions_are_taken_in_the_order_of_the_sdks() {
        let client = |pairs: &[(&str, &str)]| {
            let pairs = [&[("STORAGE_TYPE", "s3")], pairs].concat();
            load(&pairs).expect("valid").client
        };
        let of_all = ("AWS_ENDPOINT_URL", "http://all:1");
        let of_s3 = ("AWS_ENDPOINT_URL_S3", "http://S3:2/");
        let ours = ("S3_ENDPOINT", "http://ours:3/base/");
        let ignore = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True");
        for (pairs, endpoint) in [
            (&[][..], None),
            (&[of_all], Some("http://all:1")),
            (&[of_all, of_s3], Some("http://s3:2")),
            (&[of_all, of_s3, ours], Some("http://ours:3/base")),
            (&[of_all, of_s3, ignore], None),
            (&[of_all, ours, ignore], Some("http://ours:3/base")),
            (&[of_all, ("S3_ENDPOINT", "")], Some("http://all:1")),
        ] {
            assert_eq!(client(pairs).endpoint.as_deref(), endpoint, "{pairs:?}");
        }
        for (pairs, region) in [
            (&[][..], None),
            (&[("AWS_DEFAULT_REGION", "eu-west-1")], Some("eu-west-1")),
            (
                &[("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_REGION", "sa-east-1")],
                Some("sa-east-1"),
            ),
            (
                &[("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_REGION", "")],
                Some("eu-west-1"),
            ),
        ] {
            assert_eq!(client(pairs).region.as_deref(), region, "{pairs:?}");
        }
        for name in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
            let settings = client(&[(name, "TRUE")]);
            assert!(settings.use_fips.or(settings.use_dual_stack).expect("set"));
            let error = load(&[(name, "true"), of_all]).expect_err("refused");
            assert!(error.contains(&format!("{name}:")), "{error}");
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
        for wrong in ["01234567890", "0123456789012", "01234567890a"] {
            let error = load(&[("EXPECTED_BUCKET_OWNER", wrong)]).expect_err("refused");
            assert!(error.contains("EXPECTED_BUCKET_OWNER:"), "{error}");
        }
    }
}
