//! `draftctl download NAME`

use serde::Serialize;

use crate::cli::Download;
use crate::context::Context;
use crate::download::{Destination, Got, download};
use crate::failure::Failure;
use crate::output::{Bytes, Size};

/// What was downloaded, for scripts.
#[derive(Serialize)]
struct Downloaded<'a> {
    object_name: &'a str,
    file: &'a str,
    etag: &'a str,
    size: Bytes,
    /// Bytes that this run received: less than the size where an earlier one was interrupted.
    received: Bytes,
}

pub(super) async fn run(context: &Context, request: Download) -> Result<(), Failure> {
    let destination = Destination::of(&request);
    let got = download(context, &request, &destination).await?;
    let Destination::File(file) = &destination else {
        // Standard output is the object.
        return Ok(());
    };
    let Got { etag, size, received } = got;
    let file = file.display().to_string();
    let text = format!("{file}: {}, ETag {etag}", Size(size.cast_signed()));
    let downloaded = Downloaded {
        object_name: &request.object_name,
        file: &file,
        etag: &etag,
        size: Bytes(size.cast_signed()),
        received: Bytes(received.cast_signed()),
    };
    context.output.result(&downloaded, &text)
}
