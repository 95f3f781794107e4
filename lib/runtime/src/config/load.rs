//! Reading the configuration from pairs of names and values.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use draftstore_embedded::Credentials;
use draftstore_service::{AllowedOrigins, Buckets, Policy};
use draftstore_storage::s3;
use draftstore_storage::{BucketName, DraftBucket};

use super::errors::Errors;
use super::variables::Values;
use super::{Config, EmbeddedStore, InvalidConfig, Listen, Store};

/// What the draft bucket's name adds to the main bucket's.
const DRAFT_SUFFIX: &str = "-draft";

const DEFAULT_HTTP_PORT: u16 = 8080;
const DEFAULT_GRPC_PORT: u16 = 50051;
const DEFAULT_EMBEDDED_PORT: u16 = 9000;
const DEFAULT_URL_TTL: Seconds = Seconds(3600);
const DEFAULT_OBJECT_LIFETIME: Seconds = Seconds(86_400);
const DEFAULT_SWEEP_GRACE: Seconds = Seconds(900);

/// A draft may live a hundred years: more is a slip of the hand, and would overflow dates.
const MAX_SECONDS: u64 = 100 * 365 * 86_400;

impl Config {
    /// The configuration of this process.
    ///
    /// # Errors
    /// [`InvalidConfig`] naming every variable that breaks a rule.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        Self::load(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// The same from given pairs.
    ///
    /// # Errors
    /// See [`Config::from_env`].
    pub fn load(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidConfig> {
        let mut errors = Errors::default();
        let Some(mut values) = errors.take("environment", envy::from_iter::<_, Values>(pairs)) else {
            return errors.finish(None);
        };

        let buckets = buckets(&mut values, &mut errors);
        let policy = policy(&mut values, &mut errors);
        let log_format = errors.parse("LOG_FORMAT", values.log_format.take()).unwrap_or_default();
        let log_filter = errors.parse("RUST_LOG", values.rust_log.take()).unwrap_or_default();
        let cleanup_schedule = errors.parse("CLEANUP_SCHEDULE", values.cleanup_schedule.take());
        let store = store(&mut values, &mut errors);
        let is_embedded = matches!(store, Some((Store::Embedded(_), _)));
        let listen = listen(&mut values, &mut errors, is_embedded);
        if let Some((Store::Embedded(embedded), _)) = &store {
            let taken = [listen.http_port, listen.grpc_port].contains(&embedded.port);
            if taken && embedded.port != 0 {
                errors.add("EMBEDDED_PORT: must differ from HTTP_PORT and GRPC_PORT");
            }
        }
        let origins = origins(&mut values, &mut errors, is_embedded.then_some(listen.http_port));

        let config = buckets
            .zip(policy)
            .zip(store)
            .map(|((buckets, policy), (store, store_reason))| Self {
                store,
                store_reason,
                buckets,
                policy,
                origins,
                listen,
                cleanup_schedule,
                log_format,
                log_filter,
            });
        errors.finish(config)
    }
}

fn buckets(values: &mut Values, errors: &mut Errors) -> Option<Buckets> {
    let main_name = values.bucket_name.take().unwrap_or_else(|| "main".to_owned());
    let draft_name = values.draft_bucket_name.take();
    let draft_name = draft_name.unwrap_or_else(|| format!("{main_name}{DRAFT_SUFFIX}"));
    let main: Option<BucketName> = errors.parse("BUCKET_NAME", Some(main_name));
    let draft: Option<BucketName> = errors.parse("DRAFT_BUCKET_NAME", Some(draft_name));
    let pair = DraftBucket::pair(draft?, main?);
    let (draft, main) = errors.take("DRAFT_BUCKET_NAME", pair)?;
    Some(Buckets { draft, main })
}

fn policy(values: &mut Values, errors: &mut Errors) -> Option<Policy> {
    let mut seconds = |name, value: &mut Option<String>, default| match value.take() {
        Some(text) => errors.parse::<Seconds>(name, Some(text)),
        None => Some(default),
    };
    let upload = seconds("UPLOAD_TTL", &mut values.upload_ttl, DEFAULT_URL_TTL);
    let download = seconds("DOWNLOAD_TTL", &mut values.download_ttl, DEFAULT_URL_TTL);
    let lifetime = seconds("OBJECT_LIFETIME", &mut values.object_lifetime, DEFAULT_OBJECT_LIFETIME);
    let default_grace = lifetime.map_or(DEFAULT_SWEEP_GRACE, |Seconds(lifetime)| {
        Seconds(lifetime / 4).min(DEFAULT_SWEEP_GRACE)
    });
    let grace = seconds("SWEEP_GRACE", &mut values.sweep_grace, default_grace);
    let policy = Policy::new(
        upload?.duration(),
        download?.duration(),
        lifetime?.duration(),
        grace?.duration(),
    );
    policy.map_err(|error| errors.add(error.to_string())).ok()
}

/// A whole number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seconds(u64);

impl Seconds {
    fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS);
        seconds
            .map(Self)
            .ok_or_else(|| format!("must be a whole number of seconds, 0 to {MAX_SECONDS}"))
    }
}

