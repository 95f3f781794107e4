//! The subcommand `doctor`: checks a store as the server and its clients use it, and suggests remedies.
//!
//! The checks judge by the resulting objects, not by the response status. They write under a prefix of their own in the draft
//! bucket, and clean up.

mod conditions;
mod cors;
mod features;
mod fix;
mod forms;
mod http;
mod lifecycle;
mod names;
mod permissions;
mod reach;
mod report;
mod store;
mod subject;
mod transitions;
mod urls;

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use draftstore_config::UnknownVariable;
use draftstore_cronjob::ConfiguredStore;
use draftstore_runtime::print;
use draftstore_service::{AllowedOrigins, Drafts, Store, SystemClock};

use self::http::Http;
use self::report::{Line, Report};
use self::store::{Found, find};
use self::subject::Subject;
use crate::config::Config;
use crate::console;

/// The remedy for a missing bucket.
const CREATE_BUCKETS: &str =
    "create it with `draftstore-server doctor --fix`, or with `POST /api/v1/draft-bucket` of a running server";

/// The arguments of `doctor`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Doctor {
    /// Before the checks, creates missing buckets, and sets CORS from `CORS_ALLOWED_ORIGINS` and `--origin`, and
    /// lifecycle rules: for the draft bucket, and those of `TRANSITIONS`.
    #[arg(long)]
    fix: bool,
    /// Checks CORS for this origin instead of those in `CORS_ALLOWED_ORIGINS`. With `--fix`, allows it beside them.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
}

/// Runs the checks and prints the report. Returns true if there are no problems.
///
/// # Errors
/// An error if the store cannot be opened.
pub(crate) async fn examine(config: Config, doctor: Doctor) -> anyhow::Result<bool> {
    let origins = config.drafts.origins.clone().unwrap_or_default();
    let served = match config.store {
        // The console's origin is unknown if its port is chosen at each start.
        ConfiguredStore::Embedded(..) if config.server.console && config.listen.http_port != 0 => {
            console::with_own_origins(origins, config.scheme(), config.listen.http_port)?
        }
        ConfiguredStore::Embedded(..) | ConfiguredStore::S3(_) => origins,
    };
    let (origins, served) = match &doctor.origin {
        Some(origin) => {
            let checked = AllowedOrigins::default().with(origin).context("--origin")?;
            (checked, served.with(origin).context("--origin")?)
        }
        None => (served.clone(), served),
    };
    let mut report = Report::default();
    if !config.shared.unknown().is_empty() {
        report.add("settings", config.shared.unknown().iter().map(unknown).collect());
    }
    let found = find(config.store.clone(), &config.shared.buckets.draft, doctor.fix).await?;
    let Some(Found { open, name }) = found else {
        report.add("reach", vec![no_store(&config.store)]);
        print(report)?;
        return Ok(false);
    };
    let subject = Subject::new(open.storage, config.shared.buckets.clone());
    let title = format!(
        "{name}, draft bucket {}, main bucket {}\n",
        subject.draft(),
        subject.main()
    );
    print(title)?;

    if doctor.fix {
        let store = Store::new(Arc::clone(&subject.storage), config.shared.buckets);
        let drafts = Drafts::new(store, config.shared.policy, served.clone(), Arc::new(SystemClock));
        report.add("fix", fix::fix(&subject, &drafts, &config.shared.policy, &served).await);
    }
    let (lines, goes_on) = reach::check(&subject).await;
    report.add("reach", lines);
    if goes_on {
        let http = Http::new();
        report.add("conditions", conditions::check(&subject).await);
        report.add("storage options", features::check(&subject).await);
        report.add("presigned URLs", urls::check(&subject, &http).await);
        report.add(
            "CORS of the draft bucket",
            cors::check(&subject, &http, origins.as_slice()).await,
        );
        let names = vec![names::check(&subject).await, names::check_listed(&subject).await];
        report.add("names", names);
        report.add("permissions", permissions::check(&subject).await);
        let mut lifecycle = lifecycle::check(&subject, &config.shared.policy, doctor.fix).await;
        lifecycle.extend(transitions::check(&subject).await);
        report.add("lifecycle", lifecycle);
        if let Err(error) = subject.clean_up().await {
            let remedy = "remove the objects under .drafts/doctor/ from the draft bucket";
            report.add(
                "clean-up",
                vec![Line::failed("objects of doctor", said(&error), remedy)],
            );
        }
    }
    print(&report)?;
    if let Some(embedded) = open.embedded {
        embedded.shutdown().await;
    }
    Ok(report.is_sound())
}

/// Returns the line for a variable that no program reads.
fn unknown(unknown: &UnknownVariable) -> Line {
    let line = Line::info(&unknown.name, "is not a setting, and has no effect");
    line.with_remedy(format!("set {} instead, if you mean it", unknown.nearest))
}

/// Returns the line for an embedded store that has never run. Starting it would leave its files behind.
fn no_store(store: &ConfiguredStore) -> Line {
    let check = match store {
        ConfiguredStore::Embedded(embedded, _) => format!("data directory {}", embedded.data_dir.display()),
        ConfiguredStore::S3(_) => "store".to_owned(),
    };
    let remedy = "start draftstore-server or `draftstore-server doctor --fix`, which create it, set EMBEDDED_DATA_DIR to \
                  another directory, or configure another store with S3_ENDPOINT";
    Line::missing(check, "has no data of an embedded store", remedy)
}

/// Returns an error of the store as text.
fn said(error: &draftstore_storage::Error) -> String {
    format!("{} of {} ({})", error.kind, error.operation, error.source)
}
