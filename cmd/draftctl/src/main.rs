//! The command line client of DraftStore, on its gRPC API.
//!
//! Bytes go straight to the object store, by presigned URLs, which are neither printed nor kept.

mod cli;
mod commands;
mod context;
mod download;
mod exit;
mod failure;
mod output;
mod progress;
mod retry;
mod server;
mod state;
mod store;
mod token;
mod upload;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use tokio::runtime::Builder;

use crate::cli::Arguments;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let output = Output::new(arguments.global.json, arguments.global.quiet);
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output.failure(&Failure::local("threads cannot be started", &error), None);
            return ExitCode::from(Exit::Failed.status());
        }
    };
    let context = Context::new(arguments.global, output);
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = commands::run(&context, arguments.command) => ended,
            interrupted = interrupt() => Err(interrupted),
        }
    });
    // A thread that hashes a large part does not hold up the end.
    runtime.shutdown_background();
    let exit = ended.unwrap_or_else(|failure| {
        context.output.failure(&failure, None);
        failure.exit
    });
    ExitCode::from(exit.status())
}

/// Ends at SIGINT. Whatever is under way may be dropped at any moment: it is what `kill -9` does.
async fn interrupt() -> Failure {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Failure::new(
            "INTERRUPTED",
            Exit::Interrupted,
            "interrupted; the same command goes on from where it is",
        ),
        Err(error) => Failure::local("SIGINT cannot be waited for", &error),
    }
}

/// Help and version go to standard output; what is wrong goes to standard error, as JSON where that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    let helps = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !helps && std::env::args_os().any(|argument| argument == "--json") {
        let message = error.to_string();
        let failure = Failure::new("USAGE", Exit::Usage, message.trim_end());
        Output::new(true, true).failure(&failure, None);
    } else {
        // Where there is nobody to read it, nothing can be said.
        let _ = error.print();
    }
    ExitCode::from(if helps { Exit::Done } else { Exit::Usage }.status())
}
