//! The command-line arguments, and the text of `--help`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use draftstore_proto::Timestamp;
use draftstore_proto::v1::{RetentionMode, RetentionOption, StorageOptions};
use serde::Serialize;

use crate::token::BearerToken;

/// Command-line client for DraftStore: uploads, downloads, inspects, lists, confirms, discards, copies, moves and deletes files.
#[derive(Debug, Parser)]
#[command(name = "draftctl", version, after_help = crate::exit::help())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: DraftctlCommand,
}

/// The heading of the options of every command, which are apart from those of the command itself.
const GLOBAL_OPTIONS: &str = "Global options";

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalOptions {
    /// The server's gRPC address. Without a scheme it is http on this machine, and https elsewhere.
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS,
        env = "DRAFTSTORE_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    pub(crate) server: String,
    /// API key or other bearer token, if the server requires authentication. Prefer the environment variable: other users
    /// of the machine can read command lines.
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS,
        env = "DRAFTSTORE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub(crate) token: Option<BearerToken>,
    /// Print each result as a line of JSON to standard output, and each error to standard error.
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS)]
    pub(crate) json: bool,
    /// Print only results and errors, without progress bars and notices.
    #[arg(long, short, global = true, help_heading = GLOBAL_OPTIONS)]
    pub(crate) quiet: bool,
    /// Number of retries of a call or a transfer if the server or the store fails or is unreachable.
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL_OPTIONS,
        value_name = "N",
        default_value_t = 5
    )]
    pub(crate) retries: u32,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum DraftctlCommand {
    /// Upload files as drafts. Repeat the command after an interruption to send only the missing parts.
    Upload(UploadArgs),
    /// Download a draft or a confirmed object. Repeat the command after an interruption to resume.
    Download(DownloadArgs),
    /// Show a draft's size, type, headers, checksum, metadata and expiration; or everything about a confirmed object.
    Inspect(InspectArgs),
    /// Check a draft, and wait until its checks have ended.
    Check(DraftArgs),
    /// Show the state of a draft, and each change of it, until it is rejected, confirmed or gone.
    Watch(DraftArgs),
    /// List drafts, or confirmed objects.
    List(ListArgs),
    /// Confirm a draft: copy it to the main bucket.
    Confirm(ConfirmArgs),
    /// Delete a draft before it expires.
    Discard(DraftArgs),
    /// Delete confirmed objects, or a version of one.
    Delete(DeleteArgs),
    /// Change the metadata, headers, tags or options of a confirmed object.
    Update(UpdateArgs),
    /// Copy a confirmed object to another name.
    Copy(TransferArgs),
    /// Move a confirmed object to another name. Repeat the command after an interruption to complete it.
    Move(TransferArgs),
    /// List the versions of a confirmed object.
    Versions(VersionsArgs),
    /// Restore a version of a confirmed object, or a deleted object.
    Restore(RestoreArgs),
    /// Make an archived object readable for some days. Repeat the command to see if it is.
    Unarchive(UnarchiveArgs),
    /// Show the number of objects and bytes by tenant, stage, bucket and storage class, as the sweep counted them.
    Usage,
    /// List the events that a webhook lacks, or send them again.
    #[command(subcommand)]
    Events(EventsCommand),
    /// Print a shell completion script.
    Completions {
        /// Shell to generate the script for.
        shell: Shell,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum EventsCommand {
    /// List the events that a webhook has not acknowledged: dead letters first, and then those that are sent again.
    List {
        /// Name of the webhook.
        webhook: String,
    },
    /// Send events to a webhook once more, now.
    Redeliver {
        /// Name of the webhook.
        webhook: String,
        /// IDs of the events. Default: all that the webhook lacks.
        #[arg(value_name = "ID")]
        event_ids: Vec<String>,
    },
    /// Print the events of the feed as they come. Each line ends with a cursor to go on after.
    Tail(TailArgs),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TailArgs {
    /// Cursor to go on after, as an earlier run has printed it. Default: begin now, or with --no-follow at the oldest event.
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
    /// Kind of the events, such as `draft.confirmed`, or its beginning with the dot, such as `object.`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// Beginning of the names of the drafts and objects.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Print what there is, and end.
    #[arg(long)]
    pub(crate) no_follow: bool,
}

#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct UploadArgs {
    /// Files to upload. `-` is standard input. A directory needs --recursive; a pipe, or standard input, needs --name.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Object name, for a single file. Default: the file name without its directory. For a single directory, the name that
    /// stands for the directory.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Upload directories with everything in them. Object names keep the path, beginning with the directory's own name.
    #[arg(long, short)]
    pub(crate) recursive: bool,
    /// Create each draft with an ID of its own, so that uploads with the same name do not replace each other.
    #[arg(long)]
    pub(crate) unique: bool,
    /// Media type of the objects, for example image/png. Default: by the extension of each file name.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    /// User metadata. Repeat the option for several keys.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) storage: OptionArgs,
    /// Confirm each draft once it is uploaded, if its ETag is unchanged.
    #[arg(long)]
    pub(crate) confirm: bool,
    /// Allow the confirm to replace an existing object.
    #[arg(long, requires = "confirm")]
    pub(crate) overwrite: bool,
    /// Maximum number of parts or small files to send at the same time.
    #[arg(long, value_name = "N", default_value = "4")]
    pub(crate) parallel: NonZeroUsize,
    /// Destination of the server's policy to put the confirmed objects in. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION", requires = "confirm")]
    pub(crate) at: Option<String>,
}

/// The headers that the objects keep when they are confirmed.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct HeaderArgs {
    /// Cache-Control of the objects, for example "public, max-age=3600".
    #[arg(long, value_name = "VALUE")]
    pub(crate) cache_control: Option<String>,
    /// Content-Disposition of the objects, for example attachment.
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_disposition: Option<String>,
    /// Content-Encoding of the objects, for example gzip.
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_encoding: Option<String>,
    /// Content-Language of the objects, for example en.
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_language: Option<String>,
    /// Expires of the objects, for example "Thu, 31 Dec 2026 23:59:59 GMT".
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DownloadArgs {
    /// Name of the object.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// File to write, directory to write to, or `-` for standard output. Default: the last segment of the name, in the
    /// current directory.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// ID of a unique draft.
    #[arg(long, value_name = "ID")]
    pub(crate) draft_id: Option<String>,
    /// Bucket to read from. Default: the draft if there is one, otherwise the confirmed object.
    #[arg(long)]
    pub(crate) stage: Option<StageArg>,
    /// Replace the local file if it exists.
    #[arg(long)]
    pub(crate) force: bool,
    /// Destination of the server's policy that has the object. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

/// The bucket of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StageArg {
    /// Uploaded and not confirmed.
    Draft,
    /// Confirmed.
    Main,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DraftArgs {
    /// Object name that the draft was uploaded with.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// ID of a unique draft.
    #[arg(long, value_name = "ID")]
    pub(crate) draft_id: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) draft: DraftArgs,
    /// Show the confirmed object with this name instead of the draft.
    #[arg(long, conflicts_with = "draft_id")]
    pub(crate) confirmed: bool,
    /// Destination of the server's policy that has the object. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION", requires = "confirmed")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct DeleteArgs {
    /// Names of the confirmed objects.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) object_names: Vec<String>,
    /// Delete only if the object has this ETag. For a single object.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
    /// Delete this version of the object, or this delete marker, for good. For a single object.
    #[arg(long, value_name = "ID", conflicts_with = "if_match")]
    pub(crate) version: Option<String>,
    /// Destination of the server's policy that has the objects. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UpdateArgs {
    /// Name of the confirmed object.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// Update only if the object has this ETag.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
    /// Media type to set, for example image/png.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    #[command(flatten)]
    pub(crate) headers: HeaderArgs,
    /// User metadata to set. Repeat the option for several keys. Other metadata stays.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) metadata: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) options: OptionArgs,
    /// Field to remove: a header such as `cache_control`, `metadata.KEY`, or `tags`. Repeat the option for several.
    #[arg(long, value_name = "FIELD")]
    pub(crate) remove: Vec<String>,
    /// ID of the version whose legal hold is to be set or released, instead of the current one.
    #[arg(long, value_name = "ID", requires = "legal_hold")]
    pub(crate) version: Option<String>,
    /// Destination of the server's policy that has the object. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TransferArgs {
    /// Name of the confirmed object.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// New name.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    /// Only if the object has this ETag.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
    /// Replace the object with the new name if it exists.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Replace it only if it has this ETag.
    #[arg(long, value_name = "ETAG", requires = "overwrite")]
    pub(crate) overwrite_if_match: Option<String>,
    /// Key of this command. Repeating it with the same key returns the first result.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) options: OptionArgs,
    /// Destination of the server's policy that has both names. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

/// The options of how the store keeps a confirmed object.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub(crate) struct OptionArgs {
    /// Tag of the confirmed object. Repeat the option for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    tag: Vec<(String, String)>,
    /// Storage class of the confirmed object, by the store's name.
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Time until which the store does not delete the object, for example 2030-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME", requires = "retention")]
    retain_until: Option<Time>,
    /// Mode of the retention.
    #[arg(long, value_name = "MODE", requires = "retain_until")]
    retention: Option<RetentionArg>,
    /// `true` keeps the store from deleting the object, `false` releases the hold.
    #[arg(long, value_name = "BOOL")]
    legal_hold: Option<bool>,
    /// Server-side encryption: AES256 or aws:kms.
    #[arg(long, value_name = "NAME")]
    encryption: Option<String>,
    /// Key of aws:kms.
    #[arg(long, value_name = "ID", requires = "encryption")]
    kms_key_id: Option<String>,
}

/// The mode of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
pub(crate) enum RetentionArg {
    /// A retention that can be bypassed with a right for it.
    Governance,
    /// A retention that lasts to its end.
    Compliance,
}

/// A time of the command line.
#[derive(Debug, Clone, Copy, Serialize)]
struct Time(Timestamp);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = serde_json::from_value(text.into());
        parsed
            .map(Self)
            .map_err(|_| "must be a time such as 2030-01-01T00:00:00Z".to_owned())
    }
}

