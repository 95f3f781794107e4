//! The configuration that the cronjob and the server share.

use draftstore_config::{Environment, Invalid, ProgramSettings, UnknownVariable};
use draftstore_embedded::EmbeddedSettings;
use draftstore_proxy::Proxies;
use draftstore_runtime::ScheduleSettings;
use draftstore_s3::{self as s3, StoreConfig, StoreKind};
use draftstore_service::safety::SafetySettings;
use draftstore_service::{Buckets, Policy, PolicySettings, SweepSettings};
use draftstore_telemetry::logging::LogSettings;
use draftstore_telemetry::traces::TraceSettings;

/// The page that lists the settings of both programs.
const REFERENCE: &str = include_str!("../../../docs/reference/configuration.md");

/// A store, with the settings of its client.
#[derive(Debug, Clone)]
pub enum ConfiguredStore {
    /// AWS S3, or a compatible store.
    S3(s3::Settings),
    /// The embedded store, which runs inside the server.
    Embedded(EmbeddedSettings, s3::Settings),
}

impl ConfiguredStore {
    /// Reads the settings of the store, and those of the embedded store if it is chosen.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment) -> Result<(StoreConfig, Option<EmbeddedSettings>), Invalid> {
        let store = StoreConfig::load(environment)?;
        let embedded = match store.kind {
            StoreKind::S3 => None,
            StoreKind::Embedded => Some(environment.load()?),
        };
        Ok((store, embedded))
    }

    /// Returns the embedded store if it has settings, else S3.
    pub fn new(client: s3::Settings, embedded: Option<EmbeddedSettings>) -> Self {
        match embedded {
            Some(embedded) => Self::Embedded(embedded, client),
            None => Self::S3(client),
        }
    }
}

/// The configuration of sweeps, logs and traces, and of the drafts that are swept.
#[derive(Debug, Clone)]
pub struct SharedConfig {
    /// Refuses to run on a store that weakens a promise.
    pub require_safe_store: bool,
    /// The draft and the main bucket.
    pub buckets: Buckets,
    /// The lifetimes of drafts and URLs.
    pub policy: Policy,
    /// The limits of a sweep, and the slice of the bucket that is swept.
    pub sweep: SweepSettings,
    /// The schedule of sweeps.
    pub schedule: ScheduleSettings,
    /// The settings of logs.
    pub log: LogSettings,
    /// The destination of traces.
    pub traces: Option<TraceSettings>,
    unknown: Vec<UnknownVariable>,
    /// `true` if the lifetime of copies is set, and none are kept.
    has_unused_lifetime: bool,
}

impl SharedConfig {
    /// Reads the settings. Loads every section before the first `?`, so that all errors are reported.
    ///
    /// # Errors
    /// [`Invalid`] if a value is invalid.
    pub fn load(environment: &mut Environment, program: ProgramSettings) -> Result<Self, Invalid> {
        let safety: Result<SafetySettings, _> = environment.load();
        let buckets = Buckets::load(environment);
        let policy = PolicySettings::policy(environment);
        let sweep = SweepSettings::load(environment);
        let schedule = environment.load();
        let log = environment.load();
        let traces = TraceSettings::load(environment);
        let policy = policy?;
        Ok(Self {
            require_safe_store: safety?.require_safe_store,
            buckets: buckets?,
            has_unused_lifetime: environment.has("REPLACED_LIFETIME") && policy.replaced_lifetime().is_none(),
            policy,
            sweep: sweep?,
            schedule: schedule?,
            log: log?,
            traces: traces?,
            unknown: environment.unknown(program, REFERENCE),
        })
    }

    /// Returns the variables that no program reads.
    pub fn unknown(&self) -> &[UnknownVariable] {
        &self.unknown
    }

    /// Logs the variables without effect: those that no program reads, that need another one, or that name no usable proxy.
    pub fn log_unused(&self) {
        if self.has_unused_lifetime {
            let remedy = "set KEEP_REPLACED=true, or unset it";
            tracing::warn!(variable = "REPLACED_LIFETIME", remedy, "setting without effect");
        }
        for unknown in &self.unknown {
            tracing::warn!(
                variable = unknown.name,
                nearest = unknown.nearest,
                "unknown environment variable"
            );
        }
        for (variable, reason) in Proxies::ignored() {
            tracing::warn!(variable, reason, "proxy ignored");
        }
    }
}
