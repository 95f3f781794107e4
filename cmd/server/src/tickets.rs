//! What signs tickets.

use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context as _;
use draftstore_auth::{TicketKey, TicketKeys, Tickets};

/// By the keys in the file; else, where this process is all there is, by a key of its own; else there are no tickets: those
/// of one replica would not be valid at another.
///
/// # Errors
/// When the file cannot be used.
pub(crate) fn open(file: Option<PathBuf>, is_alone: bool) -> anyhow::Result<Tickets> {
    match file {
        Some(file) => Tickets::from_file(file, SystemTime::now()).context("TICKET_KEYS_FILE"),
        None if is_alone => Ok(Tickets::by(TicketKeys::only(new_key()))),
        None => Ok(Tickets::none()),
    }
}

/// One that nobody has seen.
pub(crate) fn new_key() -> TicketKey {
    TicketKey::new(rand::random(), rand::random())
}
