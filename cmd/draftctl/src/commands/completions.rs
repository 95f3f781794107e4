//! `draftctl completions SHELL`

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::error::CommandError;

pub(super) fn run(shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "draftctl", &mut script);
    let printed = io::stdout().lock().write_all(&script);
    printed.map_err(|error| CommandError::local_io("cannot write to standard output", &error))
}
