//! The thread that writes the index. Jobs that wait while a commit is being synced share the next commit, so that many
//! small writes need one sync.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::sync::{mpsc, oneshot};

use super::file::{DatabaseFile, unavailable};
use super::tables::{Effects, Tables};
use crate::blobs::Blobs;
use crate::error::{BackendError, out_of_space, stopped};

/// The maximum number of queued jobs. Further callers wait.
const QUEUE: usize = 1024;
/// The maximum number of jobs in a commit, which bounds how long the first one waits.
const GROUP: usize = 256;

/// A job, called with the tables, or with the error that prevents it from running.
type WriteJob = Box<dyn FnOnce(Result<&mut Tables<'_>, S3ErrorCode>) -> JobOutcome + Send>;

enum JobOutcome {
    /// The job ran: it either changed the tables, or was rejected before it changed anything.
    Ran(Completion),
    /// The job failed midway, so that nothing of its group may be committed.
    Failed(BackendError, Completion),
    /// The job did not run, and its caller has been told why.
    NotRun,
}

/// Reports the outcome of the commit to the caller: `None` for success, or the error code.
type Completion = Box<dyn FnOnce(Option<S3ErrorCode>) + Send>;

#[derive(Debug)]
pub(super) struct IndexWriter {
    jobs: Option<mpsc::Sender<WriteJob>>,
    thread: Option<JoinHandle<()>>,
}

impl IndexWriter {
    pub(super) fn start(file: Arc<DatabaseFile>, blobs: Arc<Blobs>) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<WriteJob>(QUEUE);
        let thread = std::thread::Builder::new()
            .name("embedded-index".into())
            .spawn(move || {
                let mut broken = false;
                while let Some(first) = queue.blocking_recv() {
                    let mut group = vec![first];
                    while group.len() < GROUP
                        && let Ok(next) = queue.try_recv()
                    {
                        group.push(next);
                    }
                    broken = run_group(&file, &blobs, group, broken);
                }
            })?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    pub(super) async fn write<T, F>(&self, job: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, BackendError> + Send + 'static,
    {
        let (sender, result) = oneshot::channel::<S3Result<T>>();
        let job: WriteJob = Box::new(move |tables| {
            let complete = |result: S3Result<T>| -> Completion {
                Box::new(move |commit_error| {
                    // A caller that was dropped needs no result.
                    let _ = sender.send(commit_error.map_or(result, |code| Err(not_committed(code))));
                })
            };
            match tables.map(job) {
                Ok(Ok(value)) => JobOutcome::Ran(complete(Ok(value))),
                Ok(Err(BackendError::Rejected(error))) => JobOutcome::Ran(complete(Err(error))),
                Ok(Err(failure)) => JobOutcome::Failed(failure, complete(Err(S3ErrorCode::InternalError.into()))),
                Err(code) => {
                    complete(Err(code.clone().into()))(Some(code));
                    JobOutcome::NotRun
                }
            }
        });
        let Some(jobs) = &self.jobs else {
            return Err(stopped("the index"));
        };
        if jobs.send(job).await.is_err() {
            return Err(stopped("the index"));
        }
        result.await.unwrap_or_else(|_| Err(stopped("the index")))
    }
}

impl Drop for IndexWriter {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Commits the group, after reopening the file if it is `broken`. Returns true if the file is broken afterwards.
fn run_group(file: &DatabaseFile, blobs: &Blobs, group: Vec<WriteJob>, broken: bool) -> bool {
    let mut group = group.into_iter();
    let mut completions = Vec::with_capacity(group.len());
    let reopened = if broken { file.reopen() } else { Ok(()) };
    let reopened_ok = reopened.is_ok();
    match reopened.and_then(|()| commit(file, &mut group, &mut completions)) {
        Ok(effects) => {
            for pending in effects.adopted {
                pending.keep();
            }
            blobs.discard(effects.freed);
            for completion in completions {
                completion(None);
            }
            false
        }
        Err(failure) => {
            let broken = !reopened_ok || matches!(failure, BackendError::Index(_));
            let code = failure.into_s3_error().code().clone();
            for completion in completions {
                completion(Some(code.clone()));
            }
            for job in group {
                job(Err(code.clone()));
            }
            broken
        }
    }
}

/// The error of each job in a group that was not committed. The cause was logged once.
fn not_committed(code: S3ErrorCode) -> S3Error {
    let full = out_of_space();
    if code == *full.code() {
        full
    } else {
        S3Error::with_message(code, "The write was not committed. Please try again.")
    }
}

fn commit(
    file: &DatabaseFile,
    group: &mut impl Iterator<Item = WriteJob>,
    completions: &mut Vec<Completion>,
) -> Result<Effects, BackendError> {
    let db = file.database();
    let txn = db.as_ref().ok_or_else(unavailable)?.begin_write()?;
    let mut tables = Tables::open(&txn)?;
    for job in group {
        match job(Ok(&mut tables)) {
            JobOutcome::Ran(completion) => completions.push(completion),
            JobOutcome::Failed(failure, completion) => {
                completions.push(completion);
                return Err(failure);
            }
            JobOutcome::NotRun => {}
        }
    }
    let effects = tables.into_effects();
    match txn.commit() {
        Ok(()) => Ok(effects),
        Err(error) => {
            // The commit may have reached the disk: keep the files, and let the next start decide.
            for pending in effects.adopted {
                pending.keep();
            }
            Err(error.into())
        }
    }
}
