//! The settings of traces, as OpenTelemetry names them.
//!
//! Every variable that would change what is sent or where is honoured, or its value is rejected. With
//! `OTEL_SDK_DISABLED=true`, `OTEL_TRACES_EXPORTER=none` or without an endpoint there are no traces, and the rest is not read.
//!
//! Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_sdk::trace::Sampler;
use percent_encoding::percent_decode_str;

settings! {
    #[derive(Debug)]
    struct Switches in "Traces" {
        /// Disables traces, `true` or `false`.
        disabled: bool = "OTEL_SDK_DISABLED", default "false", any_case_boolean;
        /// The exporter of traces: `otlp` or `none`.
        exporter: String = "OTEL_TRACES_EXPORTER", default "otlp", parse::text;
        /// The URL of a collector that accepts traces by OTLP over gRPC.
        traces_endpoint: Option<String> =
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", unset "OTEL_EXPORTER_OTLP_ENDPOINT", parse::text;
        /// The URL of a collector that accepts OTLP over gRPC.
        endpoint: Option<String> = "OTEL_EXPORTER_OTLP_ENDPOINT", unset "none: no traces", parse::text;
    }
}

settings! {
    #[derive(Debug)]
    struct Variables in "Traces" {
        /// The protocol of OTLP for traces: only `grpc`.
        traces_protocol: Option<String> = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", unset "OTEL_EXPORTER_OTLP_PROTOCOL", parse::text;
        /// The protocol of OTLP: only `grpc`.
        protocol: String = "OTEL_EXPORTER_OTLP_PROTOCOL", default "grpc", parse::text;
        /// The headers of requests with traces: `name=value` with commas between.
        traces_headers: Option<CollectorHeaders> = "OTEL_EXPORTER_OTLP_TRACES_HEADERS", unset "OTEL_EXPORTER_OTLP_HEADERS", str::parse;
        /// The headers of requests to the collector.
        headers: Option<CollectorHeaders> = "OTEL_EXPORTER_OTLP_HEADERS", unset "none", str::parse;
        /// The timeout of a request with traces, in milliseconds.
        traces_timeout: Option<Duration> =
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", unset "OTEL_EXPORTER_OTLP_TIMEOUT", milliseconds;
        /// The timeout of a request to the collector, in milliseconds.
        timeout: Duration = "OTEL_EXPORTER_OTLP_TIMEOUT", default "10000", milliseconds;
        /// The compression of requests with traces: `gzip` or `none`.
        traces_compression: Option<Compression> =
            "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", unset "OTEL_EXPORTER_OTLP_COMPRESSION", str::parse;
        /// The compression of requests to the collector: `gzip` or `none`.
        compression: Compression = "OTEL_EXPORTER_OTLP_COMPRESSION", default "none", str::parse;
        /// The file of the authorities of a collector's certificate, in PEM.
        traces_authorities: Option<PathBuf> =
            "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", unset "OTEL_EXPORTER_OTLP_CERTIFICATE", parse::text;
        /// The file of the authorities of a collector's certificate, in PEM.
        authorities: Option<PathBuf> =
            "OTEL_EXPORTER_OTLP_CERTIFICATE", unset "those that this machine trusts", parse::text;
        /// The file of the client's certificate, in PEM, with OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY.
        traces_certificate: Option<PathBuf> =
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", unset "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", parse::text;
        /// The file of the client's certificate, in PEM, with OTEL_EXPORTER_OTLP_CLIENT_KEY.
        certificate: Option<PathBuf> = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", unset "none", parse::text;
        /// The file of the client's private key, in PEM.
        traces_key: Option<PathBuf> =
            "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", unset "OTEL_EXPORTER_OTLP_CLIENT_KEY", parse::text;
        /// The file of the client's private key, in PEM.
        key: Option<PathBuf> = "OTEL_EXPORTER_OTLP_CLIENT_KEY", unset "none", parse::text;
        /// The name of the program in traces.
        service_name: Option<String> =
            "OTEL_SERVICE_NAME", unset "service.name of OTEL_RESOURCE_ATTRIBUTES, or the program's name", parse::text;
        /// The attributes of the program in traces: `name=value` with commas between.
        attributes: Option<TraceAttributes> = "OTEL_RESOURCE_ATTRIBUTES", unset "none", str::parse;
        /// The formats of a caller's trace: `tracecontext`, perhaps with `baggage`, which is ignored.
        propagators: Propagators = "OTEL_PROPAGATORS", default "tracecontext,baggage", str::parse;
        /// The sampler of traces: always_on, always_off or traceidratio, each also after `parentbased_`.
        sampler: SamplerName = "OTEL_TRACES_SAMPLER", default "parentbased_always_on", str::parse;
        /// The fraction of traces that traceidratio samples, 0 to 1.
        fraction: f64 = "OTEL_TRACES_SAMPLER_ARG", default "1", fraction;
    }
}

