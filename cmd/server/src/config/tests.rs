use draftstore_config::reference;
use draftstore_service::cleaner::{Brakes, Slice};
use draftstore_service::draft::ConfirmLimits;

use super::*;

fn load(pairs: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
    Config::load(Environment::from_pairs(pairs.iter().copied()))
}

#[test]
fn default_is_the_embedded_store_on_loopback() {
    let config = load(&[]).expect("valid");
    let ConfiguredStore::Embedded(embedded, client) = &config.store else {
        panic!("no store was named");
    };
    assert_eq!(embedded.port, 9000);
    assert!(client.credentials.is_none());
    assert!(config.listen.address.is_loopback());
    assert_eq!((config.listen.http_port, config.listen.grpc_port), (8080, 50051));
    assert_eq!(config.server.readiness_interval, Duration::from_secs(10));
    assert!(config.admin.address.is_loopback());
    assert_eq!((config.admin.port, config.admin.is_required), (Some(9090), false));
    assert_eq!(config.shared.buckets.main.name().as_str(), "main");
    assert_eq!(config.shared.buckets.draft.name().as_str(), "main-draft");
    assert_eq!(config.drafts.origins, None);
    assert!(config.server.console);
    assert_eq!(config.auth.ticket_keys_file, None);
    assert_eq!(config.shared.policy.sweep_grace(), Duration::from_secs(900));
    assert_eq!(config.shared.sweep.brakes, Brakes::default());
    assert_eq!(config.shared.sweep.slice, Slice::WHOLE);
    assert_eq!(config.drafts.confirm_limits(), ConfirmLimits::default());
    assert_eq!(config.connections, ConnectionLimits::default());
    assert!(!config.shared.require_safe_store);
    assert_eq!(config.server.shutdown_delay, Duration::ZERO);
    assert_eq!(config.shared.unknown(), []);
}

#[test]
fn limits_and_switches_are_read() {
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
    assert_eq!(config.shared.sweep.brakes.max_delete, Some(1000));
    assert_eq!(config.shared.sweep.brakes.max_delete_fraction, "0.5".parse().ok());
    assert_eq!(config.drafts.confirm_limits().timeout, Duration::from_secs(60));
    assert_eq!(config.server.shutdown_delay, Duration::from_secs(5));
    assert!(config.shared.require_safe_store);
    assert!(!config.server.console);
    let limits = ConnectionLimits {
        header_timeout: Duration::from_secs(1),
        write_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(3),
        max_connections: 4,
        ..ConnectionLimits::default()
    };
    assert_eq!(config.connections, limits);
    assert_eq!(config.server.readiness_interval, Duration::from_secs(5));
    assert_eq!(config.auth.ticket_keys_file, Some("/run/secrets/ticket-keys".into()));
}

