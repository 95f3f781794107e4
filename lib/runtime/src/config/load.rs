//! Reading the configuration from pairs of names and values.

use std::time::Duration;

use draftstore_service::Buckets;
use draftstore_storage::{BucketName, DraftBucket};

use super::auth::auth;
use super::connections::connection_limits;
use super::errors::Errors;
use super::limits::{brakes, confirm_limits, sweep_part};
use super::listen::{admin, listen, origins, readiness_interval};
use super::policy::policy;
use super::requests::request_limits;
use super::store::store;
use super::tls::tls;
use super::told::{sweep_report, traces};
use super::values::{OnOff, Seconds, Switch};
use super::variables::Values;
use super::{Config, InvalidConfig, Store};

/// What the draft bucket's name adds to the main bucket's.
const DRAFT_SUFFIX: &str = "-draft";

impl Config {
    /// The configuration of this process.
    ///
    /// # Errors
    /// [`InvalidConfig`] naming every variable that breaks a rule.
    pub fn from_env() -> Result<Self, InvalidConfig> {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        Self::load(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
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
        let brakes = brakes(&mut values, &mut errors);
        let sweep_part = sweep_part(&mut values, &mut errors);
        let confirm_limits = confirm_limits(&mut values, &mut errors);
        let shutdown_delay: Option<Seconds> = errors.parse("SHUTDOWN_DELAY", values.shutdown_delay.take());
        let require_safe_store = errors.parse("REQUIRE_SAFE_STORE", values.require_safe_store.take());
        let ticket_keys_file = errors.parse("TICKET_KEYS_FILE", values.ticket_keys_file.take());
        let console = errors.parse("CONSOLE", values.console.take());
        let audit_log = errors.parse("AUDIT_LOG", values.audit_log.take()).unwrap_or_default();
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
        let admin = admin(&mut values, &mut errors, &listen);
        let readiness_interval = readiness_interval(&mut values, &mut errors);
        let traces = traces(&mut values, &mut errors);
        let sweep_report = sweep_report(&mut values, &mut errors);
        let origins = origins(&mut values, &mut errors);
        let connections = connection_limits(&mut values, &mut errors);
        let auth = auth(&mut values, &mut errors);
        let requests = request_limits(&mut values, &mut errors);
        let tls = tls(&mut values, &mut errors);

        let config = buckets
            .zip(policy)
            .zip(store)
            .map(|((buckets, policy), (store, store_reason))| Self {
                store,
                store_reason,
                buckets,
                policy,
                brakes,
                sweep_part,
                confirm_limits,
                shutdown_delay: shutdown_delay.map_or(Duration::ZERO, Seconds::duration),
                require_safe_store: require_safe_store.is_some_and(|Switch(on)| on),
                origins,
                ticket_keys_file,
                console: console.is_none_or(|OnOff(on)| on),
                listen,
                admin,
                readiness_interval,
                connections,
                auth,
                requests,
                tls,
                cleanup_schedule,
                audit_log,
                traces,
                sweep_report,
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

#[cfg(test)]
mod tests {
    use draftstore_s3::Signing;
    use draftstore_service::cleaner::{Brakes, Part};
    use draftstore_service::draft::ConfirmLimits;

    use super::super::{ConnectionLimits, Rate, RequestLimits, SweepReport, TlsFiles};
    use super::*;
    use crate::config::Auth;
    use crate::traces::Sampling;

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
        assert_eq!(config.readiness_interval, Duration::from_secs(10));
        assert!(config.admin.address.is_loopback());
        assert_eq!((config.admin.port, config.admin.is_asked_for), (Some(9090), false));
        assert_eq!(config.buckets.main.name().as_str(), "main");
        assert_eq!(config.buckets.draft.name().as_str(), "main-draft");
        assert!(config.origins.as_slice().is_empty());
        assert!(config.console);
        assert_eq!(config.ticket_keys_file, None);
        assert_eq!(config.policy.sweep_grace(), Duration::from_secs(900));
        assert_eq!(config.brakes, Brakes::default());
        assert_eq!(config.sweep_part, Part::WHOLE);
        assert_eq!(config.confirm_limits, ConfirmLimits::default());
        assert_eq!(config.connections, ConnectionLimits::default());
        assert_eq!(config.requests, RequestLimits::default());
        assert!(!config.require_safe_store);
        assert_eq!(config.shutdown_delay, Duration::ZERO);
    }

    #[test]
    fn bounds_and_switches_are_read() {
        let config = load(&[
            ("MAX_DELETE", "1000"),
            ("MAX_DELETE_FRACTION", "0.5"),
            ("CONFIRM_TIMEOUT", "60"),
            ("SHUTDOWN_DELAY", "5"),
            ("REQUIRE_SAFE_STORE", "true"),
            ("CONSOLE", "off"),
            ("READINESS_INTERVAL", "5"),
            ("HEADER_TIMEOUT", "1"),
            ("WRITE_TIMEOUT", "2"),
            ("IDLE_TIMEOUT", "3"),
            ("MAX_CONNECTIONS", "4"),
            ("TICKET_KEYS_FILE", "/run/secrets/ticket-keys"),
        ])
        .expect("valid");
        assert_eq!(config.brakes.max_delete, Some(1000));
        assert_eq!(config.brakes.max_delete_fraction, "0.5".parse().ok());
        assert_eq!(config.confirm_limits.timeout, Duration::from_secs(60));
        assert_eq!(config.shutdown_delay, Duration::from_secs(5));
        assert!(config.require_safe_store);
        assert!(!config.console);
        let limits = ConnectionLimits {
            header_timeout: Duration::from_secs(1),
            write_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(3),
            max_connections: 4,
        };
        assert_eq!(config.connections, limits);
        assert_eq!(config.readiness_interval, Duration::from_secs(5));
        assert_eq!(config.ticket_keys_file, Some("/run/secrets/ticket-keys".into()));
    }

    #[test]
    fn admin_port_is_on_loopback_unless_it_is_told_otherwise() {
        let admin = |pairs: &[(&str, &str)]| load(&[&[("STORAGE_TYPE", "s3")], pairs].concat()).expect("valid").admin;
        assert!(admin(&[]).address.is_loopback());
        let everywhere = admin(&[("ADMIN_BIND_ADDRESS", "0.0.0.0"), ("ADMIN_PORT", "9091")]);
        assert!(everywhere.address.is_unspecified());
        assert_eq!((everywhere.port, everywhere.is_asked_for), (Some(9091), true));
        assert_eq!(admin(&[("ADMIN_PORT", "off")]).port, None);
        for (name, wrong) in [
            ("ADMIN_PORT", ""),
            ("ADMIN_PORT", "on"),
            ("ADMIN_PORT", "8080"),
            ("ADMIN_PORT", "50051"),
            ("ADMIN_BIND_ADDRESS", "localhost"),
            ("READINESS_INTERVAL", "0"),
            ("READINESS_INTERVAL", "soon"),
        ] {
            let error = load(&[(name, wrong)]).expect_err("refused").to_string();
            assert!(error.contains(&format!("{name}:")), "{error}");
        }
    }

    #[test]
    fn part_to_sweep_is_read_and_may_be_the_number_of_a_pod() {
        let part = |pairs: &[(&str, &str)]| load(pairs).expect("valid").sweep_part;
        let [third, second] = [2, 1].map(|index| Part::new(index, 4).expect("a part"));
        let (shard, shards, pod) = (
            ("SWEEP_SHARD", "2"),
            ("SWEEP_SHARDS", "4"),
            ("JOB_COMPLETION_INDEX", "1"),
        );
        assert_eq!(part(&[shard, shards]), third);
        assert_eq!(part(&[shards, pod]), second);
        assert_eq!(part(&[shard, shards, pod]), third);
        assert_eq!(part(&[pod]), Part::WHOLE, "an Indexed Job of another purpose");
        for (pairs, said) in [
            (&[shard][..], "SWEEP_SHARD:"),
            (&[shards], "SWEEP_SHARD:"),
            (
                &[("SWEEP_SHARD", "4"), shards],
                "SWEEP_SHARD: must be less than SWEEP_SHARDS, which is 4",
            ),
            (
                &[("JOB_COMPLETION_INDEX", "4"), shards],
                "JOB_COMPLETION_INDEX: must be less",
            ),
            (
                &[("SWEEP_SHARD", "-1"), shards],
                "SWEEP_SHARD: \"-1\": must be a whole number, from 0",
            ),
            (&[shard, ("SWEEP_SHARDS", "0")], "must be a whole number, 1 to 256"),
            (&[shard, ("SWEEP_SHARDS", "257")], "must be a whole number, 1 to 256"),
            (&[shard, ("SWEEP_SHARDS", "")], "SWEEP_SHARDS: must not be empty"),
        ] {
            let error = load(pairs).expect_err("refused").to_string();
            assert!(error.contains(said), "{pairs:?}: {error}");
        }
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
    fn uploads_may_be_signed_by_a_key_or_a_role_of_their_own() {
        let s3 = ("STORAGE_TYPE", "s3");
        let signing =
            |pairs: &[(&'static str, &'static str)]| match load(&[&[s3][..], pairs].concat()).expect("valid").store {
                Store::S3(settings) => settings.signing,
                Store::Embedded(_) => panic!("embedded"),
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
        assert!(matches!(&embedded.store, Store::Embedded(store) if store.signing.is_some()));
        for (pairs, name) in [
            (&[s3, pair[0]][..], "SIGNING_SECRET_ACCESS_KEY"),
            (&[s3, pair[1]], "SIGNING_ACCESS_KEY_ID"),
            (&[s3, token], "SIGNING_SESSION_TOKEN"),
            (&[s3, pair[0], pair[1], role], "SIGNING_ROLE_ARN"),
            (&[s3, ("SIGNING_ROLE_ARN", "signer")], "SIGNING_ROLE_ARN"),
            (&[role], "SIGNING_ROLE_ARN: the embedded store"),
            (&[pair[0], pair[1], token], "SIGNING_SESSION_TOKEN: the embedded store"),
        ] {
            let error = load(pairs).expect_err("refused").to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn certificates_are_read_by_the_names_of_their_files() {
        let pair = [("TLS_CERT_FILE", "c.pem"), ("TLS_KEY_FILE", "k.pem")];
        let files = |client_ca: Option<&str>| TlsFiles {
            certificate: "c.pem".into(),
            key: "k.pem".into(),
            client_ca: client_ca.map(Into::into),
        };
        assert_eq!(load(&pair).expect("valid").tls, Some(files(None)));
        let all = [&pair[..], &[("TLS_CLIENT_CA_FILE", "a.pem")]].concat();
        assert_eq!(load(&all).expect("valid").tls, Some(files(Some("a.pem"))));
    }

    #[test]
    fn limits_of_requests_are_read() {
        let requests = load(&[
            ("BODY_TIMEOUT", "1"),
            ("CALL_TIMEOUT", "2"),
            ("MAX_CONCURRENT_REQUESTS", "3"),
            ("RATE_LIMIT", "100/60"),
            ("CONFIRM_RATE_LIMIT", "off"),
            ("ADDRESS_RATE_LIMIT", "1/86400"),
            ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.7,fd00::/8"),
        ])
        .expect("valid")
        .requests;
        let rate = |rate: Option<Rate>| rate.map(|rate| (rate.requests.get(), rate.window.as_secs()));
        assert_eq!(
            (requests.body_timeout.as_secs(), requests.call_timeout.as_secs()),
            (1, 2)
        );
        assert_eq!(requests.max_concurrent, 3);
        assert_eq!(rate(requests.caller), Some((100, 60)));
        assert_eq!(requests.confirm, None);
        assert_eq!(rate(requests.address), Some((1, 86_400)));
        let proxies: Vec<_> = requests.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(proxies, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
        for wrong in ["", "0/1", "1/0", "100", "1/86401", "-1/1", "many/1", "100/60s", "Off"] {
            let error = load(&[("RATE_LIMIT", wrong)]).expect_err("refused").to_string();
            assert!(error.contains("RATE_LIMIT:"), "{error}");
        }
        for wrong in ["", "10.0.0.0/33", "proxy", "10.0.0.1,"] {
            let error = load(&[("TRUSTED_PROXIES", wrong)]).expect_err("refused").to_string();
            assert!(error.contains("TRUSTED_PROXIES:"), "{error}");
        }
    }

    #[test]
    fn traces_go_where_an_endpoint_is_named_and_are_sampled_as_it_is_said() {
        assert_eq!(
            load(&[("OTEL_TRACES_SAMPLER", "always_on")]).expect("valid").traces,
            None
        );
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317/");
        let traces = |more: &[(&'static str, &'static str)]| load(&[&[endpoint], more].concat()).expect("valid").traces;
        let plain = traces(&[]).expect("named");
        assert_eq!(
            (plain.endpoint.as_str(), plain.service_name),
            ("http://collector:4317", None)
        );
        assert_eq!(plain.sampling, Sampling::default());
        let more = traces(&[
            ("OTEL_SERVICE_NAME", "uploads"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ]);
        let more = more.expect("named");
        assert_eq!(more.service_name.as_deref(), Some("uploads"));
        assert_eq!((more.sampling.fraction, more.sampling.follows_parent), (0.1, true));
        for (name, wrong) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hush@collector"),
            ("OTEL_SERVICE_NAME", ""),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
            ("PUSHGATEWAY_URL", "pushgateway:9091"),
            ("METRICS_TEXTFILE", ""),
        ] {
            let error = load(&[(name, wrong)]).expect_err("refused").to_string();
            assert!(error.contains(&format!("{name}:")), "{error}");
        }
    }

    #[test]
    fn figures_of_sweeps_go_to_a_file_and_to_a_pushgateway() {
        assert_eq!(load(&[]).expect("valid").sweep_report, SweepReport::default());
        let report = load(&[("METRICS_TEXTFILE", "/f.prom"), ("PUSHGATEWAY_URL", "http://p:9091/")]);
        let report = report.expect("valid").sweep_report;
        assert_eq!(report.textfile, Some("/f.prom".into()));
        assert_eq!(report.pushgateway.as_deref(), Some("http://p:9091"));
    }

    #[test]
    fn expected_owner_goes_to_either_store() {
        let owner = ("EXPECTED_BUCKET_OWNER", "012345678901");
        let s3 = load(&[owner, ("STORAGE_TYPE", "s3")]).expect("valid").store;
        let Store::S3(s3) = s3 else { panic!("S3 was asked for") };
        assert_eq!(s3.expected_bucket_owner, owner.1.parse().ok());
        let Store::Embedded(embedded) = load(&[owner]).expect("valid").store else {
            panic!("no store was named")
        };
        assert_eq!(embedded.expected_bucket_owner, owner.1.parse().ok());
        for wrong in ["", "01234567890", "0123456789012", "01234567890a"] {
            let error = load(&[("EXPECTED_BUCKET_OWNER", wrong)])
                .expect_err("refused")
                .to_string();
            assert!(error.contains("EXPECTED_BUCKET_OWNER:"), "{error}");
        }
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
            ("MAX_DELETE", "-1"),
            ("MAX_DELETE_FRACTION", "50%"),
            ("SWEEP_SHARD", "first"),
            ("SWEEP_SHARDS", "all"),
            ("CONFIRM_TIMEOUT", "0"),
            ("SHUTDOWN_DELAY", "-1"),
            ("HEADER_TIMEOUT", "0"),
            ("WRITE_TIMEOUT", "soon"),
            ("IDLE_TIMEOUT", "-1"),
            ("MAX_CONNECTIONS", "0"),
            ("REQUIRE_SAFE_STORE", "yes"),
            ("CLEANUP_SCHEDULE", "hourly"),
            ("CORS_ALLOWED_ORIGINS", "example.com"),
            ("S3_ENDPOINT", "localhost:9000"),
            ("S3_PATH_STYLE", "yes"),
            ("EXPECTED_BUCKET_OWNER", "1234-5678-9012"),
            ("BIND_ADDRESS", "localhost"),
            ("TICKET_KEYS_FILE", ""),
            ("CONSOLE", "true"),
            ("AUTH", "apikey"),
            ("POLICY_FILE", ""),
            ("AUDIT_LOG", "on"),
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
            "MAX_DELETE:",
            "MAX_DELETE_FRACTION",
            "SWEEP_SHARD:",
            "SWEEP_SHARDS:",
            "CONFIRM_TIMEOUT",
            "SHUTDOWN_DELAY",
            "HEADER_TIMEOUT",
            "WRITE_TIMEOUT",
            "IDLE_TIMEOUT",
            "MAX_CONNECTIONS",
            "EXPECTED_BUCKET_OWNER",
            "REQUIRE_SAFE_STORE",
            "CLEANUP_SCHEDULE",
            "CORS_ALLOWED_ORIGINS",
            "S3_ENDPOINT",
            "S3_PATH_STYLE",
            "BIND_ADDRESS",
            "TICKET_KEYS_FILE",
            "CONSOLE",
            "AUTH",
            "POLICY_FILE",
            "AUDIT_LOG",
            "LOG_FORMAT",
            "RUST_LOG",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(errors.contains(name), "{name} is missing in {errors}");
        }
    }

    #[test]
    fn ways_to_be_recognised_are_read() {
        let ways = |text: &str| {
            let config = load(&[("AUTH", text), ("POLICY_FILE", "policy.toml")]).expect("valid");
            let Some(Auth::By { ways, policy_file }) = config.auth else {
                panic!("nobody is asked");
            };
            assert_eq!(policy_file.to_str(), Some("policy.toml"));
            [ways.api_key, ways.jwt, ways.mtls]
        };
        assert_eq!(ways("api-key"), [true, false, false]);
        assert_eq!(ways("jwt, mtls"), [false, true, true]);
        assert_eq!(ways("mtls,jwt,api-key"), [true; 3]);
    }

    #[test]
    fn ways_that_cannot_be_meant_are_refused() {
        for (pairs, name) in [
            (&[("AUTH", "api-key")][..], "POLICY_FILE"),
            (&[("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "none"), ("POLICY_FILE", "a")], "POLICY_FILE"),
            (&[("AUTH", "none,api-key"), ("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "jwt,jwt"), ("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "jwt,"), ("POLICY_FILE", "a")], "AUTH"),
            (&[("AUTH", "NONE")], "AUTH"),
        ] {
            let error = load(pairs).expect_err("refused").to_string();
            assert!(error.contains(&format!("\n  {name}: ")), "{error}");
        }
    }

    #[test]
    fn certificates_are_asked_for_where_they_can_be_shown() {
        let mtls = [("AUTH", "mtls"), ("POLICY_FILE", "policy.toml")];
        let said = load(&mtls).expect("valid").auth_of_server().expect_err("refused");
        assert!(said.to_string().contains("\n  TLS_CLIENT_CA_FILE: "), "{said}");
        let tls = [
            ("TLS_CERT_FILE", "c"),
            ("TLS_KEY_FILE", "k"),
            ("TLS_CLIENT_CA_FILE", "a"),
        ];
        let config = load(&[&mtls[..], &tls].concat()).expect("valid");
        assert_eq!(config.auth_of_server(), Ok(config.auth.clone().expect("set")));
    }

    #[test]
    fn server_is_open_to_others_only_where_that_is_said() {
        let auth = |pairs: &[(&str, &str)]| load(pairs).expect("valid").auth_of_server();
        assert_eq!(auth(&[]), Ok(Auth::Nobody));
        assert_eq!(auth(&[("BIND_ADDRESS", "::1")]), Ok(Auth::Nobody));
        assert_eq!(auth(&[("BIND_ADDRESS", "0.0.0.0"), ("AUTH", "none")]), Ok(Auth::Nobody));
        for open in [
            &[("BIND_ADDRESS", "0.0.0.0")][..],
            &[("BIND_ADDRESS", "::")],
            &[("BIND_ADDRESS", "192.0.2.1")],
            &[("STORAGE_TYPE", "s3")],
        ] {
            let said = auth(open).expect_err("refused").to_string();
            for way in ["AUTH=api-key", "POLICY_FILE", "BIND_ADDRESS=127.0.0.1", "AUTH=none"] {
                assert!(said.contains(way), "{said}");
            }
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
            (&[("TLS_CERT_FILE", "c")], "TLS_KEY_FILE"),
            (&[("TLS_KEY_FILE", "k")], "TLS_CERT_FILE"),
            (&[("TLS_CLIENT_CA_FILE", "a")], "TLS_CLIENT_CA_FILE"),
            (&[("TLS_CERT_FILE", ""), ("TLS_KEY_FILE", "k")], "TLS_CERT_FILE"),
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
