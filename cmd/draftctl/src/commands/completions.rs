//! `draftctl completions SHELL`

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CommandError;

pub(super) fn run(context: &Context, shell: Shell) -> Result<(), CommandError> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "draftctl", &mut script);
    context.output.print(&script)
}
