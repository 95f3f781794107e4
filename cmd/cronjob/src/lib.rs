//! The configuration of the cronjob, and the metrics of a sweep. A library, because the server may sweep too, and the
//! reference page lists the settings of both.

mod metrics;

use std::path::PathBuf;

use draftstore_config::{
    Environment, Invalid, InvalidConfig, ProgramSettings, Settings as _, UnknownVariable, parse, settings,
};
use draftstore_embedded::EmbeddedSettings;
use draftstore_runtime::ScheduleSettings;
use draftstore_s3::{self as s3, StoreChoice, StoreConfig, StoreKind};
use draftstore_service::safety::SafetySettings;
use draftstore_service::{Buckets, Policy, PolicySettings, SweepSettings};
use draftstore_telemetry::logging::LogSettings;
use draftstore_telemetry::traces::TraceSettings;

pub use self::metrics::{LAST_SUCCESS, SweepMetrics};

settings! {
    /// The destinations of the metrics of a sweep. The program ends before a Prometheus could scrape it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReportSettings in "Sweep" {
        /// The file that the sweep's metrics are written to, for node_exporter.
        pub textfile: Option<PathBuf> = "METRICS_TEXTFILE", unset "none", parse::text;
        /// The URL of a Pushgateway that the sweep's metrics are sent to.
        pub pushgateway: Option<String> = "PUSHGATEWAY_URL", unset "none", parse::url;
    }
}

/// The settings of the cronjob, in the order of the reference page.
pub const CRONJOB: ProgramSettings = ProgramSettings {
    name: "cronjob",
    sections: &[
        StoreConfig::SECTIONS[0],
        StoreConfig::SECTIONS[1],
        StoreConfig::SECTIONS[2],
        StoreConfig::SECTIONS[3],
        SafetySettings::SECTION,
        EmbeddedSettings::SECTION,
        Buckets::SECTION,
        PolicySettings::SECTION,
        SweepSettings::SECTION,
        ScheduleSettings::SECTION,
        ReportSettings::SECTION,
        LogSettings::SECTION,
        TraceSettings::SECTION,
    ],
};

/// The page that lists the settings of both programs.
const REFERENCE: &str = include_str!("../../../docs/reference/configuration.md");

/// The configuration of the cronjob.
#[derive(Debug, Clone)]
pub struct Config {
    /// The store that holds both buckets.
    pub store: Store,
    /// The way in which the kind of the store was chosen.
    pub store_choice: StoreChoice,
    /// Refuses to run on a store that does not enforce every condition.
    pub require_safe_store: bool,
    /// The draft and the main bucket.
    pub buckets: Buckets,
    /// The lifetimes of drafts and URLs.
    pub policy: Policy,
    /// The limits of a sweep, and the shard of the bucket that it covers.
    pub sweep: SweepSettings,
    /// The schedule of sweeps.
    pub schedule: ScheduleSettings,
    /// The destinations of the metrics of a sweep.
    pub report: ReportSettings,
    /// The settings of logs.
    pub log: LogSettings,
    /// The destination of traces.
    pub traces: Option<TraceSettings>,
    /// The variables that no program reads.
    pub unknown: Vec<UnknownVariable>,
}

/// A store, with the settings of its client.
#[derive(Debug, Clone)]
pub enum Store {
    /// AWS S3, or a compatible store.
    S3(s3::Settings),
    /// The embedded store, which runs inside the server.
    Embedded(EmbeddedSettings, s3::Settings),
}

impl Config {
    /// Reads every setting.
    ///
    /// # Errors
    /// [`InvalidConfig`] with every invalid variable.
    pub fn load(mut environment: Environment) -> Result<Self, InvalidConfig> {
        let config = Self::loaded(&mut environment);
        environment.finish(config)
    }

    /// Loads every section before the first `?`, so that all errors are reported.
    fn loaded(environment: &mut Environment) -> Result<Self, Invalid> {
        let store = StoreConfig::load(environment);
        let embedded = match &store {
            Ok(store) if store.kind == StoreKind::Embedded => environment.load().map(Some),
            Ok(_) | Err(Invalid) => Ok(None),
        };
        let safety: Result<SafetySettings, _> = environment.load();
        let buckets = Buckets::load(environment);
        let policy = PolicySettings::policy(environment);
        let sweep = SweepSettings::load(environment);
        let schedule = environment.load();
        let report = environment.load();
        let log = environment.load();
        let traces = TraceSettings::load(environment);

        let StoreConfig { client, choice, .. } = store?;
        Ok(Self {
            store_choice: choice,
            store: match embedded? {
                Some(embedded) => Store::Embedded(embedded, client),
                None => Store::S3(client),
            },
            require_safe_store: safety?.require_safe_store,
            buckets: buckets?,
            policy: policy?,
            sweep: sweep?,
            schedule: schedule?,
            report: report?,
            log: log?,
            traces: traces?,
            unknown: environment.unknown(CRONJOB, REFERENCE),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        Config::load(Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn report_settings_are_read() {
        assert_eq!(load(&[]).expect("valid").report, ReportSettings::default());
        let report = load(&[("METRICS_TEXTFILE", "/f.prom"), ("PUSHGATEWAY_URL", "http://p:9091/")]);
        let report = report.expect("valid").report;
        assert_eq!(report.textfile, Some("/f.prom".into()));
        assert_eq!(report.pushgateway.as_deref(), Some("http://p:9091"));
        for (name, wrong) in [("PUSHGATEWAY_URL", "pushgateway:9091")] {
            let error = load(&[(name, wrong)]).expect_err("refused").to_string();
            assert!(error.contains(&format!("{name}:")), "{error}");
        }
    }

    #[test]
    fn server_settings_are_ignored_and_not_reported_as_unknown() {
        let config = load(&[
            ("HTTP_PORT", "http"),
            ("MAX_CONNECTIONS", "4096"),
            ("TLS_CERT_FILE", "cert.pem"),
            ("MAX_DELET", "7"),
        ]);
        let unknown = config.expect("valid").unknown;
        let unknown: Vec<_> = unknown.iter().map(|unknown| unknown.name.as_str()).collect();
        assert_eq!(unknown, ["MAX_DELET"]);
    }
}
