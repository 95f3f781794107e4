//! The DraftStore cronjob: sweeps once and exits, or keeps running and sweeps on a schedule.

mod report;
mod store;
mod sweep;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use draftstore_config::{Environment, help};
use draftstore_cronjob::{CRONJOB, Config};
use draftstore_runtime::{EXIT_CONFIG, survive_hangup};
use draftstore_telemetry::Program;
use draftstore_telemetry::logging;

/// Removes expired drafts and multipart uploads from the draft bucket. Configured by environment
/// variables. Sweeps once and exits. With `CLEANUP_SCHEDULE` it keeps running and sweeps on that schedule.
///
/// Exit status: 0 if everything expired was removed, 1 if something failed, 64 if the configuration is invalid.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Lists expired drafts and uploads once, and removes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The program's name and version in traces.
const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = survive_hangup() {
        eprintln!("draftstore-cronjob: cannot handle SIGHUP: {error}");
    }
    let matches = Arguments::command().after_help(help(CRONJOB)).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let config = match Config::load(Environment::of_process()) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("draftstore-cronjob: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let ended = match logging::start(&config.shared.log, config.shared.traces.as_ref(), None, PROGRAM) {
        Ok(traces) => {
            let swept = sweep::run(config, arguments.dry_run).await;
            if let Some(sender) = traces {
                // This fails only after a panic, which is logged.
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