/// The settings of traces.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// The URL of a collector that accepts OTLP over gRPC.
    pub endpoint: String,
    /// The headers of requests to the collector.
    pub headers: CollectorHeaders,
    /// The timeout of a request to the collector.
    pub timeout: Duration,
    /// True if requests are compressed by gzip.
    pub gzip: bool,
    /// The file of the collector's certificate authorities, or `None` for those that this machine trusts.
    pub authorities: Option<PathBuf>,
    /// The files of the client's certificate and private key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name of the service in traces, or `None` for the program's name.
    pub service_name: Option<String>,
    /// The attributes of the program.
    pub attributes: TraceAttributes,
    /// The choice of traces that are sent.
    pub sampling: Sampling,
}

impl TraceSettings {
    /// The descriptions of the settings.
    pub const SECTIONS: [Section; 2] = [Switches::SECTION, Variables::SECTION];

    /// Reads the settings; `None` means that there are no traces.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Option<Self>, Invalid> {
        let switches: Switches = environment.load()?;
        if switches.disabled || switches.exporter == "none" {
            return Ok(None);
        }
        if switches.exporter != "otlp" {
            return environment.reject("OTEL_TRACES_EXPORTER", "must be 'otlp' or 'none'");
        }
        let endpoint = match (switches.traces_endpoint, switches.endpoint) {
            (Some(endpoint), _) => environment.parse("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint, parse::url),
            (None, Some(endpoint)) => environment.parse("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint, parse::url),
            (None, None) => return Ok(None),
        };
        let variables: Variables = environment.load()?;
        let Propagators = variables.propagators;
        let (name, protocol) = match &variables.traces_protocol {
            Some(protocol) => ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", protocol),
            None => ("OTEL_EXPORTER_OTLP_PROTOCOL", &variables.protocol),
        };
        if protocol != "grpc" {
            let rule =
                "must be 'grpc': traces are sent by OTLP over gRPC only, to the collector's port for it, often 4317";
            return environment.reject(name, format!("{protocol:?}: {rule}"));
        }
        let identity = match (
            variables.traces_certificate.or(variables.certificate),
            variables.traces_key.or(variables.key),
        ) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let names = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_KEY";
                return environment.reject(names, "must be set together");
            }
        };
        let attributes = variables.attributes.unwrap_or_default();
        Ok(Some(Self {
            endpoint: endpoint?,
            headers: variables.traces_headers.or(variables.headers).unwrap_or_default(),
            timeout: variables.traces_timeout.unwrap_or(variables.timeout),
            gzip: variables.traces_compression.unwrap_or(variables.compression) == Compression::Gzip,
            authorities: variables.traces_authorities.or(variables.authorities),
            identity,
            service_name: variables.service_name.or_else(|| attributes.get("service.name")),
            attributes,
            sampling: Sampling::new(variables.sampler, variables.fraction),
        }))
    }
}

fn any_case_boolean(text: &str) -> Result<bool, &'static str> {
    parse::boolean(&text.to_ascii_lowercase())
}

fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    let milliseconds = text
        .parse()
        .ok()
        .filter(|milliseconds| (1..=3_600_000).contains(milliseconds));
    milliseconds
        .map(Duration::from_millis)
        .ok_or("must be a whole number of milliseconds, 1 to 3600000")
}

fn fraction(text: &str) -> Result<f64, &'static str> {
    let fraction = text.parse().ok().filter(|fraction| (0.0..=1.0).contains(fraction));
    fraction.ok_or("must be a number, 0 to 1")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
}

impl FromStr for Compression {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            _ => Err("must be 'gzip' or 'none'"),
        }
    }
}

