//! The commands, one a file.

mod completions;
mod confirm;
mod discard;
mod download;
mod inspect;
mod list;
mod upload;

use crate::cli::Command;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Runs one.
///
/// # Errors
/// Whatever keeps it from its result.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Upload(upload) => return upload::run(context, upload).await,
        Command::Download(download) => download::run(context, download).await?,
        Command::Inspect(draft) => inspect::run(context, draft).await?,
        Command::List(list) => list::run(context, list).await?,
        Command::Confirm(confirm) => confirm::run(context, confirm).await?,
        Command::Discard(draft) => discard::run(context, draft).await?,
        Command::Completions { shell } => completions::run(shell)?,
    }
    Ok(Exit::Done)
}
