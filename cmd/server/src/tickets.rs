//! The keys that sign tickets.

use std::path::PathBuf;

use anyhow::Context as _;
use draftstore_auth::{TicketKey, TicketKeys, TicketKeysFile, Tickets};
use draftstore_runtime::reload::Reloader;

/// Opens the keys in the file, and returns the reloader of the file. Without a file, a server that has no replicas generates a
/// key. A server that may have replicas then has no tickets, because another replica could not verify them.
///
/// # Errors
/// An error if the file is invalid.
pub(crate) async fn open(
    file: Option<PathBuf>,
    is_alone: bool,
) -> anyhow::Result<(Tickets, Option<Reloader<TicketKeysFile>>)> {
    match file {
        Some(file) => {
            let (tickets, reloader) = Tickets::open_file(file).await.context("TICKET_KEYS_FILE")?;
            Ok((tickets, Some(reloader)))
        }
        None if is_alone => Ok((Tickets::new(TicketKeys::only(new_key())), None)),
        None => Ok((Tickets::none(), None)),
    }
}

/// Generates a key.
pub(crate) fn new_key() -> TicketKey {
    TicketKey::new(rand::random(), rand::random())
}
