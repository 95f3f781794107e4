//! Traces to an OpenTelemetry collector. Without an endpoint, none of this code runs.
//!
//! A span says what a request or a call to the store is, when it ran, and its outcome. No span has an object name, a
//! credential or a URL. Only spans made for traces are sent, and the span in which a request is logged. Events are not
//! sent.

use std::str::FromStr;

use draftstore_config::{Environment, Invalid, Section, Settings as _, parse, settings};
use http::{HeaderMap, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

pub use draftstore_storage::TRACE_TARGET as TARGET;

use crate::Program;

/// The response header that names the trace of a request.
///
/// Source: <https://w3c.github.io/trace-context/#trace-context-http-response-headers-format>
pub const TRACE_RESPONSE: &str = "traceresponse";

/// The name of the span in which a request is logged, with its ID, method and path.
const REQUEST: &str = "request";

/// The target of that span.
const CONTROLLER: &str = "draftstore_controller";

settings! {
    #[derive(Debug)]
    struct Variables in "Traces" {
        /// The URL of a collector that takes OTLP by gRPC.
        endpoint: Option<String> = "OTEL_EXPORTER_OTLP_ENDPOINT", unset "none: no traces", parse::url;
        /// The name of the program in traces.
        service_name: Option<String> = "OTEL_SERVICE_NAME", unset "the program's name", parse::text;
        /// The sampler of traces: always_on, always_off or traceidratio, each also after `parentbased_`.
        sampler: SamplerName = "OTEL_TRACES_SAMPLER", default "parentbased_always_on", str::parse;
        /// The fraction of traces that traceidratio samples, 0 to 1.
        fraction: f64 = "OTEL_TRACES_SAMPLER_ARG", default "1", fraction;
    }
}

fn fraction(text: &str) -> Result<f64, &'static str> {
    let fraction = text.parse().ok().filter(|fraction| (0.0..=1.0).contains(fraction));
    fraction.ok_or("must be a number, 0 to 1")
}

/// The settings of traces.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// The URL of a collector that accepts OTLP over gRPC.
    pub endpoint: String,
    /// The name of the service in traces, or `None` for the program's name.
    pub service_name: Option<String>,
    /// The choice of traces that are sent.
    pub sampling: Sampling,
}

impl TraceSettings {
    /// The description of the settings.
    pub const SECTION: Section = Variables::SECTION;

    /// Reads the settings; `None` means that there are no traces.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<Option<Self>, Invalid> {
        let variables: Variables = environment.load()?;
        Ok(variables.endpoint.map(|endpoint| Self {
            endpoint,
            service_name: variables.service_name,
            sampling: Sampling::new(variables.sampler, variables.fraction),
        }))
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

    fn sampler(self) -> Sampler {
        let own = Sampler::TraceIdRatioBased(self.fraction);
        if self.follows_parent {
            Sampler::ParentBased(Box::new(own))
        } else {
            own
        }
    }
}

/// The sender of spans. Unsent spans are lost when the process ends, unless [`Sender::finish`] is called.
#[derive(Debug)]
pub struct Sender(SdkTracerProvider);

impl Sender {
    /// Sends the remaining spans. It blocks for some seconds at most.
    pub fn finish(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "last traces not sent");
        }
    }
}

/// Returns the layer that exports spans. It must be called within the async runtime, which drives the connection.
///
/// # Errors
/// If the endpoint is invalid, or TLS is not available for it.
pub(crate) fn layer<S>(
    settings: &TraceSettings,
    program: Program,
) -> Result<(impl Layer<S> + use<S>, Sender), ExporterBuildError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut exporter = SpanExporter::builder().with_tonic().with_endpoint(&settings.endpoint);
    if settings.endpoint.starts_with("https://") {
        // The certificate authorities that this machine trusts.
        exporter = exporter.with_tls_config(ClientTlsConfig::new().with_enabled_roots());
    }
    let exporter = exporter.build()?;
    let name = settings.service_name.clone().unwrap_or_else(|| program.name.to_owned());
    let resource = Resource::builder()
        .with_service_name(name)
        .with_attribute(opentelemetry::KeyValue::new("service.version", program.version))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(settings.sampling.sampler())
        .with_resource(resource)
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("draftstore"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // Parents come from the log's spans, also when a confirm continues in another task.
        .with_context_activation(false)
        .with_filter(filter_fn(is_sent));
    Ok((layer, Sender(provider)))
}

/// Returns true for spans made for traces, and for the span in which a request is logged, which is the parent of a
/// confirm's task.
fn is_sent(metadata: &Metadata<'_>) -> bool {
    let is_request = metadata.name() == REQUEST && metadata.target().starts_with(CONTROLLER);
    metadata.is_span() && (is_request || metadata.target() == TARGET)
}

/// Makes a span continue its caller's trace. Returns the trace ID and the value of [`TRACE_RESPONSE`].
pub fn go_on(span: &Span, headers: &HeaderMap) -> Option<(String, HeaderValue)> {
    let propagator = TraceContextPropagator::new();
    // A span that is not sampled still has its caller's trace.
    let _ = span.set_parent(propagator.extract(&Headers(headers)));
    let context = span.context();
    let mut carried = Carried::default();
    propagator.inject_context(&context, &mut carried);
    let trace_id = context.span().span_context().trace_id().to_string();
    let value = HeaderValue::try_from(carried.traceparent?).ok()?;
    Some((trace_id, value))
}

/// The headers of a request. A header that occurs twice is ignored, since its value is ambiguous.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let mut values = self.0.get_all(key).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

#[derive(Debug, Default)]
struct Carried {
    traceparent: Option<String>,
}

impl Injector for Carried {
    fn set(&mut self, key: &str, value: String) {
        if key == "traceparent" {
            self.traceparent = Some(value);
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

    #[test]
    fn traces_need_an_endpoint_and_follow_the_sampler() {
        assert_eq!(load(&[("OTEL_TRACES_SAMPLER", "always_on")]), Ok(None));
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317/");
        let traces = |more: &[(&'static str, &'static str)]| load(&[&[endpoint], more].concat()).expect("valid");
        let plain = traces(&[]).expect("named");
        assert_eq!(
            (plain.endpoint.as_str(), plain.service_name),
            ("http://collector:4317", None)
        );
        assert_eq!((plain.sampling.fraction, plain.sampling.follows_parent), (1.0, true));
        let ratio = traces(&[("OTEL_TRACES_SAMPLER", "traceidratio")]).expect("named");
        assert_eq!((ratio.sampling.fraction, ratio.sampling.follows_parent), (1.0, false));
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
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ] {
            let error = load(&[(name, wrong)]).expect_err("refused");
            assert!(error.contains(&format!("{name}:")), "{error}");
        }
    }

    #[test]
    fn duplicate_header_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static("a"));
        assert_eq!(Headers(&headers).get("traceparent"), Some("a"));
        headers.append("traceparent", HeaderValue::from_static("b"));
        assert_eq!(Headers(&headers).get("traceparent"), None);
    }
}
