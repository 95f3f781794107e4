//! `draftstore-server doctor`: looks at a store as the server and its clients will use it, and says what helps.
//!
//! Judges by what results, not by what is answered. What it writes lies under a prefix of its own in the draft bucket, and
//! is removed.

mod conditions;
mod cors;
mod fix;
mod forms;
mod http;
mod lifecycle;
mod permissions;
mod reach;
mod report;
mod store;
mod subject;
mod urls;

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use draftstore_service::{AllowedOrigins, Drafts, Store, SystemClock};

use self::http::Http;
use self::report::{Line, Report};
use self::store::{Found, find};
use self::subject::Subject;
use crate::config::{self, Config};
use crate::console;

/// What helps where buckets are missing.
const MAKE_BUCKETS: &str = "make it by `draftstore-server doctor --fix`, or by CreateDraftBucket of a running server";

/// How to look.
#[derive(Debug, Clone, Args)]
pub(crate) struct Doctor {
    /// Make missing buckets, set CORS from `CORS_ALLOWED_ORIGINS` and a lifecycle rule on the draft bucket, then check.
    #[arg(long)]
    fix: bool,
    /// Check CORS for pages of this origin rather than for those in `CORS_ALLOWED_ORIGINS`.
    #[arg(long, value_name = "URL")]
    origin: Option<String>,
}

/// Prints the table. True where nothing weakens.
///
/// # Errors
/// When there is no store to look at.
pub(crate) async fn examine(config: Config, doctor: Doctor) -> anyhow::Result<bool> {
    let origins = config.drafts.origins.clone().unwrap_or_default();
    let served = match config.store {
        // Of a port that is chosen anew at each start nothing can be said.
        config::Store::Embedded(..) if config.server.console && config.listen.http_port != 0 => {
            console::with_own_origins(origins, config.scheme(), config.listen.http_port)?
        }
        config::Store::Embedded(..) | config::Store::S3(_) => origins,
    };
    let origins = match &doctor.origin {
        Some(origin) => AllowedOrigins::default().and(origin).context("--origin")?,
        None => served.clone(),
    };
    let Found { open, name } = find(config.store.clone(), &config.buckets.draft).await?;
    let subject = Subject::new(open.storage, config.buckets.clone());
    println!(
        "{name}, draft bucket {}, main bucket {}",
        subject.draft(),
        subject.main()
    );

    let mut report = Report::default();
    if doctor.fix {
        let store = Store::new(Arc::clone(&subject.storage), config.buckets);
        let drafts = Drafts::new(store, config.policy, served.clone(), Arc::new(SystemClock));
        report.add("fix", fix::fix(&subject, &drafts, &config.policy, &served).await);
    }
    let (lines, goes_on) = reach::check(&subject).await;
    report.add("reach", lines);
    if goes_on {
        let http = Http::new();
        report.add("conditions", conditions::check(&subject).await);
        report.add("presigned URLs", urls::check(&subject, &http).await);
        report.add(
            "CORS of the draft bucket",
            cors::check(&subject, &http, origins.as_slice()).await,
        );
        report.add("permissions", permissions::check(&subject).await);
        report.add("lifecycle", lifecycle::check(&subject, &config.policy).await);
        if let Err(error) = subject.clean_up().await {
            let remedy = "remove what begins with .drafts/doctor/ from the draft bucket";
            report.add(
                "clean-up",
                vec![Line::failed("what doctor wrote", said(&error), remedy)],
            );
        }
    }
    print!("{report}");
    if let Some(embedded) = open.embedded {
        embedded.shutdown().await;
    }
    Ok(report.is_sound())
}

/// What a store said.
fn said(error: &draftstore_storage::Error) -> String {
    format!("{} ({})", error.kind, error.source)
}
