//! A single transfer, and the decision whether to retry it.

use std::sync::atomic::Ordering;

use tokio::sync::SemaphorePermit;

use super::file_upload::FileUpload;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::retry::Retries;
use crate::store::{PutRequest, TransferError, TransferMeter, put};

impl FileUpload<'_> {
    /// Waits for a permit to send.
    pub(super) async fn send_permit(&self) -> Result<SemaphorePermit<'_>, CommandError> {
        let permit = self.uploader.send_permits.acquire().await;
        permit.map_err(|_| CommandError::new("INTERNAL", Exit::Failed, "sending stopped unexpectedly"))
    }

    /// Sends a request once and returns the ETag. Returns `None`, after a backoff, if it must be sent
    /// again to a new URL.
    ///
    /// # Errors
    /// Returns an error if it is permanent, or if no retry is left.
    pub(super) async fn send(
        &self,
        request: PutRequest<'_>,
        retries: &mut Retries<'_>,
    ) -> Result<Option<String>, CommandError> {
        let meter = TransferMeter::new(self.bar.clone());
        let result = put(self.uploader.http, request, &meter).await;
        self.sent.fetch_add(meter.transferred(), Ordering::Relaxed);
        let error = match result {
            Ok(etag) => return Ok(Some(etag)),
            Err(error) => error,
        };
        meter.discount();
        // A file that became shorter looks like a broken connection.
        self.source.check_unchanged()?;
        let (failure, retry_after) = match error {
            TransferError::Permanent(failure) => return Err(failure),
            TransferError::Url(failure) => (failure, None),
            TransferError::Transient { message, retry_after } => (CommandError::unavailable(message), retry_after),
        };
        if retries
            .wait(&format!("{}: {}", self.object_name, failure.message), retry_after)
            .await
        {
            Ok(None)
        } else {
            Err(failure)
        }
    }
}
