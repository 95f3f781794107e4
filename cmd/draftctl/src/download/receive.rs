//! Receiving of an object's bytes, with as many requests as needed.

use std::path::Path;

use draftstore_proto::v1::GetDownloadUrlResponse;
use reqwest::header::{CONTENT_RANGE, ETAG, IF_MATCH, RANGE};
use reqwest::{Response, StatusCode};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::partial::PartialFile;
use super::{ObjectVersion, object_changed, request_url};
use crate::cli::DownloadArgs;
use crate::context::Context;
use crate::error::CommandError;
use crate::progress::FileProgress;
use crate::store::{TransferError, TransferMeter, connection_error, read_error, with_stall_timeout};

/// A download in progress.
#[derive(Debug)]
pub(super) struct Downloader<'a> {
    context: &'a Context,
    request: &'a DownloadArgs,
    http: &'a reqwest::Client,
    pub(super) version: ObjectVersion,
    pub(super) bar: FileProgress,
}

impl<'a> Downloader<'a> {
    pub(super) async fn new(
        context: &'a Context,
        request: &'a DownloadArgs,
        version: ObjectVersion,
        bar: FileProgress,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            context,
            request,
            http: context.http().await?,
            version,
            bar,
        })
    }

    /// Writes the object to standard output, a pipe or a device. Returns the number of bytes received.
    pub(super) async fn write_to_stream(
        &self,
        issued: GetDownloadUrlResponse,
        mut stream: impl AsyncWrite + Unpin,
    ) -> Result<u64, CommandError> {
        self.receive(issued, 0, &mut stream).await
    }

    /// Appends the missing bytes to the partial file and renames it to the target. Returns the number of bytes received.
    pub(super) async fn write_to_file(
        &self,
        issued: GetDownloadUrlResponse,
        target: &Path,
        force: bool,
    ) -> Result<u64, CommandError> {
        let partial = PartialFile::open(target, &self.version)?;
        if partial.len > 0 {
            self.bar.skip(partial.len);
        }
        let file = partial.file.try_clone().map_err(|error| partial.failure(&error))?;
        let mut file = tokio::fs::File::from_std(file);
        let received = self.receive(issued, partial.len, &mut file).await?;
        partial.finish(target, force)?;
        Ok(received)
    }

    async fn receive(
        &self,
        mut issued: GetDownloadUrlResponse,
        from: u64,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, CommandError> {
        let mut retries = self.context.retries();
        let meter = TransferMeter::new(self.bar.clone());
        while from + meter.transferred() < self.version.size {
            let previous = meter.transferred();
            let result = self.receive_once(&issued, from, to, &meter).await;
            // An interrupted response is no reason to give up as long as there is progress.
            let progressed = meter.transferred() > previous;
            if progressed {
                retries = self.context.retries();
            }
            let error = match result {
                Ok(()) if progressed => continue,
                Ok(()) => stalled(),
                Err(error) => error,
            };
            let (failure, retry_after) = match error {
                TransferError::Permanent(failure) => return Err(failure),
                TransferError::Url(failure) => (failure, None),
                TransferError::Transient { message, retry_after } => (CommandError::unavailable(message), retry_after),
            };
            if !retries.wait(&failure.message, retry_after).await {
                return Err(failure);
            }
            issued = request_url(self.context, self.request).await?;
            if issued.etag.as_ref() != Some(&self.version.etag) {
                return Err(object_changed());
            }
        }
        to.flush().await.map_err(|error| CommandError::output(&error))?;
        Ok(meter.transferred())
    }

    /// Writes the bytes of one response until it ends or breaks. The meter counts the written bytes.
    async fn receive_once(
        &self,
        issued: &GetDownloadUrlResponse,
        from: u64,
        to: &mut (impl AsyncWrite + Unpin),
        meter: &TransferMeter,
    ) -> Result<(), TransferError> {
        let at = from + meter.transferred();
        let get = self
            .http
            .get(&issued.download_url)
            .header(RANGE, format!("bytes={at}-"))
            .header(IF_MATCH, format!("\"{}\"", self.version.etag));
        let response = with_stall_timeout(get.send(), meter).await.ok_or_else(stalled)?;
        let mut response = self.check(response.map_err(connection_error)?, at).await?;
        loop {
            let chunk = with_stall_timeout(response.chunk(), meter).await.ok_or_else(stalled)?;
            let Some(chunk) = chunk.map_err(connection_error)? else {
                return Ok(());
            };
            let len = chunk.len() as u64;
            if from + meter.transferred() + len > self.version.size {
                return Err(TransferError::Permanent(CommandError::unexpected_response(
                    "the store sent more bytes than the object has",
                )));
            }
            let written = to.write_all(&chunk).await;
            written.map_err(|error| TransferError::Permanent(CommandError::output(&error)))?;
            meter.add(len);
        }
    }

    /// Checks that the response has the requested range of the requested version.
    async fn check(&self, response: Response, at: u64) -> Result<Response, TransferError> {
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::PRECONDITION_FAILED => return Err(TransferError::Permanent(object_changed())),
            status if status.is_success() => {
                return Err(TransferError::Permanent(CommandError::unexpected_response(
                    "the store does not support range requests",
                )));
            }
            _ => return Err(read_error(response, false).await),
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let is_requested_range = header(CONTENT_RANGE).is_some_and(|range| range.starts_with(&format!("bytes {at}-")));
        let etag = header(ETAG).map(|etag| etag.trim_matches('"'));
        if etag.is_some_and(|etag| etag != self.version.etag) {
            Err(TransferError::Permanent(object_changed()))
        } else if is_requested_range {
            Ok(response)
        } else {
            Err(TransferError::Permanent(CommandError::unexpected_response(
                "the store sent a range that was not requested",
            )))
        }
    }
}

fn stalled() -> TransferError {
    TransferError::Transient {
        message: "the store stopped sending bytes".to_owned(),
        retry_after: None,
    }
}
