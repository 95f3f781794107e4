//! Calls on objects and multipart uploads.

mod archive;
mod copy;
mod delete;
mod kept;
mod list;
mod multipart;
mod object;
mod options;
mod put;
mod read;
mod stage;
mod uploads;
mod versions;

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use crate::{BucketName, DraftBucket, ETag, Error, MainBucket, ObjectKey};

pub use archive::{RestoreArchived, RestoreStatus, RestoreTier};
pub use copy::{CopyInMain, CopyToMain, IfDestination};
pub use delete::{DeleteFailure, DraftVersion};
pub use kept::{KeptVersion, ObjectDeleted, ObjectDescription, Retention, RetentionMode};
pub use list::{ListObjects, ListedObject, ObjectPage};
pub use multipart::{CompleteUpload, CreateUpload, ListParts, ListedPart, PartPage};
pub use object::{Attributes, ObjectInfo, StoredAttributes};
pub use options::{Encryption, StorageOption, StorageOptions};
pub use put::PutDraft;
pub use read::ReadDraft;
pub use stage::{StageCopy, StageInMain, StagedCopy, StagedPart};
pub use uploads::{ListUploads, ListedUpload, UploadCursor, UploadId, UploadPage};
pub use versions::{CopyVersion, ListVersions, ListedBytes, ListedVersion, VersionCopied, VersionId, VersionPage};

/// Reads and writes the objects and multipart uploads of a store.
///
/// - Every method may be called from many tasks at once, and returns within the store's configured timeouts.
/// - The [`crate::ErrorKind`] of an [`Error`] says what a caller can do about it.
/// - After an error of kind `Unavailable`, it is unknown if a call that writes took effect.
/// - Conditions are sent to the store, which may ignore them. See [`crate::Administration::probe`].
/// - Uploads and the deletes of a sweep take a [`DraftBucket`]. Only [`Objects::copy_to_main`] and
///   [`Objects::complete_copy`] write drafts to main, and [`Objects::copy_version`], [`Objects::copy_in_main`] and
///   [`Objects::stage_in_main`] what was there before. [`Objects::undo_copy`] deletes the result of a copy there, and
///   [`Objects::delete_object`], [`Objects::delete_objects`] and [`Objects::delete_version`] delete what a caller names.
#[async_trait]
pub trait Objects: Send + Sync + fmt::Debug {
    /// Returns the metadata of an object.
    ///
    /// Fails with kind `NotFound` if the object or the bucket does not exist. HEAD cannot tell the two apart.
    async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error>;

