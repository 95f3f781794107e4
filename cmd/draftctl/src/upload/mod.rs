//! Uploads: small files in one request, large files in parts, which are not sent twice after an interruption.

mod confirm;
mod file_upload;
mod hash;
mod multipart;
mod parts;
mod plan;
mod resume;
mod sign;
mod single;
mod source;
mod transfer;

use draftstore_proto::Timestamp;
use draftstore_proto::v1::ConfirmUploadResponse;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::cli::UploadArgs;
use crate::client::ApiClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::output::JsonBytes;

pub(crate) use self::plan::{PlannedUpload, plan};

use self::file_upload::FileUpload;
use self::source::SourceFile;

/// The minimum size of a multipart upload, in bytes. Sending a smaller file again costs less than the additional calls.
const MIN_MULTIPART: u64 = 16 * 1024 * 1024;

/// The shared state of the uploads of a run.
#[derive(Debug)]
pub(crate) struct Uploader<'a> {
    context: &'a Context,
    server: &'a ApiClient,
    http: &'a reqwest::Client,
    options: UploadArgs,
    /// The permits to send, `--parallel` of them.
    send_permits: Semaphore,
    /// The permits to hash, one per core.
    hash_permits: Semaphore,
}

/// The result of an upload, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct UploadResult {
    /// The path as given on the command line.
    pub(crate) file: String,
    pub(crate) object_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) draft_id: Option<String>,
    /// The ETag of the draft.
    pub(crate) etag: String,
    pub(crate) size: JsonBytes,
    /// The bytes that this run sent, including those sent again.
    pub(crate) sent: JsonBytes,
    /// The bytes that an earlier run sent.
    pub(crate) resumed: JsonBytes,
    /// The expiration time of the draft, if the server returned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// The response to the confirm, with `--confirm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confirmed: Option<ConfirmUploadResponse>,
}

impl<'a> Uploader<'a> {
    /// # Errors
    /// Returns an error if the server URL or the token is invalid, or if the system's certificates cannot be read.
    pub(crate) async fn new(context: &'a Context, options: UploadArgs) -> Result<Self, CommandError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            context,
            server: context.server().await?,
            http: context.http().await?,
            send_permits: Semaphore::new(options.parallel.get()),
            hash_permits: Semaphore::new(cores),
            options,
        })
    }

    /// Uploads a file, resuming an earlier run, and confirms it with `--confirm`.
    ///
    /// # Errors
    /// Returns an error after which repeating the call resumes the upload.
    pub(crate) async fn upload(&self, planned: &PlannedUpload) -> Result<UploadResult, CommandError> {
        let source = SourceFile::open(&planned.input).await?;
        FileUpload::new(self, planned, source).run().await
    }
}
