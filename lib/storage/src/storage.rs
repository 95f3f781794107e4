//! The trait that stands between DraftStore's rules and an object store.

use std::fmt;

use async_trait::async_trait;

use crate::{
    Attributes, BucketName, Capabilities, CompleteUpload, CorsRule, CreateUpload, DraftBucket, ETag, Error, ErrorKind,
    Lifecycle, ListObjects, ListParts, ListUploads, MainBucket, ObjectInfo, ObjectKey, ObjectPage, PartPage,
    PresignGet, PresignPart, PresignPost, PresignPut, PresignStep, PresignedRequest, PutDraft, StageCopy, StagedCopy,
    UploadId, UploadPage,
};

/// An object store, as far as DraftStore needs one.
///
/// - Every method may be called from many tasks at once, and gives up within the store's configured time-outs.
/// - Errors are [`Error`], whose [`ErrorKind`] says what a caller can do about it.
/// - An error of kind `Unavailable` from a call that changes something says nothing about whether it took effect.
/// - Conditions are sent to the store. Whether it honours them is the store's matter: see [`Storage::probe`].
/// - Uploads and deletes take a [`DraftBucket`]; main is written by [`Storage::copy_to_main`] and
///   [`Storage::complete_copy`] alone, and nothing is deleted there but what a copy just made ([`Storage::undo_copy`]).
#[async_trait]
pub trait Storage: Send + Sync + fmt::Debug {
    /// Makes the bucket where it is missing. Idempotent.
    async fn create_bucket(&self, bucket: &BucketName) -> Result<Created, Error>;

