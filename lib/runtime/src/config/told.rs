//! Who is told how it goes: a collector of traces, and whoever collects the figures of sweeps.

use std::str::FromStr;

use super::SweepReport;
use super::errors::Errors;
use super::store::endpoint;
use super::variables::Values;
use crate::traces::{SamplerName, Sampling, TraceSettings};

/// What the other variables say counts only where there is an endpoint, and is looked at all the same.
pub(super) fn traces(values: &mut Values, errors: &mut Errors) -> Option<TraceSettings> {
    let variable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    let endpoint = endpoint(variable, &mut values.otel_exporter_otlp_endpoint, errors);
    let service_name = errors.parse("OTEL_SERVICE_NAME", values.otel_service_name.take());
    let sampler: Option<SamplerName> = errors.parse("OTEL_TRACES_SAMPLER", values.otel_traces_sampler.take());
    let fraction: Option<Part> = errors.parse("OTEL_TRACES_SAMPLER_ARG", values.otel_traces_sampler_arg.take());
    let fraction = fraction.map(|Part(fraction)| fraction);
    Some(TraceSettings {
        endpoint: endpoint?,
        service_name,
        sampling: sampler.map_or_else(Sampling::default, |name| Sampling::new(name, fraction)),
    })
}

pub(super) fn sweep_report(values: &mut Values, errors: &mut Errors) -> SweepReport {
    SweepReport {
        textfile: errors.parse("METRICS_TEXTFILE", values.metrics_textfile.take()),
        pushgateway: endpoint("PUSHGATEWAY_URL", &mut values.pushgateway_url, errors),
    }
}

/// A part of all.
struct Part(f64);

impl FromStr for Part {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
        part.map(Self).ok_or("must be a number, 0 to 1")
    }
}
