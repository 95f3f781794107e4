//! Traces to an OpenTelemetry collector. Without an endpoint, none of this code runs.
//!
//! A span says what a request or a call to the store is, when it ran, and its outcome. No span has an object name, a
//! credential or a URL. Only spans made for traces are sent, and the span in which a request is logged. Events are not
//! sent.

mod delivery;
mod settings;

use std::fs;
use std::io;
use std::path::Path;

use draftstore_proxy::{Connector, Proxies};
use http::{HeaderMap, HeaderValue};
use opentelemetry::KeyValue;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{Compression, ExporterBuildError, SpanExporter, WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::delivery::Delivery;
pub(crate) use self::delivery::undelivered;
pub use self::settings::{CollectorHeaders, InvalidSampler, SamplerName, Sampling, TraceAttributes, TraceSettings};
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

/// The reason why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The exporter rejects its configuration.
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    /// The endpoint or its TLS is invalid.
    #[error("the collector's endpoint cannot be used: {0}")]
    Endpoint(#[from] tonic::transport::Error),
    /// A file of certificates or keys cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(String, #[source] io::Error),
}

/// Returns the layer that exports spans. It must be called within the async runtime, which drives the connection.
///
/// # Errors
/// [`TraceError`] if the settings cannot be used.
pub(crate) fn layer<S>(
    settings: &TraceSettings,
    program: Program,
) -> Result<(impl Layer<S> + use<S>, Sender), TraceError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(channel(settings)?)
        .with_metadata(MetadataMap::from_headers(settings.headers.0.clone()))
        .with_timeout(settings.timeout);
    if settings.gzip {
        exporter = exporter.with_compression(Compression::Gzip);
    }
    let exporter = Delivery::new(exporter.build()?, &settings.endpoint);
    let name = settings.service_name.clone().unwrap_or_else(|| program.name.to_owned());
    let attributes = settings.attributes.0.iter().cloned();
    let resource = Resource::builder()
        .with_attribute(KeyValue::new("service.version", program.version))
        .with_attributes(attributes.map(|(name, value)| KeyValue::new(name, value)))
        .with_service_name(name)
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
        .with_filter(filter_fn(is_sent).with_max_level_hint(Level::DEBUG));
    Ok((layer, Sender(provider)))
}

/// Returns the connection to the collector, which is made with the first spans.
fn channel(settings: &TraceSettings) -> Result<Channel, TraceError> {
    let mut endpoint = Endpoint::from_shared(settings.endpoint.clone())?;
    if settings.endpoint.starts_with("https://") {
        let mut tls = match &settings.authorities {
            Some(file) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(file)?)),
            None => ClientTlsConfig::new().with_enabled_roots(),
        };
        if let Some((certificate, key)) = &settings.identity {
            tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        endpoint = endpoint.tls_config(tls)?;
    }
    let connector = Connector::tunnelling(Proxies::of_process().clone());
    Ok(endpoint
        .timeout(settings.timeout)
        .connect_with_connector_lazy(connector))
}

fn read(file: &Path) -> Result<Vec<u8>, TraceError> {
    fs::read(file).map_err(|error| TraceError::File(file.display().to_string(), error))
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
    fn duplicate_header_is_ignored() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static("a"));
        assert_eq!(Headers(&headers).get("traceparent"), Some("a"));
        headers.append("traceparent", HeaderValue::from_static("b"));
        assert_eq!(Headers(&headers).get("traceparent"), None);
    }
}
