//! `draftctl upload FILE…`

use futures::{StreamExt as _, stream};
use tokio::task::spawn_blocking;

use crate::cli::UploadArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::HumanSize;
use crate::upload::{UploadResult, Uploader, plan};

/// Uploads files concurrently, and prints the result or error of each as soon as it is known. If a result cannot be printed,
/// the other files are uploaded nevertheless.
pub(super) async fn run(context: &Context, upload: UploadArgs) -> Result<Exit, CommandError> {
    let options = upload.clone();
    let planned = spawn_blocking(move || plan(&options)).await;
    let stopped = |_| CommandError::new("INTERNAL", Exit::Failed, "reading directories stopped unexpectedly");
    let planned = planned.map_err(stopped)??;
    let max_concurrent = upload.parallel.get();
    let uploader = Uploader::new(context, upload).await?;
    let uploads = planned.iter().map(|file| {
        let uploader = &uploader;
        async move { (file, uploader.upload(file).await) }
    });
    let mut uploads = stream::iter(uploads).buffer_unordered(max_concurrent);
    let mut exit = Exit::Success;
    let mut printed = Ok(());
    while let Some((file, result)) = uploads.next().await {
        match result {
            Ok(result) => printed = printed.and(context.output.result(&result, &text(&result))),
            Err(failure) => {
                let file = file.input.path().display().to_string();
                context.output.failure(&failure, Some(&file));
                exit = if planned.len() == 1 {
                    failure.exit
                } else {
                    Exit::SomeFailed
                };
            }
        }
    }
    match printed {
        Err(failure) if exit == Exit::Success => Err(failure),
        Err(failure) => {
            context.output.failure(&failure, None);
            Ok(exit)
        }
        Ok(()) => Ok(exit),
    }
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
