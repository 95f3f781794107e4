//! The effects that a pass asks for, and the answers to them.

use std::time::SystemTime;

use draftstore_storage::{
    DeleteFailure, DraftVersion, ETag, ListObjects, ListUploads, ListedObject, ListedUpload, ObjectKey, ObjectPage,
    UploadPage,
};

/// A call, or several, that the pass wants made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// List a page of the draft bucket.
    List(ListObjects),
    /// List a page of the uploads in progress in the draft bucket.
    ListUploads(ListUploads),
    /// List the uploads in progress to this key of main.
    ListStaged(ObjectKey),
    /// Look at these drafts.
    Look(Vec<ObjectKey>),
    /// Delete these drafts in one call, each if it still is that version.
    DeleteMany(Vec<DraftVersion>),
    /// Delete these drafts one by one, each if it still is that version.
    DeleteEach(Vec<DraftVersion>),
    /// Abort these uploads into the draft bucket.
    Abort(Vec<ListedUpload>),
    /// Abort these uploads into main.
    AbortStaged(Vec<ListedUpload>),
}

/// The result of an effect. `E` is the error that calls to the store end in.
#[derive(Debug, Clone)]
pub enum Answer<E> {
    /// To a list, with the time by the store's clock where it told it.
    Page(Result<ObjectPage, E>, SystemTime),
    /// To a list of uploads.
    Uploads(Result<UploadPage, E>, SystemTime),
    /// To a look: the versions that are there now, in the order asked for; none for what is gone or could not be seen.
    Seen(Vec<Option<ETag>>),
    /// To a delete of many: those that were not deleted, or why none was.
    Deleted(Result<Vec<DeleteFailure>, E>),
    /// To aborts: how many failed.
    Aborted {
        /// The number of uploads that could not be aborted.
        failed: usize,
    },
}

/// The number of an effect that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Job(pub(super) u64);

/// The next thing to be done.
#[derive(Debug, Clone)]
pub enum Next<E> {
    /// Begin this, and say by the job's number what came of it. Others may be under way meanwhile.
    Perform(Job, Effect),
    /// Tell of this, and leave it.
    Tell(Found),
    /// Nothing can be begun before one of those that are under way has been answered.
    Wait,
    /// The end.
    Finish(Result<(), Stop<E>>),
}

/// An expired thing that a dry run found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Found {
    /// A draft.
    Draft(ListedObject),
    /// An upload in progress.
    Upload(ListedUpload),
}

/// The reason why a pass could not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Stop<E> {
    /// The store could not be listed.
    #[error(transparent)]
    Store(E),
    /// The driver gave an answer to an effect that was not asked for: a bug.
    #[error("the sweep got an answer that it did not wait for")]
    OutOfStep,
}
