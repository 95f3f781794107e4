//! The subcommand `key`, which generates credentials.

use std::io::{Write as _, stdout};

use clap::Subcommand;
use draftstore_auth::{ApiKey, CallerName};

use crate::tickets;

/// The subcommands of `key`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Key {
    /// Prints a new API key, which is not stored, and its entry for the policy file.
    New {
        /// The name of the key's caller.
        #[arg(long, value_name = "CALLER")]
        name: Option<CallerName>,
    },
    /// Prints a new line for the file at `TICKET_KEYS_FILE`. The key in the first line signs tickets, and all keys verify them.
    Ticket,
}

impl Key {
    /// Runs the subcommand.
    ///
    /// # Errors
    /// An error if standard output cannot be written.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut out = stdout().lock();
        let name = match self {
            Self::New { name } => name,
            Self::Ticket => {
                writeln!(out, "{}", tickets::new_key().line())?;
                return Ok(());
            }
        };
        let key = ApiKey::from_random(rand::random());
        writeln!(out, "{}", key.expose())?;
        if let Some(name) = name {
            writeln!(out, "[callers.{}]", name.as_str())?;
        }
        writeln!(out, "api_keys = [\"{}\"]", key.digest())?;
        Ok(())
    }
}
