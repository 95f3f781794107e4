//! The subcommand `key`, which generates credentials.

use clap::Subcommand;
use draftstore_auth::{ApiKey, CallerName};
use draftstore_runtime::print;

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
        let text = match self {
            Self::New { name } => {
                let key = ApiKey::from_random(rand::random());
                let caller = name.map(|name| format!("[callers.{}]\n", name.as_str()));
                let caller = caller.unwrap_or_default();
                format!("{}\n{caller}api_keys = [\"{}\"]\n", key.expose(), key.digest())
            }
            Self::Ticket => format!("{}\n", tickets::new_key().line()),
        };
        Ok(print(text)?)
    }
}
