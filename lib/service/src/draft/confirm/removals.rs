//! The driver of [`Removals`], which deletes the drafts of confirms that were answered.
//!
//! A task runs while drafts wait. [`Drafts::drain`](crate::Drafts::drain) waits for it, as for the confirms themselves. A
//! crash leaves the drafts to the sweep.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use draftstore_protocol::confirm::{DraftDeletes, RemovalBounds, Removals};
use draftstore_storage::{DraftVersion, Error as StorageError, ErrorKind};
use futures::stream::{self, StreamExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::draft::Shared;
use crate::observer::RemovalOutcome;

/// The longest time that a draft waits for others, unless deletes before it take longer.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// The maximum number of concurrent deletes where each draft needs a call of its own.
const MAX_CONCURRENT: usize = 32;

/// The drafts that wait to be deleted. Clones share them.
#[derive(Debug, Clone)]
pub(in crate::draft) struct RemovalQueue(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    /// Notified when a whole batch waits.
    has_batch: Notify,
}

#[derive(Debug)]
struct State {
    removals: Removals,
    /// The running task, if there is one.
    task: Weak<Running>,
}

/// The sign that a task runs, which ends with it.
#[derive(Debug)]
struct Running;

impl RemovalQueue {
    pub(in crate::draft) fn new(bounds: RemovalBounds) -> Self {
        let state = State {
            removals: Removals::new(bounds),
            task: Weak::new(),
        };
        Self(Arc::new(Queue {
            state: Mutex::new(state),
            has_batch: Notify::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the task if no draft waits. Returns `true` if it has ended.
    fn ends(&self) -> bool {
        let mut state = self.state();
        let ends = state.removals.is_empty();
        if ends {
            state.task = Weak::new();
        }
        ends
    }
}

impl Shared {
    /// Lets a draft be deleted soon, together with those of other confirms. Never waits.
    pub(super) fn remove_later(self: &Arc<Self>, draft: DraftVersion) {
        let queue = &self.removals;
        let mut state = queue.state();
        if !state.removals.add(draft) {
            drop(state);
            return self.observe_removed(RemovalOutcome::QueueFull, 1);
        }
        if state.removals.has_batch() {
            queue.0.has_batch.notify_one();
        }
        if state.task.strong_count() == 0 {
            let running = Arc::new(Running);
            state.task = Arc::downgrade(&running);
            self.tasks.spawn(Arc::clone(self).remove_all(running));
        }
    }

    /// Deletes drafts until none waits.
    async fn remove_all(self: Arc<Self>, running: Arc<Running>) {
        loop {
            // Elapsed or not, the drafts that wait are deleted now.
            let _ = timeout(MAX_WAIT, self.removals.0.has_batch.notified()).await;
            let capabilities = self.store.profile.capabilities();
            let deletes: Vec<_> = {
                let mut state = self.removals.state();
                std::iter::from_fn(|| state.removals.next(capabilities)).collect()
            };
            for deletes in deletes {
                let drafts = deletes.drafts().len();
                self.delete_confirmed(deletes).await;
                self.removals.state().removals.deleted(drafts);
            }
            if self.removals.ends() {
                break;
            }
        }
        // Dropped after a panic too, so that another task can begin.
        drop(running);
    }

    async fn delete_confirmed(&self, deletes: DraftDeletes) {
        let (objects, bucket) = (self.store.objects(), &self.store.buckets.draft);
        match deletes {
            DraftDeletes::Together(drafts) => match objects.delete_drafts(bucket, &drafts).await {
                Ok(failures) => {
                    self.observe_removed(RemovalOutcome::Deleted, drafts.len().saturating_sub(failures.len()));
                    for failure in failures {
                        if failure.kind == ErrorKind::PreconditionFailed {
                            self.observe_removed(RemovalOutcome::Replaced, 1);
                        } else {
                            let (key, code) = (failure.key, failure.code);
                            tracing::warn!(object.key = %key, code, "confirmed draft left to the sweep");
                            self.observe_removed(RemovalOutcome::Failed, 1);
                        }
                    }
                }
                Err(error) => {
                    let (drafts, error) = (drafts.len(), &error as &dyn std::error::Error);
                    tracing::warn!(drafts, error, "confirmed drafts left to the sweep");
                    self.observe_removed(RemovalOutcome::Failed, drafts);
                }
            },
            DraftDeletes::Each(drafts) => {
                let deletes: Vec<_> = drafts.iter().map(|draft| self.delete_draft(draft)).collect();
                stream::iter(deletes)
                    .buffer_unordered(MAX_CONCURRENT)
                    .collect::<()>()
                    .await;
            }
        }
    }

    /// Deletes a confirmed draft. No error is returned: the sweep deletes what is left.
    pub(super) async fn delete_draft(&self, draft: &DraftVersion) {
        let deleted = self.store.objects().delete_draft(&self.store.buckets.draft, draft);
        let outcome = deleted
            .await
            .map_or_else(|error| left(draft, &error), |()| RemovalOutcome::Deleted);
        self.observe_removed(outcome, 1);
    }

    fn observe_removed(&self, outcome: RemovalOutcome, drafts: usize) {
        if let Some(observer) = &self.observer {
            observer.removed(outcome, drafts);
        }
    }
}

fn left(draft: &DraftVersion, error: &StorageError) -> RemovalOutcome {
    if error.kind == ErrorKind::PreconditionFailed {
        return RemovalOutcome::Replaced;
    }
    tracing::warn!(object.key = %draft.key, error = error as &dyn std::error::Error, "confirmed draft left to the sweep");
    RemovalOutcome::Failed
}
