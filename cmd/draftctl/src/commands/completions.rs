//! `draftctl completions SHELL`

use std::io::{self, Write as _};

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Arguments;
use crate::failure::Failure;

pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Arguments::command(), "draftctl", &mut script);
    let printed = io::stdout().lock().write_all(&script);
    printed.map_err(|error| Failure::local("standard output cannot be written", &error))
}
