//! The DraftStore server: gRPC and REST and, with the embedded store, the store and the sweep in the same process.

mod access;
mod admin;
mod config;
mod console;
mod docs;
mod doctor;
mod health;
mod heartbeat;
mod key;
mod metrics;
mod notifier;
mod ports;
mod probe;
mod secrets;
mod serve;
mod store;
mod tickets;
mod webhooks;

use std::io;
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use draftstore_config::{Environment, help};
use draftstore_runtime::{EXIT_CONFIG, survive_hangup};
use draftstore_telemetry::Program;
use draftstore_telemetry::logging;
use draftstore_telemetry::traces::Sender;
use tokio::runtime::{Builder, Runtime};

use crate::access::Access;
use crate::config::{Config, SERVER};
use crate::doctor::Doctor;
use crate::key::Key;

/// Issues presigned URLs for uploads to a draft bucket, and copies confirmed drafts to the main bucket. Configured by
/// environment variables.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Checks the health of the server on this machine: exit status 0 if it is healthy. For container health checks.
    Health,
    /// Checks the configured store as the server and its clients use it, and suggests remedies: exit status 0 if there are no
    /// problems.
    Doctor(Doctor),
    /// Generates credentials and prints them. They are not stored.
    #[command(subcommand)]
    Key(Key),
}

/// The program's name and version in traces.
const PROGRAM: Program = Program {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    match runtime() {
        Ok(runtime) => runtime.block_on(run()),
        Err(error) => {
            eprintln!("draftstore-server: cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Creates a runtime with one thread per available core. On one core it uses the main thread only, because handing every task
/// to a pool of one thread costs gRPC two fifths of its throughput.
fn runtime() -> io::Result<Runtime> {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut builder = if cores == 1 {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

async fn run() -> ExitCode {
    if let Err(error) = survive_hangup() {
        eprintln!("draftstore-server: cannot handle SIGHUP: {error}");
    }
    let matches = Arguments::command().after_help(help(SERVER)).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let ended = match (arguments.command, Config::load(Environment::of_process())) {
        (Some(Command::Key(key)), _) => key.run(),
        (_, Err(error)) => return unusable(&error),
        (Some(Command::Health), Ok(config)) => health::ask(config.listen, config.tls.as_ref()).await,
        (Some(Command::Doctor(doctor)), Ok(config)) => match doctor::examine(config, doctor).await {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        (None, Ok(config)) => match start(config).await {
            Ok(ended) => ended,
            Err(error) => return unusable(&*error),
        },
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("draftstore-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the server, and returns how it ended.
///
/// # Errors
/// An error if the authentication cannot be used as it is configured.
async fn start(config: Config) -> anyhow::Result<anyhow::Result<()>> {
    let audit = match config.audit.log.open() {
        Ok(audit) => audit,
        Err(error) => {
            let rule = "AUDIT_LOG: the file cannot be opened for appending";
            return Ok(Err(anyhow::Error::new(error).context(rule)));
        }
    };
    let traces = match logging::start(
        &config.shared.log,
        config.shared.traces.as_ref(),
        audit.as_ref(),
        PROGRAM,
    ) {
        Ok(traces) => traces,
        Err(error) => return Ok(Err(error.into())),
    };
    let access = Access::open(&config).await?;
    config.shared.log_unused();
    let served = serve::serve(config, access, audit).await;
    finish(traces).await;
    Ok(served)
}

/// Sends the remaining traces.
async fn finish(traces: Option<Sender>) {
    if let Some(sender) = traces {
        // This fails only after a panic, which is logged.
        let _ = tokio::task::spawn_blocking(|| sender.finish()).await;
    }
}

/// Prints an error of the configuration, and returns its exit status.
fn unusable(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("draftstore-server: {error}");
    ExitCode::from(EXIT_CONFIG)
}
