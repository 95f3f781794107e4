//! The environment variables: which there are, and their texts.

use serde::Deserialize;

/// A variable, for `--help` and the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it does, with its unit.
    pub meaning: &'static str,
}

const fn variable(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable { name, default, meaning }
}

/// Every variable, in the order of the README.
pub const VARIABLES: &[Variable] = &[
    variable(
        "STORAGE_TYPE",
        "s3 where AWS credentials or S3_ENDPOINT are set, else embedded",
        "`s3` or `embedded`",
    ),
    variable("BUCKET_NAME", "main", "The main bucket"),
    variable("DRAFT_BUCKET_NAME", "BUCKET_NAME with -draft", "The draft bucket"),
    variable("AWS_REGION", "us-east-1", "Region that requests are signed for"),
    variable(
        "AWS_ACCESS_KEY_ID",
        "the AWS credential chain",
        "Access key, with AWS_SECRET_ACCESS_KEY; the embedded store's own where STORAGE_TYPE=embedded is set",
    ),
    variable(
        "AWS_SECRET_ACCESS_KEY",
        "the AWS credential chain",
        "Secret of that key; temporary ones go with AWS_SESSION_TOKEN",
    ),
    variable("AWS_PROFILE", "none", "Profile of the AWS credential chain"),
    variable(
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "none",
        "Workload identity, as Kubernetes on AWS sets it",
    ),
    variable(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "none",
        "Pod identity, as Kubernetes on AWS sets it",
    ),
    variable(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "none",
        "Task identity, as ECS sets it",
    ),
    variable(
        "SIGNING_ACCESS_KEY_ID",
        "a key of the embedded store's own, else the credentials of its calls",
        "Access key that signs uploads, with SIGNING_SECRET_ACCESS_KEY: it has to put in draft, and needs no other right",
    ),
    variable("SIGNING_SECRET_ACCESS_KEY", "none", "Secret of that key"),
    variable(
        "SIGNING_SESSION_TOKEN",
        "none",
        "Session token of that key, where it is a temporary one",
    ),
    variable(
        "SIGNING_ROLE_ARN",
        "none",
        "Role that signs uploads instead of that key; assumed with the credentials of the calls",
    ),
    variable("S3_ENDPOINT", "AWS", "URL of the store, for this server's own calls"),
    variable(
        "S3_PUBLIC_ENDPOINT",
        "S3_ENDPOINT",
        "URL of the store that presigned URLs are made for",
    ),
    variable(
        "S3_PATH_STYLE",
        "true where S3_ENDPOINT is set, else false",
        "Bucket in the path (`true`) or in the host name (`false`)",
    ),
    variable(
        "EXPECTED_BUCKET_OWNER",
        "none",
        "ID of the AWS account that the buckets must belong to, 12 digits: goes with every call, which S3 then refuses elsewhere",
    ),
    variable("EMBEDDED_DATA_DIR", "./data", "Where the embedded store keeps its data"),
    variable("EMBEDDED_PORT", "9000", "The embedded store's port on loopback"),
    variable(
        "BIND_ADDRESS",
        "127.0.0.1 with the embedded store, else 0.0.0.0",
        "IP address of both ports",
    ),
    variable("HTTP_PORT", "8080", "REST; 0 takes a free one"),
    variable("GRPC_PORT", "50051", "gRPC; 0 takes a free one"),
    variable(
        "ADMIN_PORT",
        "9090, if it is free",
        "Metrics and health; 0 takes a free one, `off` none",
    ),
    variable("ADMIN_BIND_ADDRESS", "127.0.0.1", "IP address of that port"),
    variable(
        "READINESS_INTERVAL",
        "10",
        "Seconds between two looks whether the store answers; three in vain, and the server is not ready",
    ),
    variable(
        "AUTH",
        "`none` on loopback; elsewhere it must be set",
        "Who may call: `none` for everybody, or any of `api-key`, `jwt` and `mtls` with commas between",
    ),
    variable(
        "POLICY_FILE",
        "none",
        "File that says who callers are and what they may do; looked at again every 2 seconds and at SIGHUP",
    ),
    variable(
        "UPLOAD_TTL",
        "3600",
        "Longest validity of an upload URL, in seconds, up to 604800",
    ),
    variable(
        "DOWNLOAD_TTL",
        "3600",
        "Longest validity of a download URL, in seconds, up to 604800",
    ),
    variable(
        "OBJECT_LIFETIME",
        "86400",
        "Age at which a draft has expired, in seconds, at least UPLOAD_TTL",
    ),
    variable(
        "SWEEP_GRACE",
        "900, or a quarter of OBJECT_LIFETIME where that is less",
        "Seconds beyond the lifetime before a sweep deletes",
    ),
    variable("MAX_DELETE", "none", "Drafts and uploads after which a sweep stops"),
    variable(
        "MAX_DELETE_FRACTION",
        "none",
        "Part of all drafts and uploads, 0 to 1: a sweep that finds more of them expired removes nothing",
    ),
    variable(
        "SWEEP_SHARD",
        "JOB_COMPLETION_INDEX where SWEEP_SHARDS is set",
        "Number of the part of the draft bucket that is swept, from 0",
    ),
    variable(
        "SWEEP_SHARDS",
        "none: the whole bucket is swept",
        "Parts that the draft bucket is split into, 1 to 256; each has to be swept, with the same SWEEP_SHARDS",
    ),
    variable(
        "JOB_COMPLETION_INDEX",
        "none",
        "Number of the pod, as Kubernetes sets it in an Indexed Job",
    ),
    variable(
        "CLEANUP_SCHEDULE",
        "cronjob: sweep once; server: every minute on the embedded store, else never",
        "Cron expression in UTC, five fields or six with seconds first",
    ),
    variable(
        "CONFIRM_TIMEOUT",
        "600",
        "Seconds after which a confirm is given up; a repeat completes it",
    ),
    variable(
        "SHUTDOWN_DELAY",
        "0",
        "Seconds after SIGTERM in which the server says that it is not ready, and still serves whoever comes",
    ),
    variable(
        "REQUIRE_SAFE_STORE",
        "false",
        "`true`: refuse to run on a store that weakens a promise, or that cannot be probed",
    ),
    variable(
        "CORS_ALLOWED_ORIGINS",
        "none",
        "Origins of web pages that may use the API and the draft bucket, with commas between",
    ),
    variable(
        "TICKET_KEYS_FILE",
        "a key that ends with the process on the embedded store, else none",
        "File of the keys that sign tickets, lines of `id:base64`: the first signs, all verify; followed as it changes",
    ),
    variable("CONSOLE", "on", "`off`: the REST port serves no web console"),
    variable(
        "TLS_CERT_FILE",
        "none",
        "Certificate of both ports, with those of its issuers, in PEM; looked at every 5 seconds and at SIGHUP",
    ),
    variable("TLS_KEY_FILE", "none", "Its private key, in PEM"),
    variable(
        "TLS_CLIENT_CA_FILE",
        "none",
        "Authorities of client certificates, in PEM: clients may show one, and need not",
    ),
    variable(
        "HEADER_TIMEOUT",
        "10",
        "Seconds for a TLS handshake, the head of a request, and the answer to a ping of HTTP/2",
    ),
    variable(
        "WRITE_TIMEOUT",
        "30",
        "Seconds after which a client that does not read is cut off",
    ),
    variable(
        "IDLE_TIMEOUT",
        "75",
        "Seconds that a connection is kept without a request",
    ),
    variable(
        "MAX_CONNECTIONS",
        "4096",
        "Connections of both ports together; more are closed at once",
    ),
    variable(
        "BODY_TIMEOUT",
        "30",
        "Seconds for the whole of a request, from its head on",
    ),
    variable(
        "CALL_TIMEOUT",
        "60",
        "Seconds for an answer, but of confirms and of completing an upload in parts",
    ),
    variable(
        "MAX_CONCURRENT_REQUESTS",
        "1024",
        "Calls that are answered at once; more are told to come back (503)",
    ),
    variable(
        "RATE_LIMIT",
        "100000/10",
        "Requests in so many seconds, of each caller; `off`: as many as it likes",
    ),
    variable(
        "CONFIRM_RATE_LIMIT",
        "20000/10",
        "The same for confirms, each draft of a batch counted; `off`",
    ),
    variable(
        "ADDRESS_RATE_LIMIT",
        "100000/10",
        "The same for requests of each IP address (of version 6: of each /64), before its caller is known; `off`",
    ),
    variable(
        "TRUSTED_PROXIES",
        "none",
        "IP addresses and networks whose `X-Forwarded-For` is believed, with commas between",
    ),
    variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "none: no traces",
        "URL of a collector of traces that takes OTLP by gRPC",
    ),
    variable(
        "OTEL_SERVICE_NAME",
        "the program's name",
        "What the process is called in traces",
    ),
    variable(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "Which traces are sent: always_on, always_off or traceidratio, each also after `parentbased_`",
    ),
    variable("OTEL_TRACES_SAMPLER_ARG", "1", "Part of all for traceidratio, 0 to 1"),
    variable(
        "METRICS_TEXTFILE",
        "none",
        "File that the cronjob writes the figures of its sweep to, for node_exporter",
    ),
    variable(
        "PUSHGATEWAY_URL",
        "none",
        "URL of a Pushgateway that the cronjob sends them to",
    ),
    variable(
        "AUDIT_LOG",
        "off",
        "`stderr`, or the path of a file: one JSON object for each decision, of who asked for what, and what came of it",
    ),
    variable("LOG_FORMAT", "text", "`text` or `json`, to standard error"),
    variable(
        "RUST_LOG",
        "info",
        "What is logged, as tracing directives; dependencies say nothing below `info`",
    ),
];

