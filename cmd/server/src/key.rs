//! Making credentials.

use std::io::{Write as _, stdout};

use clap::Subcommand;
use draftstore_auth::{ApiKey, CallerName};

use crate::tickets;

/// What is done with keys.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Key {
    /// Print a new API key, which is kept nowhere else, and below it what goes into the policy file.
    New {
        /// The caller whose key it will be.
        #[arg(long, value_name = "CALLER")]
        name: Option<CallerName>,
    },
    /// A line for the file that `TICKET_KEYS_FILE` names. The first line of the file signs tickets, all of them verify.
    Ticket,
}

impl Key {
    /// Does it.
    ///
    /// # Errors
    /// When it cannot be written to standard output.
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
