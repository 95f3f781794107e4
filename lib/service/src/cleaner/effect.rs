//! What a pass asks for, and what it is told.

use std::time::SystemTime;

use draftstore_storage as storage;
use draftstore_storage::{
    DeleteFailure, DraftVersion, ETag, ListObjects, ListUploads, ListedObject, ListedUpload, ObjectKey, ObjectPage,
    UploadPage,
};

/// What the pass wants done.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
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

/// What came of an effect.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a list, with the time by the store's clock where it told it.
    Page(Result<ObjectPage, storage::Error>, SystemTime),
    /// To a list of uploads.
    Uploads(Result<UploadPage, storage::Error>, SystemTime),
    /// To a look: the versions that are there now, in the order asked for; none for what is gone or could not be seen.
    Seen(Vec<Option<ETag>>),
    /// To a delete of many: those that were not deleted, or why none was.
    Deleted(Result<Vec<DeleteFailure>, storage::Error>),
    /// To aborts: how many failed.
    Aborted {
        /// Of those asked for.
        failed: usize,
    },
}

/// Tells the effects that are under way apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Job(pub(super) u64);

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Begin this, and say by the job's number what came of it. Others may be under way meanwhile.
    Perform(Job, Effect),
    /// Tell of this, and leave it.
    Tell(Found),
    /// Nothing can be begun before one of those that are under way has been answered.
    Wait,
    /// The end.
    Finish(Result<(), Stop>),
}

/// What a dry run found to have expired.
#[derive(Debug)]
pub(crate) enum Found {
    /// A draft.
    Draft(ListedObject),
    /// An upload in progress.
    Upload(ListedUpload),
}

/// Why a pass could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The store could not be listed.
    #[error(transparent)]
    Store(#[from] storage::Error),
    /// The driver gave an answer to an effect that was not asked for: a bug.
    #[error("the sweep got an answer that it did not wait for")]
    OutOfStep,
}
