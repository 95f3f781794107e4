//! Blocking work that runs off the async threads, tracked so that a shutdown can wait for it to finish.

use s3s::S3Result;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::error::{BackendError, stopped};

/// A tracker of blocking work and async tasks. Clones share one set of tasks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
}

impl Tasks {
    /// Runs `work` on a blocking thread. Dropping the future does not stop work that has started.
    pub(crate) async fn run_blocking<T, F>(&self, work: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, BackendError> + Send + 'static,
    {
        let run = move || work().map_err(BackendError::into_s3_error);
        self.tracker
            .spawn_blocking(run)
            .await
            .unwrap_or_else(|_| Err(stopped("a blocking task")))
    }

    /// Starts `work` on a blocking thread and returns its handle, so that the caller can do something else meanwhile.
    pub(crate) fn spawn_blocking<T, F>(&self, work: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        self.tracker.spawn_blocking(work)
    }

    /// Starts a task that ends by itself.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tracker.spawn(task));
    }

    /// Waits until all tracked work has wait.
    pub(crate) async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
