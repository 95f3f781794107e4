//! `draftctl upload FILE…`

use futures::{StreamExt as _, stream};

use crate::cli::Upload;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Size;
use crate::upload::{Uploaded, Uploader};

/// Uploads the files, several at a time; each one's result or failure is printed when it is known.
pub(super) async fn run(context: &Context, upload: Upload) -> Result<Exit, Failure> {
    let files = upload.files.clone();
    if upload.name.is_some() && files.len() > 1 {
        let message = "--name goes with one file only";
        return Err(Failure::new("USAGE", Exit::Usage, message));
    }
    let at_once = upload.parallel.get();
    let uploader = Uploader::new(context, upload).await?;
    let uploads = files.iter().map(|file| {
        let uploader = &uploader;
        async move { (file, uploader.upload(file).await) }
    });
    let mut uploads = stream::iter(uploads).buffer_unordered(at_once);
    let mut exit = Exit::Done;
    while let Some((file, ended)) = uploads.next().await {
        match ended {
            Ok(done) => context.output.result(&done, &text(&done))?,
            Err(failure) => {
                context.output.failure(&failure, Some(&file.display().to_string()));
                exit = if files.len() == 1 {
                    failure.exit
                } else {
                    Exit::SomeFailed
                };
            }
        }
    }
    Ok(exit)
}

fn text(uploaded: &Uploaded) -> String {
    let Uploaded {
        file,
        object_name,
        draft_id,
        etag,
        ..
    } = uploaded;
    let size = Size(uploaded.size.0);
    if let Some(confirmed) = &uploaded.confirmed {
        return format!(
            "{file}: confirmed as {}, {size}, ETag {}",
            confirmed.final_location, confirmed.etag
        );
    }
    let identity = draft_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
    format!("{file}: draft {object_name}{identity}, {size}, ETag {etag}")
}