    /// Replaces the bucket's CORS rules by this one. Idempotent. Kind `Unsupported` where the store has no such call.
    async fn put_cors(&self, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error>;

    /// What the store removes from the draft bucket by itself. Kind `Unsupported` where the store has no such call.
    async fn get_lifecycle(&self, bucket: &DraftBucket) -> Result<Lifecycle, Error>;

    /// Has the store remove by itself what is so old, beside whatever other rules there are. Idempotent. Kind
    /// `Unsupported` where the store has no such call.
    async fn put_lifecycle(&self, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error>;

    /// Describes an object. Kind `NotFound` when there is none, or no such bucket (HEAD cannot tell them apart).
    async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error>;

    /// Lists a page of objects in byte order of their keys. Kind `BucketNotFound` when the bucket is missing.
    async fn list(&self, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error>;

    /// Copies a draft into main inside the store, replacing its attributes, and gives the new object's `ETag`.
    ///
    /// Kind `PreconditionFailed` when a condition did not hold: main is as it was. Kind `Conflict` when the store
    /// could not decide between racing writers and wants to be asked again. `NotFound` when the draft is gone, or
    /// (AWS) when the version to be replaced is.
    /// Up to 5 GiB; `TooLarge` beyond.
    ///
    /// The store is asked once: a copy whose answer got lost is kind `Unavailable`, and asking again may then give
    /// `PreconditionFailed` because the first one succeeded. What is in main by then tells the two apart.
    async fn copy_to_main(&self, copy: &CopyToMain<'_>) -> Result<ETag, Error>;

    /// Begins a multipart upload to main and fills it with the parts of a draft, side by side. Nothing of it can be seen
    /// in main until [`Storage::complete_copy`]. For what is over 5 GiB: some stores refuse to copy parts of objects of a
    /// few KiB.
    ///
    /// Kind `PreconditionFailed` when the draft is another version, `NotFound` when it is gone, `TooLarge` when 10,000
    /// parts cannot hold it. On any error no more parts are begun, those under way are waited for, and the upload is
    /// aborted as well as can be; where that fails too, or this future is dropped, or the answer to the beginning got
    /// lost, it is left to the sweep.
    async fn stage_copy(&self, copy: &StageCopy<'_>) -> Result<StagedCopy, Error>;

    /// Makes a staged copy the object in main, and gives its `ETag`. The same errors, and asked once, like
    /// [`Storage::copy_to_main`]; the upload stays where it failed.
    ///
    /// `NotFound` means also that the upload is gone: aborted, or completed by a call whose answer got lost, or (Garage)
    /// ended by another write to that key.
    async fn complete_copy(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        staged: &StagedCopy,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error>;

    /// Gives a staged copy up and frees its parts. Idempotent: one that is gone is no error.
    async fn abort_copy(&self, bucket: &MainBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error>;

    /// Deletes from main what a copy made there, if it still is that version. Idempotent: an object that is gone is no
    /// error. Kind `PreconditionFailed` when another version is there.
    async fn undo_copy(&self, bucket: &MainBucket, key: &ObjectKey, etag: &ETag) -> Result<(), Error>;

    /// Puts a few bytes of the server's own into the draft bucket.
    async fn put_draft(&self, put: &PutDraft<'_>) -> Result<ETag, Error>;

    /// Deletes a draft, if it still is the version given. Idempotent: a draft that is gone is no error.
    /// Kind `PreconditionFailed` when another version is there.
    async fn delete_draft(&self, bucket: &DraftBucket, draft: &DraftVersion) -> Result<(), Error>;

    /// Deletes up to 1,000 drafts in one call, each if it still is the version given, and gives those that were *not*
    /// deleted. A draft that is gone counts as deleted.
    async fn delete_drafts(&self, bucket: &DraftBucket, drafts: &[DraftVersion]) -> Result<Vec<DeleteFailure>, Error>;

    /// Begins a multipart upload into the draft bucket. Nothing of it can be seen until [`Storage::complete_upload`].
    ///
    /// The store is asked once: where the answer got lost (kind `Unavailable`) an upload may have been begun of which
    /// nobody knows; it is left to the sweep.
    async fn create_upload(&self, create: &CreateUpload<'_>) -> Result<UploadId, Error>;

    /// Lists a page of the parts that have arrived. Kind `NotFound` when there is no such upload to that key: it never
    /// was, was completed, or was aborted.
    async fn list_parts(&self, request: &ListParts<'_>) -> Result<PartPage, Error>;

    /// Makes the parts one draft, and gives its `ETag`. What was there under the key is replaced, unless `if_absent`.
    ///
    /// Kind `NotFound` when there is no such upload to that key, `PreconditionFailed` when something is there that must
    /// not be, `Conflict` when a part is not the version given any more. The upload stays where it failed.
    ///
    /// The store is asked once: a completion whose answer got lost is kind `Unavailable`, and asking again may then give
    /// `NotFound` because the first one succeeded. What is at the key by then tells the two apart.
    async fn complete_upload(&self, complete: &CompleteUpload<'_>) -> Result<ETag, Error>;

    /// Lists a page of multipart uploads in progress.
    async fn list_uploads(&self, bucket: &BucketName, request: &ListUploads) -> Result<UploadPage, Error>;

    /// Aborts a multipart upload into the draft bucket and frees its parts. Idempotent: one that is gone is no error.
    async fn abort_upload(&self, bucket: &DraftBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error>;

    /// Finds out what the store really enforces, judging by the bytes that result. Works on keys of its own under the
    /// prefix, which nobody else may use meanwhile, in the draft bucket alone, and cleans up after itself as well as can
    /// be. From then on no call carries a condition that was found [`crate::Support::Refused`]; before, all are sent.
    ///
    /// Kind `BucketNotFound` when the bucket is missing, `CredentialsRefused` when one of the calls is not allowed to
    /// us, `Unavailable` when the store is in trouble: nothing is known then, and what was known stays.
    async fn probe(&self, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error>;

    /// Signs an upload. Asks the store nothing. Kind `CredentialsRefused` when there are no live credentials.
    async fn presign_put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error>;

    /// Signs the upload of a part. Asks the store nothing. Kind `CredentialsRefused` when there are no live credentials.
    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error>;

    /// Signs an upload by a form; its URL ends with a slash. Asks the store nothing, which may have no forms (R2, B2). Kind
    /// `CredentialsRefused` when there are no live credentials.
    async fn presign_post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error>;

    /// Signs a step of a multipart upload: nothing but the host is signed with it. Asks the store nothing. Kind
    /// `CredentialsRefused` when there are no live credentials.
    async fn presign_step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error>;

    /// Signs a download. Asks the store nothing. Kind `CredentialsRefused` when there are no live credentials.
    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error>;
}

/// Whether [`Storage::create_bucket`] had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It made the bucket.
    Now,
    /// The bucket was there, and we may use it.
    Before,
}

/// A copy of one version of a draft into main.
#[derive(Debug, Clone)]
pub struct CopyToMain<'a> {
    /// Where the draft lies.
    pub draft_bucket: &'a DraftBucket,
    /// The draft's key.
    pub draft_key: &'a ObjectKey,
    /// Copy only this version (`x-amz-copy-source-if-match`).
    pub draft_etag: &'a ETag,
    /// Where it goes.
    pub main_bucket: &'a MainBucket,
    /// Its key there.
    pub main_key: &'a ObjectKey,
    /// What must be true of that key.
    pub if_destination: IfDestination<'a>,
    /// The whole of what shall be stored beside the bytes; nothing is taken over from the draft by itself.
    pub attributes: &'a Attributes,
}

/// The condition on a copy's destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfDestination<'a> {
    /// Nothing is there (`If-None-Match: *`).
    Absent,
    /// Exactly this version is there (`If-Match`).
    Matches(&'a ETag),
}

/// One version of a draft: what a delete insists on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftVersion {
    /// Its key.
    pub key: ObjectKey,
    /// The version.
    pub etag: ETag,
}

/// A draft that a batch did not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteFailure {
    /// Its key.
    pub key: ObjectKey,
    /// What stood in the way; `PreconditionFailed` when another version is there.
    pub kind: ErrorKind,
    /// The store's own code, for the log.
    pub code: String,
}