impl OptionArgs {
    /// Returns the options as a message, or `None` if there are none.
    pub(crate) fn message(&self) -> Option<StorageOptions> {
        let retention = self.retention.map(|mode| RetentionOption {
            mode: match mode {
                RetentionArg::Governance => RetentionMode::Governance.into(),
                RetentionArg::Compliance => RetentionMode::Compliance.into(),
            },
            until: self.retain_until.map(|Time(until)| until),
        });
        let options = StorageOptions {
            tags: self.tag.iter().cloned().collect(),
            storage_class: self.storage_class.clone(),
            retention,
            legal_hold: self.legal_hold,
            encryption: self.encryption.clone(),
            kms_key_id: self.kms_key_id.clone(),
        };
        (options != StorageOptions::default()).then_some(options)
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct VersionsArgs {
    /// Name of the confirmed object.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// Destination of the server's policy that has the object. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RestoreArgs {
    /// Name of the confirmed object.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// ID of the version to restore. Default: the newest version of an object that was deleted.
    #[arg(long, value_name = "ID")]
    pub(crate) version: Option<String>,
    /// Restore only if the current object has this ETag.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
    /// Destination of the server's policy that has the object. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct UnarchiveArgs {
    /// Name of the confirmed object.
    #[arg(value_name = "NAME")]
    pub(crate) object_name: String,
    /// Days for which the object stays readable.
    #[arg(long, value_name = "DAYS", default_value_t = 7)]
    pub(crate) days: i32,
    /// Restore at the lowest price, which takes up to two days.
    #[arg(long)]
    pub(crate) bulk: bool,
    /// ID of the version to restore. Default: the current one.
    #[arg(long, value_name = "ID")]
    pub(crate) version: Option<String>,
    /// Destination of the server's policy that has the object. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ListArgs {
    /// List confirmed objects instead of drafts.
    #[arg(long)]
    pub(crate) confirmed: bool,
    /// List only names that start with this prefix.
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// List what is directly below the prefix: confirmed objects, and folders.
    #[arg(long, requires = "confirmed")]
    pub(crate) folders: bool,
    /// List only confirmed objects of this media type, for example image/png or "image/*".
    #[arg(long, value_name = "TYPE", requires = "confirmed")]
    pub(crate) content_type: Option<String>,
    /// List only confirmed objects with this tag. Repeat the option for several.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, requires = "confirmed")]
    pub(crate) tag: Vec<(String, String)>,
    /// List the newest drafts first.
    #[arg(long, conflicts_with_all = ["confirmed", "folders"])]
    pub(crate) newest_first: bool,
    /// Destination of the server's policy whose objects are listed. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION", requires = "confirmed")]
    pub(crate) at: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ConfirmArgs {
    #[command(flatten)]
    pub(crate) draft: DraftArgs,
    /// Name of the confirmed object. Default: the name of the draft.
    #[arg(long, value_name = "NAME")]
    pub(crate) destination: Option<String>,
    /// Confirm only if the draft has this ETag.
    #[arg(long, value_name = "ETAG")]
    pub(crate) if_match: Option<String>,
    /// Confirm only if the draft has exactly this size, in bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) content_length: Option<i64>,
    /// Confirm only if the draft has this SHA-256, in base64.
    #[arg(long, value_name = "SHA256")]
    pub(crate) checksum_sha256: Option<String>,
    /// Replace the object in the main bucket if it exists.
    #[arg(long)]
    pub(crate) overwrite: bool,
    /// Replace it only if it has this ETag.
    #[arg(long, value_name = "ETAG", requires = "overwrite")]
    pub(crate) overwrite_if_match: Option<String>,
    /// Key of this confirm. Repeating it with the same key returns the first result.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) options: OptionArgs,
    /// Destination of the server's policy to put the object in. Default: the main bucket.
    #[arg(long, value_name = "DESTINATION")]
    pub(crate) at: Option<String>,
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
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn legal_hold_takes_its_value_with_and_without_an_equals_sign() {
        for hold in [&["--legal-hold=false"][..], &["--legal-hold", "false"]] {
            let words = [&["draftctl", "update", "name"], hold].concat();
            let DraftctlCommand::Update(update) = Cli::try_parse_from(words).expect("valid").command else {
                panic!("another command");
            };
            assert_eq!(
                (update.object_name.as_str(), update.options.legal_hold),
                ("name", Some(false))
            );
        }
    }
}
