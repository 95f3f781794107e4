//! Downloads: an object becomes a local file, which appears once it is complete.

mod destination;
mod partial;
mod receive;

use draftstore_proto::v1::{GetDownloadUrlRequest, GetDownloadUrlResponse, Stage};
use tokio::fs::OpenOptions;

use crate::cli::{self, DownloadArgs};
use crate::client::GrpcClient;
use crate::context::Context;
use crate::error::CommandError;
use crate::exit::Exit;

pub(crate) use destination::Destination;

use self::receive::Downloader;

/// The result of a download.
#[derive(Debug)]
pub(crate) struct DownloadSummary {
    pub(crate) etag: String,
    pub(crate) size: u64,
    /// The bytes that this run received.
    pub(crate) received: u64,
}

/// The version of the object at the start. A download never mixes versions, however often it is resumed.
#[derive(Debug)]
struct ObjectVersion {
    etag: String,
    size: u64,
}

/// Downloads an object, resuming an earlier run.
///
/// # Errors
/// Returns an error that repeating the call can resume from, unless the object changed.
pub(crate) async fn download(
    context: &Context,
    request: &DownloadArgs,
    destination: &Destination,
) -> Result<DownloadSummary, CommandError> {
    destination.check(request.force)?;
    let issued = request_url(context, request).await?;
    let size = issued.size.and_then(|size| u64::try_from(size).ok());
    let Some((etag, size)) = issued.etag.clone().zip(size) else {
        return Err(CommandError::unexpected_response(
            "the server did not return the ETag and size of the object",
        ));
    };
    let version = ObjectVersion { etag, size };
    let bar = context.output.progress.bar(&request.object_name, size);
    let downloader = Downloader::new(context, request, version, bar).await?;
    let received = match destination {
        Destination::Stdout => downloader.write_to_stream(issued, tokio::io::stdout()).await,
        Destination::Device(path) => {
            let device = OpenOptions::new().write(true).open(path).await;
            let device =
                device.map_err(|error| CommandError::local_io(format!("cannot write {}", path.display()), &error));
            downloader.write_to_stream(issued, device?).await
        }
        Destination::File(file) => downloader.write_to_file(issued, file, request.force).await,
    };
    downloader.bar.finish();
    Ok(DownloadSummary {
        received: received?,
        etag: downloader.version.etag,
        size,
    })
}

/// Requests a presigned URL.
async fn request_url(context: &Context, request: &DownloadArgs) -> Result<GetDownloadUrlResponse, CommandError> {
    let stage = request.stage.map_or(Stage::Unspecified, |stage| match stage {
        cli::StageArg::Draft => Stage::Draft,
        cli::StageArg::Main => Stage::Main,
    });
    let issue = async |mut client: GrpcClient, request| client.get_download_url(request).await;
    let request = GetDownloadUrlRequest {
        object_name: request.object_name.clone(),
        stage: stage.into(),
        draft_id: request.draft_id.clone(),
        destination: request.at.clone(),
        ..GetDownloadUrlRequest::default()
    };
    context.server().await?.call(&context.output, request, issue).await
}

fn object_changed() -> CommandError {
    let message = "the object was replaced during the download: download it again";
    CommandError::new("OBJECT_CHANGED", Exit::PinMismatch, message)
}
