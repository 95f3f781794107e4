//! `draftctl download NAME`

use serde::Serialize;

use crate::cli::DownloadArgs;
use crate::context::Context;
use crate::download::{Destination, DownloadSummary, download};
use crate::error::CommandError;
use crate::output::{HumanSize, JsonBytes};

/// The result of a download in JSON.
#[derive(Serialize)]
struct DownloadResult<'a> {
    object_name: &'a str,
    file: &'a str,
    etag: &'a str,
    size: JsonBytes,
    /// The bytes that this run received; less than the size if an earlier run was interrupted.
    received: JsonBytes,
}

pub(super) async fn run(context: &Context, request: DownloadArgs) -> Result<(), CommandError> {
    let destination = Destination::from_args(&request)?;
    let summary = download(context, &request, &destination).await;
    let summary = summary.map_err(|failure| failure.about_object(&request.object_name))?;
    let file = match &destination {
        // Standard output contains the object, and must contain nothing else.
        Destination::Stdout => return Ok(()),
        Destination::Device(file) | Destination::File(file) => file,
    };
    let DownloadSummary { etag, size, received } = summary;
    let file = file.display().to_string();
    let text = format!("{file}: {}, ETag {etag}", HumanSize(size.cast_signed()));
    let downloaded = DownloadResult {
        object_name: &request.object_name,
        file: &file,
        etag: &etag,
        size: JsonBytes(size.cast_signed()),
        received: JsonBytes(received.cast_signed()),
    };
    context.output.result(&downloaded, &text)
}