    /// Returns everything that the store reports of an object in main, or of one of its versions. The tags need another
    /// call.
    ///
    /// Fails with kind `NotFound` if the object, the version or the bucket does not exist, or the version is a delete
    /// marker. HEAD cannot tell them apart.
    async fn describe(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectDescription, Error>;

    /// Returns the tags of an object, or of one of its versions.
    ///
    /// Fails with kind `NotFound` if the object does not exist, and `Unsupported` if the store has no tags.
    async fn tags(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<BTreeMap<String, String>, Error>;

    /// Makes an archived object in main, or one of its versions, readable for some days, or prolongs an earlier restore.
    ///
    /// Fails with kind
    /// - `Conflict` if a restore is in progress.
    /// - `Archived` if the object is in a class that needs no restore.
    /// - `NotFound` if the object or the version does not exist.
    /// - `Unsupported` if the store has no archive.
    async fn restore_archived(&self, restore: &RestoreArchived<'_>) -> Result<(), Error>;

    /// Lists a page of the versions of an object in main, with its delete markers, the newest first.
    ///
    /// Fails with kind `BucketNotFound` if the bucket does not exist.
    async fn list_versions(&self, request: &ListVersions<'_>) -> Result<VersionPage, Error>;

    /// Copies a version of an object in main over its current one, replacing the attributes.
    ///
    /// The request is sent only once. Its errors are those of [`Objects::copy_to_main`].
    async fn copy_version(&self, copy: &CopyVersion<'_>) -> Result<VersionCopied, Error>;

    /// Deletes a version of an object in main, or a delete marker, for good. Idempotent.
    ///
    /// Fails with kind `CredentialsRefused` if the server may not do so, or a retention or a legal hold keeps the version.
    async fn delete_version(&self, bucket: &MainBucket, key: &ObjectKey, version: &VersionId) -> Result<(), Error>;

    /// Sets or releases the legal hold of a version of an object in main. Idempotent.
    ///
    /// Fails with kind `NotFound` if there is no such version, and `Unsupported` if the bucket has no object lock.
    async fn put_legal_hold(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        version: &VersionId,
        is_held: bool,
    ) -> Result<(), Error>;

    /// Lists a page of objects in byte order of their keys.
    ///
    /// Fails with kind `BucketNotFound` if the bucket does not exist.
    async fn list(&self, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error>;

    /// Copies a draft into main inside the store, replacing its attributes, and returns the new object's `ETag`.
    ///
    /// Fails with kind
    /// - `PreconditionFailed` if a condition did not hold. Main is unchanged.
    /// - `Conflict` if the store could not decide between concurrent writers. The call may be repeated.
    /// - `NotFound` if the draft is gone, or (AWS) if the version to replace is gone.
    /// - `TooLarge` if the draft is larger than 5 GiB.
    ///
    /// The request is sent only once. A copy whose response got lost fails with kind `Unavailable`. A second copy may
    /// then fail with `PreconditionFailed` because the first one succeeded. The object in main tells which of the two
    /// happened.
    async fn copy_to_main(&self, copy: &CopyToMain<'_>) -> Result<ETag, Error>;

    /// Copies an object in main to another key, or onto itself, replacing its attributes, and returns the new object's version.
    ///
    /// The request is sent only once. Its errors are those of [`Objects::copy_to_main`].
    async fn copy_in_main(&self, copy: &CopyInMain<'_>) -> Result<VersionCopied, Error>;

    /// Begins a multipart upload in main and copies an object of main into its parts, like [`Objects::stage_copy`].
    async fn stage_in_main(&self, copy: &StageInMain<'_>) -> Result<StagedCopy, Error>;

    /// Begins a multipart upload in main and copies the draft into its parts, several at a time.
    ///
    /// The object is not visible in main until [`Objects::complete_copy`]. Intended for drafts larger than 5 GiB: some
    /// stores refuse to copy parts of objects of a few KiB.
    ///
    /// Fails with kind
    /// - `PreconditionFailed` if the draft has another version.
    /// - `NotFound` if the draft is gone.
    /// - `TooLarge` if the draft does not fit in 10,000 parts.
    ///
    /// On an error, no further parts are begun, the running ones are awaited, and the upload is aborted on a
    /// best-effort basis. The upload is left to the sweep if the abort fails too, if this future is dropped, or if the
    /// response to the first request got lost.
    async fn stage_copy(&self, copy: &StageCopy<'_>) -> Result<StagedCopy, Error>;

    /// Completes a staged copy, which makes it visible in main, and returns the new object's `ETag`.
    ///
    /// The request is sent only once. Its errors are those of [`Objects::copy_to_main`]. On an error the upload is
    /// kept.
    ///
    /// Kind `NotFound` also means that the upload is gone: it was aborted, it was completed by a call whose response
    /// got lost, or (Garage) another write to the key ended it.
    async fn complete_copy(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        staged: &StagedCopy,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error>;

    /// Aborts a staged copy and frees its parts. Idempotent: succeeds if the upload is gone.
    async fn abort_copy(&self, bucket: &MainBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error>;

    /// Deletes an object that a copy created in main, if it still has that version. Idempotent: succeeds if the object
    /// is gone.
    ///
    /// Fails with kind `PreconditionFailed` if the object has another version.
    async fn undo_copy(&self, bucket: &MainBucket, key: &ObjectKey, etag: &ETag) -> Result<(), Error>;

    /// Deletes an object in main, if it still has the given version. Returns the ID of the delete marker that hides its
    /// versions, or `None` if main has no versioning.
    ///
    /// The request is sent only once, so that its answer tells what it has done. Fails with kind
    /// - `NotFound` if there is no object, as far as the store tells.
    /// - `PreconditionFailed` if the object has another version, or on some stores if there is none.
    /// - `CredentialsRefused` if the server may not delete in main.
    async fn delete_object(&self, bucket: &MainBucket, object: &KeptVersion) -> Result<Option<VersionId>, Error>;

    /// Deletes up to 1,000 objects in main in one call, each only if it still has the given version.
    ///
    /// Returns the outcome of each, in any order, with the errors of [`Objects::delete_object`].
    async fn delete_objects(&self, bucket: &MainBucket, objects: &[KeptVersion]) -> Result<Vec<ObjectDeleted>, Error>;

    /// Reads a range of one version of a draft. Nothing else reads the bytes of drafts, and nothing those of main.
    ///
    /// Fails with kind
    /// - `NotFound` if the draft is gone.
    /// - `PreconditionFailed` if the draft has another version, also on a store that ignores the condition.
    /// - `Unexpected` if the range is empty, longer than [`ReadDraft::MAX_BYTES`], or not within the draft.
    async fn read_draft(&self, read: &ReadDraft<'_>) -> Result<Vec<u8>, Error>;

    /// Writes a small object of the server itself into the draft bucket.
    ///
    /// Fails with kind `PreconditionFailed` if there is an object that must not be replaced. An earlier attempt of this
    /// call may have written it.
    async fn put_draft(&self, put: &PutDraft<'_>) -> Result<ETag, Error>;

    /// Deletes a draft, if it still has the given version. Idempotent: succeeds if the draft is gone.
    ///
    /// Fails with kind `PreconditionFailed` if the draft has another version.
    async fn delete_draft(&self, bucket: &DraftBucket, draft: &DraftVersion) -> Result<(), Error>;

    /// Deletes up to 1,000 drafts in one call, each only if it still has the given version.
    ///
    /// Returns the drafts that were *not* deleted. A draft that is gone counts as deleted.
    async fn delete_drafts(&self, bucket: &DraftBucket, drafts: &[DraftVersion]) -> Result<Vec<DeleteFailure>, Error>;

    /// Begins a multipart upload into the draft bucket. The object is not visible until [`Objects::complete_upload`].
    ///
    /// The request is sent only once. If the response got lost (kind `Unavailable`), an upload with an unknown ID may
    /// exist. Such an upload is left to the sweep.
    async fn create_upload(&self, create: &CreateUpload<'_>) -> Result<UploadId, Error>;

    /// Lists a page of the parts that have arrived.
    ///
    /// Fails with kind `NotFound` if the key has no such upload: it never existed, or was completed or aborted.
    async fn list_parts(&self, request: &ListParts<'_>) -> Result<PartPage, Error>;

    /// Joins the parts into a draft and returns its `ETag`. Replaces a draft under that key, unless `if_absent` is set.
    ///
    /// Fails with kind
    /// - `NotFound` if the key has no such upload.
    /// - `PreconditionFailed` if `if_absent` is set and the key is taken.
    /// - `Conflict` if a part no longer has the given version.
    ///
    /// On an error the upload is kept.
    ///
    /// The request is sent only once. A completion whose response got lost fails with kind `Unavailable`. A second one
    /// may then fail with `NotFound` because the first one succeeded. The object at the key tells which of the two
    /// happened.
    async fn complete_upload(&self, complete: &CompleteUpload<'_>) -> Result<ETag, Error>;

    /// Lists a page of multipart uploads in progress.
    async fn list_uploads(&self, bucket: &BucketName, request: &ListUploads) -> Result<UploadPage, Error>;

    /// Aborts a multipart upload into the draft bucket and frees its parts. Idempotent: succeeds if the upload is gone.
    async fn abort_upload(&self, bucket: &DraftBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error>;
}
