//! The commands, one per file.

mod check;
mod completions;
mod confirm;
mod delete;
mod discard;
mod download;
mod events;
mod inspect;
mod list;
mod object;
mod restore;
mod transfer;
mod unarchive;
mod update;
mod upload;
mod usage;
mod versions;
mod watch;

use crate::cli::DraftctlCommand;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;

/// Runs a command.
///
/// # Errors
/// Returns the first error; `upload` prints the errors of single files itself.
pub(crate) async fn run(context: &Context, command: DraftctlCommand) -> Result<Exit, CommandError> {
    match command {
        DraftctlCommand::Upload(upload) => return upload::run(context, upload).await,
        DraftctlCommand::Download(download) => download::run(context, download).await?,
        DraftctlCommand::Inspect(inspect) if inspect.confirmed => {
            object::run(context, inspect.draft.object_name, inspect.at).await?;
        }
        DraftctlCommand::Inspect(inspect) => inspect::run(context, inspect.draft).await?,
        DraftctlCommand::Check(draft) => return check::run(context, draft).await,
        DraftctlCommand::Watch(draft) => return watch::run(context, draft).await,
        DraftctlCommand::List(list) => list::run(context, list).await?,
        DraftctlCommand::Confirm(confirm) => confirm::run(context, confirm).await?,
        DraftctlCommand::Discard(draft) => discard::run(context, draft).await?,
        DraftctlCommand::Delete(objects) => return delete::run(context, objects).await,
        DraftctlCommand::Update(update) => update::run(context, update).await?,
        DraftctlCommand::Copy(copy) => transfer::copy(context, copy).await?,
        DraftctlCommand::Move(transfer) => transfer::rename(context, transfer).await?,
        DraftctlCommand::Versions(object) => versions::run(context, object).await?,
        DraftctlCommand::Restore(restore) => restore::run(context, restore).await?,
        DraftctlCommand::Unarchive(unarchive) => unarchive::run(context, unarchive).await?,
        DraftctlCommand::Usage => usage::run(context).await?,
        DraftctlCommand::Events(events) => return events::run(context, events).await,
        DraftctlCommand::Completions { shell } => completions::run(context, shell)?,
    }
    Ok(Exit::Success)
}
