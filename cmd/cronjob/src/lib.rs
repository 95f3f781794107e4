//! The configuration of the cronjob, and the metrics of a sweep. A library, because the server may sweep too, and the
//! reference page lists the settings of both.

mod metrics;
mod replaced;
mod shared;
mod transitions;
mod usage;

use std::fmt;
use std::path::PathBuf;

use draftstore_config::parse::UrlWithUser;
use draftstore_config::{Environment, Invalid, InvalidConfig, ProgramSettings, Settings as _, parse, settings};
use draftstore_embedded::EmbeddedSettings;
use draftstore_runtime::ScheduleSettings;
use draftstore_s3::{StoreChoice, StoreConfig};
use draftstore_service::safety::SafetySettings;
use draftstore_service::{Buckets, PolicySettings, SweepSettings};
use draftstore_telemetry::logging::LogSettings;
use draftstore_telemetry::traces::TraceSettings;

pub use self::metrics::{LAST_SUCCESS, SweepMetrics};
pub use self::replaced::sweep_replaced;
pub use self::shared::{ConfiguredStore, SharedConfig};
pub use self::transitions::sweep_transitions;
pub use self::usage::count_usage;

settings! {
    /// The destinations of the metrics of a sweep. The program ends before a Prometheus could scrape it.
    #[derive(Clone, PartialEq, Eq)]
    pub struct ReportSettings in "Sweep" {
        /// The file that the sweep's metrics are written to, for node_exporter.
        pub textfile: Option<PathBuf> = "METRICS_TEXTFILE", unset "none", parse::text;
        /// The URL of a Pushgateway that the sweep's metrics are sent to. It may have a user and a password.
        pub pushgateway: Option<UrlWithUser> = "PUSHGATEWAY_URL", unset "none", parse::url_with_user;
        /// The user for the Pushgateway, if the URL has none.
        pub pushgateway_user: Option<String> = "PUSHGATEWAY_USER", unset "none", parse::text;
        /// The password of that user.
        pub pushgateway_password: Option<String> = "PUSHGATEWAY_PASSWORD", unset "none", parse::text;
    }
}

impl ReportSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load_valid(environment: &mut Environment) -> Result<Self, Invalid> {
        let mut settings: Self = environment.load()?;
        let pair = (settings.pushgateway_user.take(), settings.pushgateway_password.take());
        match (pair, &mut settings.pushgateway) {
            ((None, None), _) => {}
            ((Some(_), Some(_)), Some(url)) if url.user.is_some() => {
                return environment.reject(
                    "PUSHGATEWAY_USER",
                    "must not be set, because PUSHGATEWAY_URL has a user",
                );
            }
            ((Some(user), Some(password)), Some(url)) => url.user = Some((user, password)),
            (_, _) => {
                let names = "PUSHGATEWAY_URL, PUSHGATEWAY_USER, PUSHGATEWAY_PASSWORD";
                return environment.reject(names, "must be set together");
            }
        }
        Ok(settings)
    }
}

impl fmt::Debug for ReportSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportSettings")
            .field("textfile", &self.textfile)
            .field("pushgateway", &self.pushgateway)
            .finish_non_exhaustive()
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
        SweepSettings::SECTIONS[2],
        ScheduleSettings::SECTION,
        ReportSettings::SECTION,
        LogSettings::SECTION,
        TraceSettings::SECTIONS[0],
        TraceSettings::SECTIONS[1],
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
        let report = ReportSettings::load_valid(environment);
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
        assert_eq!(report.pushgateway.expect("set").url, "http://p:9091");
        let error = load(&[("PUSHGATEWAY_URL", "pushgateway:9091")]).expect_err("refused");
        assert!(error.to_string().contains("PUSHGATEWAY_URL:"), "{error}");
    }

    #[test]
    fn user_of_the_pushgateway_is_in_the_url_or_beside_it_and_never_shown() {
        let (user, password) = (("PUSHGATEWAY_USER", "me"), ("PUSHGATEWAY_PASSWORD", "hu:sh"));
        let (plain, with_user) = (
            ("PUSHGATEWAY_URL", "https://p"),
            ("PUSHGATEWAY_URL", "https://me:hu%3Ash@p/"),
        );
        for pairs in [&[with_user][..], &[plain, user, password]] {
            let report = load(pairs).expect("valid").report;
            assert!(!format!("{report:?}").contains("hu:sh"), "{report:?}");
            let url = report.pushgateway.expect("set");
            assert_eq!(
                (url.url.as_str(), url.user),
                ("https://p", Some(("me".to_owned(), "hu:sh".to_owned())))
            );
        }
        for pairs in [
            &[user, password][..],
            &[plain, user],
            &[plain, password],
            &[with_user, user, password],
        ] {
            let error = load(pairs).expect_err("refused").to_string();
            assert!(error.contains("PUSHGATEWAY_") && !error.contains("hu:sh"), "{error}");
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
        let shared = config.expect("valid").shared;
        let unknown: Vec<_> = shared.unknown().iter().map(|unknown| unknown.name.as_str()).collect();
        assert_eq!(unknown, ["MAX_DELET"]);
    }
}