/// The supported formats of a caller's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Propagators;

impl FromStr for Propagators {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let mut names = text.split(',').map(str::trim);
        let is_supported = names.clone().all(|name| matches!(name, "tracecontext" | "baggage"));
        let follows = names.any(|name| name == "tracecontext");
        let rule = "must be 'tracecontext', perhaps with 'baggage': other formats are not supported";
        (is_supported && follows).then_some(Self).ok_or(rule)
    }
}

/// Parses `name=value` with commas between, where values are percent-encoded.
///
/// Source: <https://www.w3.org/TR/baggage/#baggage-http-header-format>
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let members = text.split(',').map(str::trim).filter(|member| !member.is_empty());
    let pair = |member: &str| {
        let (name, value) = member.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.into_owned()))
    };
    members.map(pair).collect()
}

/// The headers of requests to a collector, whose values are not shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CollectorHeaders(pub HeaderMap);

impl fmt::Debug for CollectorHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl FromStr for CollectorHeaders {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let header = |(name, value): (String, String)| {
            let name = HeaderName::try_from(name.to_ascii_lowercase()).ok()?;
            let mut value = HeaderValue::try_from(value).ok()?;
            value.set_sensitive(true);
            // Binary metadata has another encoding.
            (!name.as_str().ends_with("-bin")).then_some((name, value))
        };
        let headers = pairs(text).and_then(|pairs| pairs.into_iter().map(header).collect());
        let rule = "must be headers as name=value, with commas between and percent-encoded values";
        headers.map(Self).ok_or(rule)
    }
}

/// The attributes of the program in traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceAttributes(pub Vec<(String, String)>);

impl TraceAttributes {
    fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.clone())
    }
}

impl FromStr for TraceAttributes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let rule = "must be attributes as name=value, with commas between and percent-encoded values";
        pairs(text).map(Self).ok_or(rule)
    }
}

/// The choice of traces that are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The fraction of new traces that are sent, 0 to 1. It applies to every trace if `follows_parent` is false.
    pub fraction: f64,
    /// Follows the decision of a caller that sends its own trace.
    pub follows_parent: bool,
}

/// The name of a sampler in OpenTelemetry. Some samplers take a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplerName {
    fraction: Option<u8>,
    follows_parent: bool,
}

/// The error of a text that is not the name of a sampler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be always_on, always_off or traceidratio, or one of these after 'parentbased_'")]
pub struct InvalidSampler;

impl FromStr for SamplerName {
    type Err = InvalidSampler;

    fn from_str(text: &str) -> Result<Self, InvalidSampler> {
        let (name, follows_parent) = match text.strip_prefix("parentbased_") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let fraction = match name {
            "always_on" => Some(1),
            "always_off" => Some(0),
            "traceidratio" => None,
            _ => return Err(InvalidSampler),
        };
        Ok(Self {
            fraction,
            follows_parent,
        })
    }
}

impl Sampling {
    /// Creates the choice of a sampler. The fraction is used only by samplers that take one.
    pub fn new(name: SamplerName, fraction: f64) -> Self {
        Self {
            fraction: name.fraction.map_or(fraction, f64::from),
            follows_parent: name.follows_parent,
        }
    }

