//! Blocking work, off the async threads, tracked so that a shutdown can wait for the last of it.

use s3s::S3Result;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::failure::{Failure, gone};

/// Starts blocking work and async tasks; a clone tracks the same set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs `work` on a thread that may block. Dropping the future does not stop work that has begun.
    pub(crate) async fn blocking<T, F>(&self, work: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Failure> + Send + 'static,
    {
        let run = move || work().map_err(Failure::into_s3_error);
        self.tracker
            .spawn_blocking(run)
            .await
            .unwrap_or_else(|_| Err(gone("a blocking task")))
    }

    /// Starts `work` on a thread that may block, for a caller that does something else meanwhile.
    pub(crate) fn start_blocking<T, F>(&self, work: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.tracker.spawn_blocking(work)
    }

    /// Starts an async task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tracker.spawn(task));
    }

    /// Waits until everything started here has ended.
    pub(crate) async fn finished(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
