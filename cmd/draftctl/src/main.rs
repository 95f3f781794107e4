//! The command-line client of DraftStore, which uses its gRPC API.
//!
//! Bytes are sent to and received from the object store through presigned URLs, which are neither printed nor stored.

mod channel;
mod cli;
mod client;
mod commands;
mod context;
mod download;
mod error;
mod exit;
mod output;
mod progress;
mod retry;
mod server_url;
mod state;
mod store;
mod token;
mod upload;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use draftstore_proxy::Proxies;
use tokio::runtime::Builder;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let output = Output::new(cli.options.json, cli.options.quiet);
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.failure(&CommandError::local_io("cannot start threads", &error), None);
            return ExitCode::from(Exit::Failed.status());
        }
    };
    for (variable, reason) in Proxies::ignored() {
        output.notice(&format!("{variable} is ignored: it {reason}"));
    }
    let context = Context::new(cli.options, output);
    let result = runtime.block_on(async {
        tokio::select! {
            result = commands::run(&context, cli.command) => result,
            error = interrupt() => Err(error),
        }
    });
    // A thread that is hashing a large part must not delay the exit.
    runtime.shutdown_background();
    let exit = result.unwrap_or_else(|failure| {
        context.output.failure(&failure, None);
        failure.exit
    });
    ExitCode::from(exit.status())
}

/// Waits for SIGINT. Everything in progress may be dropped at any moment, as with `kill -9`.
async fn interrupt() -> CommandError {
    match tokio::signal::ctrl_c().await {
        Ok(()) => CommandError::new(
            "INTERRUPTED",
            Exit::Interrupted,
            "interrupted: repeat the command to resume",
        ),
        Err(error) => CommandError::local_io("cannot wait for SIGINT", &error),
    }
}

/// Prints help and version to standard output, and usage errors to standard error, as JSON with `--json`.
fn usage(error: &clap::Error) -> ExitCode {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !is_help && std::env::args_os().any(|argument| argument == "--json") {
        let message = error.to_string();
        let failure = CommandError::new("USAGE", Exit::Usage, message.trim_end());
        Output::new(true, true).failure(&failure, None);
    } else {
        // If standard error is closed, the error cannot be reported.
        let _ = error.print();
    }
    ExitCode::from(if is_help { Exit::Success } else { Exit::Usage }.status())
}
