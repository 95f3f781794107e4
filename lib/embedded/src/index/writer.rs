//! The one thread that writes the index. Jobs that wait while a commit is on its way to the disk share the next
//! one: many small writes cost one sync.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use s3s::{S3Error, S3ErrorCode, S3Result};
use tokio::sync::{mpsc, oneshot};

use super::file::{DatabaseFile, unavailable};
use super::tables::{Effects, Tables};
use crate::blobs::Blobs;
use crate::failure::{Failure, gone, out_of_space};

/// Jobs that may wait; more make their callers wait.
const QUEUE: usize = 1024;
/// Jobs in one commit, so that the first does not wait for ever.
const GROUP: usize = 256;

/// Runs against the tables, or is told why it cannot; what it returns is called once the commit's outcome is known.
type Job = Box<dyn FnOnce(Result<&mut Tables<'_>, S3ErrorCode>) -> Outcome + Send>;

enum Outcome {
    /// Nothing was changed by a job that was refused; a job that was not wants the commit.
    Answer(Answer),
    /// The tables are in an unknown state: nothing of the group may be committed.
    Poisoned(Failure, Answer),
    /// It did not run, and its caller knows.
    Told,
}

/// Tells the caller, given why nothing was committed if nothing was.
type Answer = Box<dyn FnOnce(Option<S3ErrorCode>) + Send>;

#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(file: Arc<DatabaseFile>, blobs: Arc<Blobs>) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
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
                    broken = run(&file, &blobs, group, broken);
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
        F: FnOnce(&mut Tables<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let (tell, answer) = oneshot::channel::<S3Result<T>>();
        let job: Job = Box::new(move |tables| {
            let deliver = |result: S3Result<T>| -> Answer {
                Box::new(move |failed| {
                    // A caller that went away has no use for the answer.
                    let _ = tell.send(failed.map_or(result, |code| Err(not_committed(code))));
                })
            };
            match tables.map(job) {
                Ok(Ok(value)) => Outcome::Answer(deliver(Ok(value))),
                Ok(Err(Failure::Refused(refusal))) => Outcome::Answer(deliver(Err(refusal))),
                Ok(Err(failure)) => Outcome::Poisoned(failure, deliver(Err(S3ErrorCode::InternalError.into()))),
                Err(code) => {
                    deliver(Err(code.clone().into()))(Some(code));
                    Outcome::Told
                }
            }
        });
        let Some(jobs) = &self.jobs else {
            return Err(gone("the index"));
        };
        if jobs.send(job).await.is_err() {
            return Err(gone("the index"));
        }
        answer.await.unwrap_or_else(|_| Err(gone("the index")))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Commits the group, opening the file anew first if it is `broken`. Returns whether it is now.
fn run(file: &DatabaseFile, blobs: &Blobs, group: Vec<Job>, broken: bool) -> bool {
    let mut group = group.into_iter();
    let mut answers = Vec::with_capacity(group.len());
    let reopened = if broken { file.reopen() } else { Ok(()) };
    let mended = reopened.is_ok();
    match reopened.and_then(|()| commit(file, &mut group, &mut answers)) {
        Ok(effects) => {
            for pending in effects.adopted {
                pending.keep();
            }
            blobs.discard(effects.freed);
            for answer in answers {
                answer(None);
            }
            false
        }
        Err(failure) => {
            let broken = !mended || matches!(failure, Failure::Index(_));
            let code = failure.into_s3_error().code().clone();
            for answer in answers {
                answer(Some(code.clone()));
            }
            for job in group {
                job(Err(code.clone()));
            }
            broken
        }
    }
}

/// The failure was logged once; each job of the group is told of it.
fn not_committed(code: S3ErrorCode) -> S3Error {
    let full = out_of_space();
    if code == *full.code() {
        full
    } else {
        S3Error::with_message(code, "The write could not be committed.")
    }
}

fn commit(
    file: &DatabaseFile,
    group: &mut impl Iterator<Item = Job>,
    answers: &mut Vec<Answer>,
) -> Result<Effects, Failure> {
    let db = file.get();
    let txn = db.as_ref().ok_or_else(unavailable)?.begin_write()?;
    let mut tables = Tables::open(&txn)?;
    for job in group {
        match job(Ok(&mut tables)) {
            Outcome::Answer(answer) => answers.push(answer),
            Outcome::Poisoned(failure, answer) => {
                answers.push(answer);
                return Err(failure);
            }
            Outcome::Told => {}
        }
    }
    let effects = tables.into_effects();
    match txn.commit() {
        Ok(()) => Ok(effects),
        Err(error) => {
            // It may be on disk all the same: the files stay, and the next start decides.
            for pending in effects.adopted {
                pending.keep();
            }
            Err(error.into())
        }
    }
}