/// Their values, as they came.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Values {
    pub(super) storage_type: Option<String>,
    pub(super) bucket_name: Option<String>,
    pub(super) draft_bucket_name: Option<String>,
    pub(super) aws_region: Option<String>,
    pub(super) aws_access_key_id: Option<String>,
    pub(super) aws_secret_access_key: Option<String>,
    pub(super) aws_profile: Option<String>,
    pub(super) aws_web_identity_token_file: Option<String>,
    pub(super) aws_container_credentials_full_uri: Option<String>,
    pub(super) aws_container_credentials_relative_uri: Option<String>,
    pub(super) signing_access_key_id: Option<String>,
    pub(super) signing_secret_access_key: Option<String>,
    pub(super) signing_session_token: Option<String>,
    pub(super) signing_role_arn: Option<String>,
    pub(super) s3_endpoint: Option<String>,
    pub(super) s3_public_endpoint: Option<String>,
    pub(super) s3_path_style: Option<String>,
    pub(super) expected_bucket_owner: Option<String>,
    pub(super) embedded_data_dir: Option<String>,
    pub(super) embedded_port: Option<String>,
    pub(super) bind_address: Option<String>,
    pub(super) http_port: Option<String>,
    pub(super) grpc_port: Option<String>,
    pub(super) admin_port: Option<String>,
    pub(super) admin_bind_address: Option<String>,
    pub(super) readiness_interval: Option<String>,
    pub(super) auth: Option<String>,
    pub(super) policy_file: Option<String>,
    pub(super) upload_ttl: Option<String>,
    pub(super) download_ttl: Option<String>,
    pub(super) object_lifetime: Option<String>,
    pub(super) sweep_grace: Option<String>,
    pub(super) max_delete: Option<String>,
    pub(super) max_delete_fraction: Option<String>,
    pub(super) sweep_shard: Option<String>,
    pub(super) sweep_shards: Option<String>,
    pub(super) job_completion_index: Option<String>,
    pub(super) cleanup_schedule: Option<String>,
    pub(super) confirm_timeout: Option<String>,
    pub(super) shutdown_delay: Option<String>,
    pub(super) require_safe_store: Option<String>,
    pub(super) cors_allowed_origins: Option<String>,
    pub(super) ticket_keys_file: Option<String>,
    pub(super) console: Option<String>,
    pub(super) tls_cert_file: Option<String>,
    pub(super) tls_key_file: Option<String>,
    pub(super) tls_client_ca_file: Option<String>,
    pub(super) header_timeout: Option<String>,
    pub(super) write_timeout: Option<String>,
    pub(super) idle_timeout: Option<String>,
    pub(super) max_connections: Option<String>,
    pub(super) body_timeout: Option<String>,
    pub(super) call_timeout: Option<String>,
    pub(super) max_concurrent_requests: Option<String>,
    pub(super) rate_limit: Option<String>,
    pub(super) confirm_rate_limit: Option<String>,
    pub(super) address_rate_limit: Option<String>,
    pub(super) trusted_proxies: Option<String>,
    pub(super) otel_exporter_otlp_endpoint: Option<String>,
    pub(super) otel_service_name: Option<String>,
    pub(super) otel_traces_sampler: Option<String>,
    pub(super) otel_traces_sampler_arg: Option<String>,
    pub(super) metrics_textfile: Option<String>,
    pub(super) pushgateway_url: Option<String>,
    pub(super) audit_log: Option<String>,
    pub(super) log_format: Option<String>,
    pub(super) rust_log: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde::de::value::Error;
    use serde::de::{Deserializer, Visitor};
    use serde::forward_to_deserialize_any;

    use super::*;

    /// Deserialises nothing, but hears which fields a struct asks for.
    struct Fields<'a>(&'a mut BTreeSet<String>);

    impl<'de> Deserializer<'de> for Fields<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(serde::de::Error::custom("not a struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(fields.iter().map(|field| field.to_ascii_uppercase()));
            Err(serde::de::Error::custom("heard"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    #[test]
    fn every_variable_that_is_read_is_described() {
        let mut read = BTreeSet::new();
        Values::deserialize(Fields(&mut read)).expect_err("hears only");
        let described = VARIABLES.iter().map(|variable| variable.name.to_owned()).collect();
        assert_eq!(read, described);
    }
}