fn store(values: &mut Values, errors: &mut Errors) -> Option<(Store, &'static str)> {
    let given = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
    let has_credentials = [
        &values.aws_access_key_id,
        &values.aws_profile,
        &values.aws_web_identity_token_file,
        &values.aws_container_credentials_full_uri,
        &values.aws_container_credentials_relative_uri,
    ]
    .into_iter()
    .any(given);
    match values.storage_type.take().as_deref() {
        Some("s3") => Some((s3(values, errors), "STORAGE_TYPE=s3")),
        Some("embedded") => Some((embedded(values, errors, true), "STORAGE_TYPE=embedded")),
        Some(other) => errors.take("STORAGE_TYPE", Err(format!("{other:?}: must be 's3' or 'embedded'"))),
        None if given(&values.s3_endpoint) => Some((s3(values, errors), "S3_ENDPOINT is set")),
        None if has_credentials => Some((s3(values, errors), "AWS credentials are configured")),
        None => Some((embedded(values, errors, false), "no store is configured")),
    }
}

/// Credentials are left to the AWS chain, which reads the same variables; only half a key pair is refused here.
fn s3(values: &mut Values, errors: &mut Errors) -> Store {
    key_pair(values, errors);
    let path_style: Option<Switch> = errors.parse("S3_PATH_STYLE", values.s3_path_style.take());
    Store::S3(s3::Settings {
        endpoint: endpoint("S3_ENDPOINT", &mut values.s3_endpoint, errors),
        public_endpoint: endpoint("S3_PUBLIC_ENDPOINT", &mut values.s3_public_endpoint, errors),
        path_style: path_style.map(|Switch(on)| on),
        ..s3::Settings::new(region(values, errors))
    })
}

fn embedded(values: &mut Values, errors: &mut Errors, asked_for: bool) -> Store {
    let pair = if asked_for { key_pair(values, errors) } else { None };
    let credentials = pair.map(|(access_key_id, secret_access_key)| Credentials {
        access_key_id,
        secret_access_key,
    });
    let data_dir: Option<PathBuf> = errors.parse("EMBEDDED_DATA_DIR", values.embedded_data_dir.take());
    Store::Embedded(EmbeddedStore {
        data_dir: data_dir.unwrap_or_else(|| PathBuf::from("data")),
        port: port(
            "EMBEDDED_PORT",
            &mut values.embedded_port,
            DEFAULT_EMBEDDED_PORT,
            errors,
        ),
        credentials,
        region: region(values, errors),
        public_endpoint: endpoint("S3_PUBLIC_ENDPOINT", &mut values.s3_public_endpoint, errors),
    })
}

fn key_pair(values: &mut Values, errors: &mut Errors) -> Option<(String, String)> {
    let present = |value: Option<String>| value.filter(|text| !text.is_empty());
    let key = present(values.aws_access_key_id.take());
    let secret = present(values.aws_secret_access_key.take());
    if key.is_some() != secret.is_some() {
        errors.add("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: must be set together");
    }
    key.zip(secret)
}

fn region(values: &mut Values, errors: &mut Errors) -> String {
    errors
        .parse("AWS_REGION", values.aws_region.take())
        .unwrap_or_else(|| "us-east-1".to_owned())
}

fn listen(values: &mut Values, errors: &mut Errors, is_embedded: bool) -> Listen {
    let default = if is_embedded {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    let address: Option<IpAddr> = errors.parse("BIND_ADDRESS", values.bind_address.take());
    let listen = Listen {
        address: address.unwrap_or(IpAddr::V4(default)),
        grpc_port: port("GRPC_PORT", &mut values.grpc_port, DEFAULT_GRPC_PORT, errors),
        http_port: port("HTTP_PORT", &mut values.http_port, DEFAULT_HTTP_PORT, errors),
    };
    if listen.grpc_port == listen.http_port && listen.http_port != 0 {
        errors.add("GRPC_PORT: must differ from HTTP_PORT");
    }
    listen
}

fn port(name: &str, value: &mut Option<String>, default: u16, errors: &mut Errors) -> u16 {
    let parsed: Option<Port> = errors.parse(name, value.take());
    parsed.map_or(default, |Port(port)| port)
}

fn endpoint(name: &str, value: &mut Option<String>, errors: &mut Errors) -> Option<String> {
    let parsed: Option<Endpoint> = errors.parse(name, value.take());
    parsed.map(|Endpoint(url)| url)
}

/// The pages that the server itself serves may use the embedded store's draft bucket without being listed.
fn origins(values: &mut Values, errors: &mut Errors, own_port: Option<u16>) -> AllowedOrigins {
    let listed = values.cors_allowed_origins.take().unwrap_or_default();
    let listed: Option<AllowedOrigins> = errors.take("CORS_ALLOWED_ORIGINS", listed.parse());
    let own = ["localhost", "127.0.0.1"].map(|host| own_port.map(|port| format!("http://{host}:{port}")));
    let all = own
        .into_iter()
        .flatten()
        .try_fold(listed.unwrap_or_default(), |origins, own| origins.and(&own));
    errors.take("HTTP_PORT", all).unwrap_or_default()
}

/// A TCP port.
struct Port(u16);

impl FromStr for Port {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be a port, 0 to 65535")
    }
}