    pub(super) fn sampler(self) -> Sampler {
        let own = Sampler::TraceIdRatioBased(self.fraction);
        if self.follows_parent {
            Sampler::ParentBased(Box::new(own))
        } else {
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplers_are_named_as_opentelemetry_names_them() {
        for (name, fraction, expected) in [
            ("always_on", 0.5, (1.0, false)),
            ("always_off", 0.5, (0.0, false)),
            ("traceidratio", 0.25, (0.25, false)),
            ("parentbased_always_on", 0.5, (1.0, true)),
            ("parentbased_always_off", 0.5, (0.0, true)),
            ("parentbased_traceidratio", 0.1, (0.1, true)),
        ] {
            let sampling = Sampling::new(name.parse().expect(name), fraction);
            assert_eq!((sampling.fraction, sampling.follows_parent), expected, "{name}");
        }
        for wrong in ["", "on", "parentbased", "parentbased_", "jaeger_remote"] {
            assert_eq!(wrong.parse::<SamplerName>(), Err(InvalidSampler), "{wrong}");
        }
    }

    fn load(pairs: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        let mut environment = Environment::from_pairs(pairs.iter().copied());
        let traces = TraceSettings::load(&mut environment);
        environment.finish(traces).map_err(|error| error.to_string())
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317/");

    fn traces(more: &[(&'static str, &'static str)]) -> TraceSettings {
        load(&[&[ENDPOINT], more].concat())
            .expect("valid")
            .expect("an endpoint")
    }

    #[test]
    fn traces_need_an_endpoint_and_can_be_disabled() {
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://Traces.example.com");
        for pairs in [
            &[][..],
            &[("OTEL_TRACES_SAMPLER", "always_on")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "true")],
            &[
                ENDPOINT,
                ("OTEL_SDK_DISABLED", "TRUE"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ],
            &[of_traces, ("OTEL_TRACES_EXPORTER", "none")],
            &[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense"),
                ("OTEL_TRACES_EXPORTER", "none"),
            ],
        ] {
            assert_eq!(load(pairs), Ok(None), "{pairs:?}");
        }
        assert_eq!(traces(&[]).endpoint, "http://collector:4317");
        assert_eq!(traces(&[of_traces]).endpoint, "https://traces.example.com");
        let enabled = [("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "otlp")];
        assert_eq!(traces(&enabled), traces(&[]));
    }

    #[test]
    fn variables_of_traces_take_precedence_and_empty_ones_do_not() {
        let plain = traces(&[]);
        assert_eq!((plain.timeout, plain.gzip), (Duration::from_secs(10), false));
        let generic = [
            ("OTEL_EXPORTER_OTLP_HEADERS", "Api-Key=hu%20sh, b=2"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "5000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.pem"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "k.pem"),
        ];
        let settings = traces(&generic);
        assert_eq!(settings.headers.0["api-key"], "hu sh");
        assert_eq!((settings.timeout, settings.gzip), (Duration::from_secs(5), true));
        assert_eq!(settings.authorities, Some("ca.pem".into()));
        assert_eq!(settings.identity, Some(("c.pem".into(), "k.pem".into())));
        assert!(!format!("{settings:?}").contains("hu"), "{settings:?}");
        let empty = generic.map(|(name, _)| (name.replace("OTLP_", "OTLP_TRACES_").leak() as &str, ""));
        assert_eq!(traces(&[&generic[..], &empty].concat()), settings);
        let own = [
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "c=3"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1"),
            ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ];
        let settings = traces(&own);
        assert_eq!(
            (settings.headers.0.len(), settings.timeout),
            (1, Duration::from_millis(1))
        );
    }

    #[test]
    fn name_attributes_and_sampler_are_read() {
        let plain = traces(&[]);
        assert_eq!(
            (plain.service_name, plain.sampling),
            (
                None,
                Sampling {
                    fraction: 1.0,
                    follows_parent: true
                }
            )
        );
        let attributes = (
            "OTEL_RESOURCE_ATTRIBUTES",
            "service.name=uploads,deployment.environment=a%2Cb",
        );
        let settings = traces(&[attributes, ("OTEL_TRACES_SAMPLER", "traceidratio")]);
        assert_eq!(settings.service_name.as_deref(), Some("uploads"));
        assert_eq!(
            settings.attributes.get("deployment.environment").as_deref(),
            Some("a,b")
        );
        assert_eq!(
            (settings.sampling.fraction, settings.sampling.follows_parent),
            (1.0, false)
        );
        let settings = traces(&[
            attributes,
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ]);
        assert_eq!(settings.service_name.as_deref(), Some("mine"));
        assert_eq!(
            (settings.sampling.fraction, settings.sampling.follows_parent),
            (0.1, true)
        );
    }

    #[test]
    fn values_that_cannot_be_honoured_are_rejected_by_name() {
        for (name, wrong) in [
            ("OTEL_SDK_DISABLED", "yes"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hush@collector"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a b=hush"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "c.pem"),
            ("OTEL_RESOURCE_ATTRIBUTES", "name"),
            ("OTEL_PROPAGATORS", "b3"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            let error = load(&[ENDPOINT, (name, wrong)][usize::from(name == ENDPOINT.0)..]).expect_err("rejected");
            assert!(error.contains(name) && !error.contains("hush"), "{error}");
        }
    }
}
