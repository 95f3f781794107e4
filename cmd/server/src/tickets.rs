//! What signs tickets.

use std::path::PathBuf;

use anyhow::Context as _;
use draftstore_auth::{TicketKey, TicketKeys, TicketKeysFile, Tickets};
use draftstore_runtime::reload::Reloader;

/// By the keys in the file; else, where this process is all there is, by a key of its own; else there are no tickets: those
/// of one replica would not be valid at another. With what keeps them as the file is.
///
/// # Errors
/// When the file cannot be used.
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

/// One that nobody has seen.
pub(crate) fn new_key() -> TicketKey {
    TicketKey::new(rand::random(), rand::random())
}
