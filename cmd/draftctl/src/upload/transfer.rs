//! One request's bytes, and whether it is worth another.

use std::sync::atomic::Ordering;

use tokio::sync::SemaphorePermit;

use super::job::Job;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::retry::Retries;
use crate::store::{Meter, Put, Trouble, put};

impl Job<'_> {
    /// Waits until something may be sent.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let turn = self.uploader.sending.acquire().await;
        turn.map_err(|_| Failure::new("INTERNAL", Exit::Failed, "sending has stopped"))
    }

    /// Sends something once, and gives its `ETag`; none, after a wait, where it is to be sent again by another URL.
    ///
    /// # Errors
    /// When it can never arrive, or no retry is left.
    pub(super) async fn send(&self, request: Put<'_>, retries: &mut Retries<'_>) -> Result<Option<String>, Failure> {
        let meter = Meter::new(self.bar.clone());
        let ended = put(self.uploader.http, request, &meter).await;
        self.sent.fetch_add(meter.taken(), Ordering::Relaxed);
        let trouble = match ended {
            Ok(etag) => return Ok(Some(etag)),
            Err(trouble) => trouble,
        };
        meter.take_back();
        // A file that became shorter looks like a connection that breaks.
        self.source.check_unchanged()?;
        let (failure, after) = match trouble {
            Trouble::Final(failure) => return Err(failure),
            Trouble::Url(failure) => (failure, None),
            Trouble::Passing { why, after } => (Failure::unavailable(why), after),
        };
        if retries
            .wait(&format!("{}: {}", self.object_name, failure.message), after)
            .await
        {
            Ok(None)
        } else {
            Err(failure)
        }
    }
}
