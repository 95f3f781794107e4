//! The command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::token::Token;

/// Uploads files as drafts, and confirms, inspects, lists, downloads and discards them.
#[derive(Debug, Parser)]
#[command(name = "draftctl", version, after_help = crate::exit::help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The server's gRPC address.
    #[arg(
        long,
        global = true,
        env = "DRAFTSTORE_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    pub(crate) server: String,
    /// An API key or another bearer token, where the server asks who is calling. In the environment it is out of sight of
    /// other programs.
    #[arg(
        long,
        global = true,
        env = "DRAFTSTORE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<Token>,
    /// Print one line of JSON for each result to standard output, and for each failure to standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No progress and no notices, only results and failures.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// How often a call or a transfer is tried again when server or store fail or cannot be reached.
    #[arg(long, global = true, value_name = "N", default_value_t = 5)]
    pub(crate) retries: u32,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Upload files as drafts. After an interruption the same command sends only what has not arrived.
    Upload(Upload),
    /// Download a draft or a confirmed object. After an interruption the same command goes on where it ended.
    Download(Download),
    /// Describe a draft.
    Inspect(Draft),
    /// List drafts, or what was confirmed.
    List(List),
    /// Keep a draft: copy it into the main bucket.
    Confirm(Confirm),
    /// Delete a draft before it expires.
    Discard(Draft),
    /// Print a completion script.
    Completions {
        /// The shell that it is for.
        shell: Shell,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Upload {
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The object's name; with one file only. Otherwise each file's own name, without its directories.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Give each draft an identity of its own, so that uploads under one name never meet.
    #[arg(long)]
    pub(crate) unique: bool,
    /// The media type to store.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// User metadata to store; may be given several times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    /// Confirm each draft as soon as it has arrived, pinned by its `ETag`.
    #[arg(long)]
    pub(crate) confirm: bool,
    /// Let the confirm replace what main holds under the name.
    #[arg(long, requires = "confirm")]
    pub(crate) overwrite: bool,
    /// How many parts or small files are sent at once.
    #[arg(long, value_name = "N", default_value = "4")]
    pub(crate) parallel: NonZeroUsize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Download {
    /// The object's name.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// Where to write it, or `-` for standard output. Otherwise the last part of the name.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The identity of a unique draft.
    #[arg(long, value_name = "ID")]
    pub(crate) draft_id: Option<String>,
    /// Where to look; otherwise for a draft, and if there is none in main.
    #[arg(long)]
    pub(crate) stage: Option<Stage>,
    /// Replace a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Uploaded, not confirmed.
    Draft,
    /// Confirmed.
    Main,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Draft {
    /// The name that it was uploaded under.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// The identity of a unique draft.
    #[arg(long, value_name = "ID")]
    pub(crate) draft_id: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    /// What was confirmed, instead of drafts.
    #[arg(long)]
    pub(crate) confirmed: bool,
    /// Only names that begin so; with --confirmed.
    #[arg(long, requires = "confirmed")]
    pub(crate) prefix: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Confirm {
    #[command(flatten)]
    pub(crate) draft: Draft,
    /// The name to keep it under.
    #[arg(long, value_name = "NAME")]
    pub(crate) destination: Option<String>,
    /// Only if the draft has this `ETag`.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
    /// Only if the draft has exactly this size, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) content_length: Option<i64>,
    /// Only if the draft has this SHA-256, in base64.
    #[arg(long, value_name = "SHA256")]
    pub(crate) checksum_sha256: Option<String>,
    /// Replace what main holds under the name.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Replace it only if it has this `ETag`.
    #[arg(long, value_name = "ETAG", requires = "overwrite")]
    pub(crate) overwrite_if_match: Option<String>,
    /// Your own name for this confirm: a repeat with it is answered as the first was.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