#[test]
fn admin_port_is_on_loopback_by_default() {
    let admin = |pairs: &[(&str, &str)]| load(&[&[("STORAGE_TYPE", "s3")], pairs].concat()).expect("valid").admin;
    assert!(admin(&[]).address.is_loopback());
    let everywhere = admin(&[("ADMIN_BIND_ADDRESS", "0.0.0.0"), ("ADMIN_PORT", "9091")]);
    assert!(everywhere.address.is_unspecified());
    assert_eq!((everywhere.port, everywhere.is_required), (Some(9091), true));
    assert_eq!(admin(&[("ADMIN_PORT", "off")]).port, None);
    for (name, wrong) in [
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
fn credentials_or_endpoint_select_s3_on_all_interfaces() {
    for pairs in [
        &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")][..],
        &[("S3_ENDPOINT", "http://localhost:3900/")],
        &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token")],
        &[("STORAGE_TYPE", "s3")],
    ] {
        let config = load(pairs).expect("valid");
        assert!(matches!(config.store, ConfiguredStore::S3(_)), "{pairs:?}");
        assert!(config.listen.address.is_unspecified());
        assert_eq!(config.drafts.origins, None);
    }
}

#[test]
fn all_errors_are_reported_together_with_their_variables() {
    let errors = load(&[
        ("BUCKET_NAME", "Main"),
        ("HTTP_PORT", "http"),
        ("GRPC_PORT", "65536"),
        ("UPLOAD_TTL", "1h"),
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
        ("CONSOLE", "true"),
        ("AUTH", "apikey"),
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
        "CONSOLE",
        "AUTH",
        "AUDIT_LOG",
        "LOG_FORMAT",
        "RUST_LOG",
        "AWS_SECRET_ACCESS_KEY",
    ] {
        assert!(errors.contains(name), "{name} is missing in {errors}");
    }
}

#[test]
fn client_certificates_need_an_authority() {
    let mtls = [("AUTH", "mtls"), ("POLICY_FILE", "policy.toml")];
    let error = load(&mtls).expect("valid").authentication().expect_err("refused");
    assert!(error.to_string().contains("\n  TLS_CLIENT_CA_FILE: "), "{error}");
    let tls = [
        ("TLS_CERT_FILE", "c"),
        ("TLS_KEY_FILE", "k"),
        ("TLS_CLIENT_CA_FILE", "a"),
    ];
    let config = load(&[&mtls[..], &tls].concat()).expect("valid");
    assert_eq!(config.authentication().ok(), config.auth.auth);
}

#[test]
fn server_without_auth_listens_on_loopback_only() {
    let auth = |pairs: &[(&str, &str)]| load(pairs).expect("valid").authentication();
    assert_eq!(auth(&[]), Ok(Auth::None));
    assert_eq!(auth(&[("BIND_ADDRESS", "::1")]), Ok(Auth::None));
    assert_eq!(auth(&[("BIND_ADDRESS", "0.0.0.0"), ("AUTH", "none")]), Ok(Auth::None));
    for open in [
        &[("BIND_ADDRESS", "0.0.0.0")][..],
        &[("BIND_ADDRESS", "::")],
        &[("BIND_ADDRESS", "192.0.2.1")],
        &[("STORAGE_TYPE", "s3")],
    ] {
        let error = auth(open).expect_err("refused").to_string();
        for way in ["AUTH=api-key", "POLICY_FILE", "BIND_ADDRESS=127.0.0.1", "AUTH=none"] {
            assert!(error.contains(way), "{error}");
        }
        assert!(!error.contains("STORAGE_TYPE"), "{error}");
    }
}

#[test]
fn store_that_the_environment_of_a_shell_chose_is_named_with_the_way_out() {
    for variable in ["AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_WEB_IDENTITY_TOKEN_FILE"] {
        let config = load(&[(variable, "http://x")]).expect("valid");
        assert!(config.store_choice.is_guess);
        let error = config.authentication().expect_err("refused").to_string();
        let remedy = error
            .split_once(", which other machines can reach: set ")
            .expect("a remedy")
            .1;
        assert!(remedy.starts_with("STORAGE_TYPE=embedded "), "{error}");
        assert!(error.contains(&format!("because {variable} is set")), "{error}");
    }
    assert!(
        !load(&[("S3_ENDPOINT", "http://x")])
            .expect("valid")
            .store_choice
            .is_guess
    );
}

#[test]
fn colliding_ports_and_unknown_stores_are_refused() {
    for (pairs, name) in [
        (&[("HTTP_PORT", "9000")][..], "EMBEDDED_PORT"),
        (&[("GRPC_PORT", "8080")], "GRPC_PORT"),
        (&[("STORAGE_TYPE", "nfs")], "STORAGE_TYPE"),
    ] {
        let error = load(pairs).expect_err("refused").to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn invalid_value_hides_no_contradiction_among_other_settings() {
    let invalid = [
        ("READINESS_INTERVAL", "soon"),
        ("UPLOAD_TTL", "long"),
        ("MAX_DELETE", "many"),
    ];
    let contradictions = [
        ("GRPC_PORT", "8080"),
        ("ADMIN_PORT", "8080"),
        ("EMBEDDED_PORT", "8080"),
        ("DRAFT_BUCKET_NAME", "main"),
        ("SWEEP_SHARD", "1"),
        ("AUTH", "api-key"),
        ("TLS_CERT_FILE", "cert.pem"),
    ];
    let error = load(&[&invalid[..], &contradictions].concat()).expect_err("refused");
    let error = error.to_string();
    let wrong = contradictions.map(|(name, _)| match name {
        "AUTH" => "POLICY_FILE",
        "TLS_CERT_FILE" => "TLS_KEY_FILE",
        name => name,
    });
    for name in wrong.into_iter().chain(invalid.map(|(name, _)| name)) {
        assert!(error.contains(&format!("\n  {name}: ")), "{name}: {error}");
    }
    assert_eq!(error.lines().count(), 1 + wrong.len() + invalid.len(), "{error}");
}

#[test]
fn unknown_variables_exclude_those_of_the_cronjob() {
    let config = load(&[
        ("SWEEP_SHARDZ", "4"),
        ("S3_ENDPOINT_URL", "http://localhost:3900"),
        ("PUSHGATEWAY_URL", "http://pushgateway:9091"),
        ("PATH", "/usr/bin"),
        ("DRAFTSTORE_SERVER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
    ]);
    let config = config.expect("valid");
    let unknown: Vec<_> = config
        .shared
        .unknown()
        .iter()
        .map(|unknown| (unknown.name.as_str(), unknown.nearest.as_str()))
        .collect();
    assert_eq!(
        unknown,
        [("SWEEP_SHARDZ", "SWEEP_SHARD"), ("S3_ENDPOINT_URL", "S3_ENDPOINT")]
    );
}

/// `REFERENCE=write cargo test -p draftstore-server reference` updates the page.
#[test]
fn reference_page_matches_the_settings() {
    const INTRODUCTION: &str = "\
# Configuration

Both programs are configured by environment variables. Every invalid value is reported at once, with exit status 64. An invalid \
value is never replaced by a default. An empty variable counts as not set. A variable that no program reads, but whose name is like \
one of these, is logged as a warning. `draftstore-server --help` and `draftstore-cronjob --help` print what each program reads.

This page is generated from the code.
";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/configuration.md");
    let page = format!("{INTRODUCTION}{}", reference(&[SERVER, draftstore_cronjob::CRONJOB]));
    if std::env::var("REFERENCE").is_ok_and(|mode| mode == "write") {
        std::fs::write(path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(path).expect("the page is there");
    assert_eq!(written, page, "run the test with REFERENCE=write");
}

#[test]
fn secret_that_replicas_share_is_required() {
    let key = &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")][..];
    let s3 = &[("STORAGE_TYPE", "s3"), ("BIND_ADDRESS", "127.0.0.1")][..];
    let keys = &[("TICKET_KEYS_FILE", "/run/secrets/ticket-keys")][..];
    let session = &[("AWS_SESSION_TOKEN", "t")][..];
    let role = &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"), ("AUTH", "none")][..];
    let check = |parts: &[&[(&str, &str)]]| load(&parts.concat()).expect("valid").authentication();
    for parts in [
        &[][..],
        &[s3, key],
        &[s3, keys],
        &[role, keys],
        &[s3, key, session, keys],
    ] {
        check(parts).unwrap_or_else(|error| panic!("{parts:?}: {error}"));
    }
    for parts in [&[s3][..], &[role], &[s3, key, session]] {
        let error = check(parts).expect_err("refused").to_string();
        assert!(error.contains("TICKET_KEYS_FILE: must be set"), "{parts:?}: {error}");
        assert!(!error.contains("\n  AUTH: "), "{parts:?}: {error}");
    }
    let error = check(&[&[("AWS_PROFILE", "p")]]).expect_err("refused").to_string();
    assert!(
        error.contains("TICKET_KEYS_FILE: ") && error.contains("\n  AUTH: "),
        "{error}"
    );
}
