//! The effects that a pass requests, and the answers to them.

use std::time::SystemTime;

use draftstore_storage::{
    BucketName, DeleteFailure, DraftVersion, ETag, ListObjects, ListUploads, ListedObject, ListedUpload, ObjectInfo,
    ObjectKey, ObjectPage, UploadPage,
};

use crate::checks::RejectedDraft;

/// A call, or several, that the pass wants the driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// List a page of the draft bucket.
    List(ListObjects),
    /// List a page of the uploads in progress in the draft bucket.
    ListUploads(ListUploads),
    /// List the uploads in progress to this key of main, or of the bucket of a destination.
    ListStaged(Option<BucketName>, ObjectKey),
    /// Look up the current versions of these drafts.
    Look(Vec<ObjectKey>),
    /// Read these notes, and look up the drafts that they name.
    LookUpRejected(Vec<ObjectKey>),
    /// Delete these drafts in one call, each if it is still that version.
    DeleteMany(Vec<DraftVersion>),
    /// Delete these drafts one by one, each if it is still that version.
    DeleteEach(Vec<DraftVersion>),
    /// Abort these uploads into the draft bucket.
    Abort(Vec<ListedUpload>),
    /// Complete those of these uploads whose clients are gone, by the rules of [`crate::upload::Completion`].
    Complete(Vec<ListedUpload>),
    /// Abort these uploads into main, or into the bucket of a destination.
    AbortStaged(Option<BucketName>, Vec<ListedUpload>),
}

/// The result of an effect. `E` is the error type of the store.
#[derive(Debug, Clone)]
pub enum Answer<E> {
    /// The answer to a list, with the time of the store's clock if the store sent it.
    Page(Result<ObjectPage, E>, SystemTime),
    /// The answer to a list of uploads, with the time likewise.
    Uploads(Result<UploadPage, E>, SystemTime),
    /// The answer to a lookup: the current versions in the order of the request. `None` for drafts that are gone or
    /// unknown.
    Seen(Vec<Option<ETag>>),
    /// The answer to a lookup of rejected drafts, in the order of the request: what the note says, and the draft under its
    /// key. `None` if there is no such draft.
    Rejected(Vec<Result<Option<(RejectedDraft, ObjectInfo)>, E>>),
    /// The answer to a delete: the drafts that were not deleted, or the error of the whole call.
    Deleted(Result<Vec<DeleteFailure>, E>),
    /// The answer to aborts, with the number of failures.
    Aborted {
        /// The number of uploads that could not be aborted.
        failed: usize,
    },
    /// The answer to completions.
    Completed {
        /// The number of uploads that were completed.
        completed: usize,
        /// The number of uploads that the store failed to complete.
        failed: usize,
    },
}

/// The number of an effect in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job(pub(super) u64);

/// The next action of the driver.
#[derive(Debug, Clone)]
pub enum Next<E> {
    /// Perform this effect, and answer with its result and the job's number. Other effects may be in progress
    /// meanwhile.
    Perform(Job, Effect),
    /// Report this finding of a dry run.
    Report(Found),
    /// Wait for the answer to an effect in progress.
    Wait,
    /// The sweep has ended.
    Finish(Result<(), Stop<E>>),
}

/// An expired draft or upload that a dry run found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Found {
    /// A draft that has expired.
    Draft(ListedObject),
    /// An upload in progress that has expired.
    Upload(ListedUpload),
}

/// The reason why a pass could not continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Stop<E> {
    /// The store could not be listed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the sweep got an unexpected answer")]
    OutOfStep,
}
