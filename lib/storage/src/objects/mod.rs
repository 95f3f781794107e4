//! Objects and multipart uploads: read, listed, copied, completed, deleted.

mod copy;
mod delete;
mod list;
mod multipart;
mod object;
mod put;
mod stage;
mod uploads;

use std::fmt;

use async_trait::async_trait;

use crate::{BucketName, DraftBucket, ETag, Error, MainBucket, ObjectKey};

pub use copy::{CopyToMain, IfDestination};
pub use delete::{DeleteFailure, DraftVersion};
pub use list::{ListObjects, ListedObject, ObjectPage};
pub use multipart::{CompleteUpload, CreateUpload, ListParts, ListedPart, PartPage};
pub use object::{Attributes, ObjectInfo};
pub use put::PutDraft;
pub use stage::{StageCopy, StagedCopy, StagedPart};
pub use uploads::{ListUploads, ListedUpload, UploadCursor, UploadId, UploadPage};

/// The objects and multipart uploads of a store.
///
/// - Every method may be called from many tasks at once, and returns within the store's configured timeouts.
/// - Errors are [`Error`], whose [`crate::ErrorKind`] says what a caller can do about it.
/// - An error of kind `Unavailable` from a call that changes something does not say whether it took effect.
/// - Conditions are sent to the store, which may ignore them: see [`crate::Administration::probe`].
/// - Uploads and deletes take a [`DraftBucket`]. Main is written by [`Objects::copy_to_main`] and
///   [`Objects::complete_copy`] alone, and nothing is deleted there but an object that a copy has just made
///   ([`Objects::undo_copy`]).
#[async_trait]
pub trait Objects: Send + Sync + fmt::Debug {
    /// Describes an object. Kind `NotFound` when there is none, or no such bucket (HEAD cannot tell them apart).
    async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error>;

    /// Lists a page of objects in byte order of their keys. Kind `BucketNotFound` when the bucket is missing.
    async fn list(&self, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error>;

    /// Copies a draft into main inside the store, replacing its attributes, and returns the new object's `ETag`.
    ///
    /// Kind `PreconditionFailed` when a condition did not hold: main is as it was. Kind `Conflict` when the store
    /// could not decide between racing writers; the call may be repeated. `NotFound` when the draft is gone, or (AWS)
    /// when the version to be replaced is. `TooLarge` over 5 GiB.
    ///
    /// The request is sent once: a copy whose response got lost is kind `Unavailable`, and another may then fail with
    /// `PreconditionFailed` because the first one succeeded. The object in main tells the two apart.
    async fn copy_to_main(&self, copy: &CopyToMain<'_>) -> Result<ETag, Error>;

    /// Begins a multipart upload to main and fills it with the parts of a draft, side by side. Nothing of it is visible
    /// in main until [`Objects::complete_copy`]. Meant for drafts over 5 GiB: some stores refuse to copy parts of objects
    /// of a few KiB.
    ///
    /// Kind `PreconditionFailed` when the draft is another version, `NotFound` when it is gone, `TooLarge` when 10,000
    /// parts cannot hold it. On any error no more parts are begun, those under way are waited for, and the upload is
    /// aborted on a best-effort basis. Where that fails too, or this future is dropped, or the response to the beginning
    /// got lost, the upload is left to the sweep.
    async fn stage_copy(&self, copy: &StageCopy<'_>) -> Result<StagedCopy, Error>;

    /// Makes a staged copy the object in main, and returns its `ETag`. The request is sent once, and its errors are those
    /// of [`Objects::copy_to_main`]; on an error the upload stays.
    ///
    /// `NotFound` also means that the upload is gone: aborted, or completed by a call whose response got lost, or (Garage)
    /// ended by another write to that key.
    async fn complete_copy(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        staged: &StagedCopy,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error>;

    /// Aborts a staged copy and frees its parts. Idempotent: one that is gone is no error.
    async fn abort_copy(&self, bucket: &MainBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error>;

    /// Deletes the object that a copy made in main, if it still is that version. Idempotent: an object that is gone is no
    /// error. Kind `PreconditionFailed` when another version is there.
    async fn undo_copy(&self, bucket: &MainBucket, key: &ObjectKey, etag: &ETag) -> Result<(), Error>;

    /// Puts a few bytes of the server's own into the draft bucket.
    async fn put_draft(&self, put: &PutDraft<'_>) -> Result<ETag, Error>;

    /// Deletes a draft, if it still is the version given. Idempotent: a draft that is gone is no error.
    /// Kind `PreconditionFailed` when another version is there.
    async fn delete_draft(&self, bucket: &DraftBucket, draft: &DraftVersion) -> Result<(), Error>;

    /// Deletes up to 1,000 drafts in one call, each if it still is the version given, and returns those that were *not*
    /// deleted. A draft that is gone counts as deleted.
    async fn delete_drafts(&self, bucket: &DraftBucket, drafts: &[DraftVersion]) -> Result<Vec<DeleteFailure>, Error>;

    /// Begins a multipart upload into the draft bucket. Nothing of it is visible until [`Objects::complete_upload`].
    ///
    /// The request is sent once: where the response got lost (kind `Unavailable`) an upload may have been begun whose ID
    /// is unknown; it is left to the sweep.
    async fn create_upload(&self, create: &CreateUpload<'_>) -> Result<UploadId, Error>;

    /// Lists a page of the parts that have arrived. Kind `NotFound` when there is no such upload to that key: it never
    /// was, was completed, or was aborted.
    async fn list_parts(&self, request: &ListParts<'_>) -> Result<PartPage, Error>;

    /// Makes the parts one draft, and returns its `ETag`. A draft of that key is replaced, unless `if_absent` is set.
    ///
    /// Kind `NotFound` when there is no such upload to that key, `PreconditionFailed` when an object is there that must
    /// not be, `Conflict` when a part is no longer the version given. On an error the upload stays.
    ///
    /// The request is sent once: a completion whose response got lost is kind `Unavailable`, and another may then fail
    /// with `NotFound` because the first one succeeded. The object at the key tells the two apart.
    async fn complete_upload(&self, complete: &CompleteUpload<'_>) -> Result<ETag, Error>;

    /// Lists a page of multipart uploads in progress.
    async fn list_uploads(&self, bucket: &BucketName, request: &ListUploads) -> Result<UploadPage, Error>;

    /// Aborts a multipart upload into the draft bucket and frees its parts. Idempotent: one that is gone is no error.
    async fn abort_upload(&self, bucket: &DraftBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error>;
}