/// Yes or no.
struct Switch(bool);

impl FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be 'true' or 'false'")
    }
}

/// The URL of a store.
struct Endpoint(String);

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let plain = rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.starts_with('/')
                && rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#@".contains(&b))
        });
        if plain {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err("must be an http or https URL without user, query or fragment, such as http://localhost:3900")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        Config::load(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn nothing_set_means_the_embedded_store_on_loopback() {
        let config = load(&[]).expect("valid");
        assert!(matches!(&config.store, Store::Embedded(store) if store.port == 9000 && store.credentials.is_none()));
        assert!(config.listen.address.is_loopback());
        assert_eq!((config.listen.http_port, config.listen.grpc_port), (8080, 50051));
        assert_eq!(config.buckets.main.name().as_str(), "main");
        assert_eq!(config.buckets.draft.name().as_str(), "main-draft");
        assert_eq!(
            config.origins.as_slice(),
            ["http://localhost:8080", "http://127.0.0.1:8080"]
        );
        assert_eq!(config.policy.sweep_grace(), Duration::from_secs(900));
    }

    #[test]
    fn credentials_or_endpoint_mean_s3_on_all_interfaces() {
        for pairs in [
            &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")][..],
            &[("S3_ENDPOINT", "http://localhost:3900/")],
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
            &[("STORAGE_TYPE", "s3")],
        ] {
            let config = load(pairs).expect("valid");
            assert!(matches!(config.store, Store::S3(_)), "{pairs:?}");
            assert!(config.listen.address.is_unspecified());
            assert!(config.origins.as_slice().is_empty());
        }
    }

    #[test]
    fn embedded_store_takes_credentials_that_are_set_beside_it() {
        let pair = [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        let config = load(&[&pair[..], &[("STORAGE_TYPE", "embedded")]].concat()).expect("valid");
        let Store::Embedded(embedded) = &config.store else {
            panic!("not embedded");
        };
        let credentials = embedded.credentials.as_ref().expect("given");
        assert_eq!(credentials.secret_access_key, "hush");
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn every_error_is_said_at_once_and_names_its_variable() {
        let errors = load(&[
            ("BUCKET_NAME", "Main"),
            ("HTTP_PORT", "http"),
            ("GRPC_PORT", "65536"),
            ("UPLOAD_TTL", "1h"),
            ("DOWNLOAD_TTL", ""),
            ("OBJECT_LIFETIME", "-1"),
            ("CLEANUP_SCHEDULE", "hourly"),
            ("CORS_ALLOWED_ORIGINS", "example.com"),
            ("S3_ENDPOINT", "localhost:9000"),
            ("S3_PATH_STYLE", "yes"),
            ("BIND_ADDRESS", "localhost"),
            ("LOG_FORMAT", "xml"),
            ("RUST_LOG", "a=b=c"),
            ("AWS_ACCESS_KEY_ID", "k"),
        ])
        .expect_err("invalid")
        .to_string();
        for name in [
            "BUCKET_NAME",
            "HTTP_PORT",
            "GRPC_PORT",
            "UPLOAD_TTL",
            "DOWNLOAD_TTL",
            "OBJECT_LIFETIME",
            "CLEANUP_SCHEDULE",
            "CORS_ALLOWED_ORIGINS",
            "S3_ENDPOINT",
            "S3_PATH_STYLE",
            "BIND_ADDRESS",
            "LOG_FORMAT",
            "RUST_LOG",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(errors.contains(name), "{name} is missing in {errors}");
        }
    }

    #[test]
    fn what_would_lose_data_or_collide_is_refused() {
        for (pairs, name) in [
            (
                &[("BUCKET_NAME", "files"), ("DRAFT_BUCKET_NAME", "files")][..],
                "DRAFT_BUCKET_NAME",
            ),
            (&[("OBJECT_LIFETIME", "60"), ("UPLOAD_TTL", "61")], "OBJECT_LIFETIME"),
            (&[("UPLOAD_TTL", "0")], "UPLOAD_TTL"),
            (&[("UPLOAD_TTL", "604801"), ("OBJECT_LIFETIME", "700000")], "UPLOAD_TTL"),
            (&[("HTTP_PORT", "9000")], "EMBEDDED_PORT"),
            (&[("GRPC_PORT", "8080")], "GRPC_PORT"),
            (&[("STORAGE_TYPE", "nfs")], "STORAGE_TYPE"),
        ] {
            let error = load(pairs).expect_err("refused").to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn grace_is_a_quarter_of_a_short_lifetime() {
        for (lifetime, grace) in [("1", 0), ("60", 15), ("3600", 900), ("86400", 900)] {
            let config = load(&[("OBJECT_LIFETIME", lifetime), ("UPLOAD_TTL", "1")]).expect("valid");
            assert_eq!(config.policy.sweep_grace(), Duration::from_secs(grace));
        }
    }
}
