//! Files become drafts: small ones by one request, large ones in parts, of which none is sent twice after an interruption.

mod confirm;
mod hash;
mod job;
mod multipart;
mod parts;
mod resume;
mod sign;
mod single;
mod source;
mod transfer;

use std::path::Path;

use draftstore_proto::Timestamp;
use draftstore_proto::v1::ConfirmUploadResponse;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::cli::Upload;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Bytes;
use crate::server::Server;

use self::job::Job;
use self::source::Source;

/// Files of this size and more are uploaded in parts. Below it sending everything again costs less than the calls.
const MIN_MULTIPART: u64 = 16 * 1024 * 1024;

/// What one run's uploads have in common.
#[derive(Debug)]
pub(crate) struct Uploader<'a> {
    context: &'a Context,
    server: &'a Server,
    http: &'a reqwest::Client,
    options: Upload,
    /// To send something.
    sending: Semaphore,
    /// To hash something: one for each core.
    hashing: Semaphore,
}

/// What became of a file, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Uploaded {
    /// As it was given.
    pub(crate) file: String,
    pub(crate) object_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) draft_id: Option<String>,
    /// The draft's.
    pub(crate) etag: String,
    pub(crate) size: Bytes,
    /// Bytes that this run sent, those that had to be sent again included.
    pub(crate) sent: Bytes,
    /// Bytes that had arrived in an earlier run.
    pub(crate) resumed: Bytes,
    /// When the draft expires, where the server has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// The answer to the confirm, with --confirm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed: Option<ConfirmUploadResponse>,
}

impl<'a> Uploader<'a> {
    /// # Errors
    /// When the server's URL is none, or the system's certificates cannot be read.
    pub(crate) async fn new(context: &'a Context, options: Upload) -> Result<Self, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            context,
            server: context.server().await?,
            http: context.http().await?,
            sending: Semaphore::new(options.parallel.get()),
            hashing: Semaphore::new(cores),
            options,
        })
    }

    /// Uploads a file, from where an earlier run left it, and confirms it where that was asked for.
    ///
    /// # Errors
    /// Whatever keeps it from that. The same call goes on from there.
    pub(crate) async fn upload(&self, file: &Path) -> Result<Uploaded, Failure> {
        let source = Source::open(file)?;
        let object_name = match &self.options.name {
            Some(name) => name.clone(),
            None => own_name(file)?,
        };
        Job::new(self, file, source, object_name).run().await
    }
}

fn own_name(file: &Path) -> Result<String, Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    let no_name = || Failure::new("USAGE", Exit::Usage, "its name is not UTF-8: give one by --name");
    Ok(name.ok_or_else(no_name)?.to_owned())
}
