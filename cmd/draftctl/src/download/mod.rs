//! An object becomes a local file, which appears when it is whole.

mod destination;
mod partial;
mod receive;

use draftstore_proto::v1::{GetDownloadUrlRequest, GetDownloadUrlResponse, Stage};

use crate::cli::{self, Download};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::server::Stub;

pub(crate) use destination::Destination;

use self::receive::Receiver;

/// What was downloaded.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) etag: String,
    pub(crate) size: u64,
    /// Bytes that this run received.
    pub(crate) received: u64,
}

/// The object as it is when this begins: one version of it, however often it breaks off.
#[derive(Debug)]
struct Version {
    etag: String,
    size: u64,
}

/// Downloads, from where an earlier run left it.
///
/// # Errors
/// Whatever keeps it from that. The same call goes on from there.
pub(crate) async fn download(context: &Context, request: &Download, destination: &Destination) -> Result<Got, Failure> {
    destination.check(request.force)?;
    let issued = issue(context, request).await?;
    let size = issued.size.and_then(|size| u64::try_from(size).ok());
    let Some((etag, size)) = issued.etag.clone().zip(size) else {
        return Err(Failure::nonsense("the server does not say which version it is"));
    };
    let version = Version { etag, size };
    let bar = context.output.progress.bar(&request.object_name, size);
    let receiver = Receiver::new(context, request, version, bar).await?;
    let ended = match destination {
        Destination::Stdout => receiver.fill_stdout(issued).await,
        Destination::File(file) => receiver.fill_file(issued, file, request.force).await,
    };
    receiver.bar.end();
    Ok(Got {
        received: ended?,
        etag: receiver.version.etag,
        size,
    })
}

/// A URL, which is valid for a while.
async fn issue(context: &Context, request: &Download) -> Result<GetDownloadUrlResponse, Failure> {
    let stage = request.stage.map_or(Stage::Unspecified, |stage| match stage {
        cli::Stage::Draft => Stage::Draft,
        cli::Stage::Main => Stage::Main,
    });
    let issue = async |mut stub: Stub, request| stub.get_download_url(request).await;
    let request = GetDownloadUrlRequest {
        object_name: request.object_name.clone(),
        stage: stage.into(),
        draft_id: request.draft_id.clone(),
        ..GetDownloadUrlRequest::default()
    };
    context.server().await?.call(&context.output, request, issue).await
}

fn replaced() -> Failure {
    let message = "the object was replaced while it was downloaded";
    Failure::new("OBJECT_CHANGED", Exit::PinMismatch, message)
}
