//! The configuration of the cronjob, and the metrics of a sweep. A library, because the server may sweep too, and the
//! reference page lists the settings of both.

mod metrics;
mod shared;

use std::path::PathBuf;

use draftstore_config::{Environment, Invalid, InvalidConfig, ProgramSettings, Settings as _, parse, settings};
use draftstore_embedded::EmbeddedSettings;
use draftstore_runtime::ScheduleSettings;
use draftstore_s3::{StoreChoice, StoreConfig};
use draftstore_service::safety::SafetySettings;
use draftstore_service::{Buckets, PolicySettings, SweepSettings};
use draftstore_telemetry::logging::LogSettings;
use draftstore_telemetry::traces::TraceSettings;

pub use self::metrics::{LAST_SUCCESS, SweepMetrics};
pub use self::shared::{ConfiguredStore, SharedConfig};

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
        SweepSettings::SECTIONS[0],
        SweepSettings::SECTIONS[1],
        ScheduleSettings::SECTION,
        ReportSettings::SECTION,
        LogSettings::SECTION,
        TraceSettings::SECTION,
    ],
};

/// The configuration of the cronjob.
#[derive(Debug, Clone)]
pub struct Config {
    /// The store that holds both buckets.
    pub store: ConfiguredStore,
    /// The way in which the kind of the store was chosen.
    pub store_choice: StoreChoice,
    /// The configuration that the server has too.
    pub shared: SharedConfig,
    /// The destinations of the metrics of a sweep.
    pub report: ReportSettings,
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
        let store = ConfiguredStore::load(environment);
        let shared = SharedConfig::load(environment, CRONJOB);
        let report = environment.load();
        let (store, embedded) = store?;
        Ok(Self {
            store: ConfiguredStore::new(store.client, embedded),
            store_choice: store.choice,
            shared: shared?,
            report: report?,
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
        let error = load(&[("PUSHGATEWAY_URL", "pushgateway:9091")]).expect_err("refused");
        assert!(error.to_string().contains("PUSHGATEWAY_URL:"), "{error}");
    }

    #[test]
    fn server_settings_are_ignored_and_not_reported_as_unknown() {
        let config = load(&[
            ("HTTP_PORT", "http"),
            ("MAX_CONNECTIONS", "4096"),
            ("TLS_CERT_FILE", "cert.pem"),
            ("MAX_DELET", "7"),
        ]);
        let shared = config.expect("valid").shared;
        let unknown: Vec<_> = shared.unknown().iter().map(|unknown| unknown.name.as_str()).collect();
        assert_eq!(unknown, ["MAX_DELET"]);
    }
}
