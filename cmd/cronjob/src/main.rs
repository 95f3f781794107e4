//! The DraftStore cleaner: sweeps once and exits, or stays and sweeps on a schedule.

mod report;
mod store;
mod sweep;

use std::process::ExitCode;

use clap::Parser;
use draftstore_runtime::config::Config;
use draftstore_runtime::logging::{self, Program};
use draftstore_runtime::{AuditLog, EXIT_CONFIG};

/// Removes expired drafts and multipart uploads from the draft bucket. Configured by the environment variables of
/// draftstore-server. Sweeps once and exits, unless `CLEANUP_SCHEDULE` is set: then it stays and sweeps on that schedule.
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
    let arguments = Arguments::parse();
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("draftstore-cronjob: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let ended = match logging::start(&config, PROGRAM, &AuditLog::Off) {
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
