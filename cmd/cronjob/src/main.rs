//! The DraftStore cleaner: sweeps once and exits, or stays and sweeps on a schedule.

mod report;
mod store;
mod sweep;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use draftstore_config::{Environment, help};
use draftstore_cronjob::{CRONJOB, Config};
use draftstore_runtime::logging;
use draftstore_runtime::{AuditLog, EXIT_CONFIG, Program};

/// Removes expired drafts and multipart uploads from the draft bucket. Configured by environment
/// variables. Sweeps once and exits, unless `CLEANUP_SCHEDULE` is set: then it stays and sweeps on that schedule.
///
/// Exit status: 0 when nothing that has expired remained, 1 when something did, 64 for a configuration that cannot be used.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// List what has expired, and remove nothing. Sweeps once.
    #[arg(long)]
    dry_run: bool,
}

/// As it is called in traces.
const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Arguments::command().after_help(help(CRONJOB)).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let config = match Config::load(Environment::of_process()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("draftstore-cronjob: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let ended = match logging::start(&config.log, config.traces.as_ref(), &AuditLog::Off, PROGRAM) {
        Ok(traces) => {
            let swept = sweep::run(config, arguments.dry_run).await;
            if let Some(sender) = traces {
                // It ends early only by a panic, of which the log tells.
                let _ = tokio::task::spawn_blocking(|| sender.finish()).await;
            }
            swept
        }
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("draftstore-cronjob: {error:#}");
            ExitCode::FAILURE
        }
    }
}
