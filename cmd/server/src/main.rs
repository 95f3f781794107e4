//! The DraftStore server: gRPC and REST, and by default the store and the sweep as well, in one process.

mod connections;
mod console;
mod doctor;
mod health;
mod probe;
mod serve;
mod store;
mod tickets;

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use draftstore_runtime::config::{Config, VARIABLES};
use draftstore_runtime::{EXIT_CONFIG, logging};

use crate::doctor::Doctor;

/// Hands out presigned URLs for uploads, and keeps what is confirmed. Configured by environment variables.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Clone, Subcommand)]
enum Command {
    /// Ask the server on this machine whether it is well: exit 0 if so. For container health checks.
    Health,
    /// Look at the configured store as the server and its clients will use it, and say what helps: exit 0 if nothing
    /// weakens what is promised.
    Doctor(Doctor),
    /// Make credentials of the server's own: prints them, and keeps nothing.
    #[command(subcommand)]
    Key(Key),
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Key {
    /// A line for the file that `TICKET_KEYS_FILE` names. The first line of the file signs tickets, all of them verify.
    Ticket,
}

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Arguments::command().after_help(environment()).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Some(Command::Key(Key::Ticket)) = arguments.command {
        println!("{}", tickets::new_key().line());
        return ExitCode::SUCCESS;
    }
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => {
            eprintln!("draftstore-server: {error}");
            return ExitCode::from(EXIT_CONFIG);
        }
    };
    let ended = match arguments.command {
        Some(Command::Health) => health::ask(config.listen).await,
        Some(Command::Doctor(doctor)) => match doctor::examine(config, doctor).await {
            Ok(true) => Ok(()),
            Ok(false) => return ExitCode::FAILURE,
            Err(error) => Err(error),
        },
        Some(Command::Key(_)) | None => match logging::start(config.log_format, &config.log_filter) {
            Ok(()) => serve::serve(config).await,
            Err(error) => Err(error.into()),
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

fn environment() -> String {
    let mut text = "Environment:\n".to_owned();
    for variable in VARIABLES {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "  {}\n      {} [{}]",
            variable.name, variable.meaning, variable.default
        );
    }
    text
}
