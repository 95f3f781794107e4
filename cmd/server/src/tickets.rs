//! The keys that sign tickets.

use std::path::PathBuf;

use anyhow::Context as _;
use draftstore_auth::{TicketKey, TicketKeys, Tickets};
use draftstore_runtime::on_hangup;
use tokio::task::JoinSet;

/// Opens the keys in the file, and reloads them when the file changes. Without a file, a server that has no replicas generates a
/// key. A server that may have replicas then has no tickets, because another replica could not verify them.
///
/// Returns the tickets, and once more if their keys are from the file.
///
/// # Errors
/// An error if the file is invalid.
pub(crate) async fn open(
    file: Option<PathBuf>,
    is_alone: bool,
    reloaders: &mut JoinSet<()>,
) -> anyhow::Result<(Tickets, Option<Tickets>)> {
    match file {
        Some(file) => {
            let (tickets, reloader) = Tickets::open_file(file).await.context("TICKET_KEYS_FILE")?;
            reloaders.spawn(reloader.run(on_hangup()?));
            Ok((tickets.clone(), Some(tickets)))
        }
        None if is_alone => Ok((Tickets::new(TicketKeys::only(new_key())), None)),
        None => Ok((Tickets::none(), None)),
    }
}

/// Generates a key.
pub(crate) fn new_key() -> TicketKey {
    TicketKey::new(rand::random(), rand::random())
}
