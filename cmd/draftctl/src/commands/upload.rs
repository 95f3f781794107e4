//! `draftctl upload FILE…`

use futures::{StreamExt as _, stream};

use crate::cli::UploadArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanSize;
use crate::upload::{UploadResult, Uploader};

/// Uploads files concurrently, and prints the result or error of each as soon as it is known.
pub(super) async fn run(context: &Context, upload: UploadArgs) -> Result<Exit, CommandError> {
    let files = upload.files.clone();
    if upload.name.is_some() && files.len() > 1 {
        let message = "--name requires a single file: upload the files one by one, or omit --name";
        return Err(CommandError::new("USAGE", Exit::Usage, message));
    }
    let max_concurrent = upload.parallel.get();
    let uploader = Uploader::new(context, upload).await?;
    let uploads = files.iter().map(|file| {
        let uploader = &uploader;
        async move { (file, uploader.upload(file).await) }
    });
    let mut uploads = stream::iter(uploads).buffer_unordered(max_concurrent);
    let mut exit = Exit::Success;
    while let Some((file, result)) = uploads.next().await {
        match result {
            Ok(result) => context.output.result(&result, &text(&result))?,
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

fn text(uploaded: &UploadResult) -> String {
    let UploadResult {
        file,
        object_name,
        draft_id,
        etag,
        ..
    } = uploaded;
    let size = HumanSize(uploaded.size.0);
    if let Some(confirmed) = &uploaded.confirmed {
        return format!(
            "{file}: confirmed as {}, {size}, ETag {}",
            confirmed.final_location, confirmed.etag
        );
    }
    let identity = draft_id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
    format!("{file}: draft {object_name}{identity}, {size}, ETag {etag}")
}
