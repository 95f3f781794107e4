//! Objects and multipart uploads.

use std::collections::BTreeMap;

use async_trait::async_trait;
use draftstore_storage::{
    BucketName, CompleteUpload, CopyInMain, CopyToMain, CopyVersion, CreateUpload, DeleteFailure, DraftBucket,
    DraftVersion, ETag, Error, IfDestination, KeptVersion, ListObjects, ListParts, ListUploads, ListVersions,
    MainBucket, ObjectDeleted, ObjectDescription, ObjectInfo, ObjectKey, ObjectPage, Objects, PartPage, PutDraft,
    ReadDraft, RestoreArchived, StageCopy, StageInMain, StagedCopy, UploadId, UploadPage, VersionCopied, VersionId,
    VersionPage,
};

use crate::{S3Storage, calls};

/// Timeouts are those of [`crate::Timeouts`]. A call that may be repeated is sent up to three times. A copy and the
/// completion of an upload are sent once, so that `PreconditionFailed` and `NotFound` never mean that an earlier attempt
/// succeeded. So is the beginning of an upload or of a staged copy, so that none is begun that the caller does not know.
#[async_trait]
impl Objects for S3Storage {
    async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error> {
        calls::head(self, bucket, key).await
    }

    async fn describe(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<ObjectDescription, Error> {
        calls::describe(self, bucket, key, version).await
    }

    async fn tags(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        version: Option<&VersionId>,
    ) -> Result<BTreeMap<String, String>, Error> {
        calls::tags(self, bucket, key, version).await
    }

    async fn restore_archived(&self, restore: &RestoreArchived<'_>) -> Result<(), Error> {
        calls::restore_archived(self, restore).await
    }

    async fn list_versions(&self, request: &ListVersions<'_>) -> Result<VersionPage, Error> {
        calls::list_versions(self, request).await
    }

    async fn copy_version(&self, copy: &CopyVersion<'_>) -> Result<VersionCopied, Error> {
        calls::copy_version(self, copy).await
    }

    async fn delete_version(&self, bucket: &MainBucket, key: &ObjectKey, version: &VersionId) -> Result<(), Error> {
        calls::delete_one_version(self, bucket, key, version).await
    }

    async fn put_legal_hold(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        version: &VersionId,
        is_held: bool,
    ) -> Result<(), Error> {
        calls::put_legal_hold(self, bucket, key, version, is_held).await
    }

    async fn list(&self, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error> {
        calls::list(self, bucket, request).await
    }

    async fn copy_to_main(&self, copy: &CopyToMain<'_>) -> Result<ETag, Error> {
        calls::copy_to_main(self, copy).await
    }

    async fn copy_in_main(&self, copy: &CopyInMain<'_>) -> Result<VersionCopied, Error> {
        calls::copy_in_main(self, copy).await
    }

    async fn stage_in_main(&self, copy: &StageInMain<'_>) -> Result<StagedCopy, Error> {
        calls::stage_in_main(self, copy).await
    }

    async fn stage_copy(&self, copy: &StageCopy<'_>) -> Result<StagedCopy, Error> {
        calls::stage_copy(self, copy).await
    }

    async fn complete_copy(
        &self,
        bucket: &MainBucket,
        key: &ObjectKey,
        staged: &StagedCopy,
        if_destination: IfDestination<'_>,
    ) -> Result<ETag, Error> {
        calls::complete_copy(self, bucket, key, staged, if_destination).await
    }

    async fn abort_copy(&self, bucket: &MainBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error> {
        calls::abort(self, bucket.name(), key, upload_id).await
    }

    async fn undo_copy(&self, bucket: &MainBucket, key: &ObjectKey, etag: &ETag) -> Result<(), Error> {
        calls::delete_version(self, bucket.name(), key, etag).await
    }

    async fn delete_object(&self, bucket: &MainBucket, object: &KeptVersion) -> Result<Option<VersionId>, Error> {
        calls::delete_object(self, bucket, object).await
    }

    async fn delete_objects(&self, bucket: &MainBucket, objects: &[KeptVersion]) -> Result<Vec<ObjectDeleted>, Error> {
        calls::delete_objects(self, bucket, objects).await
    }

    async fn read_draft(&self, read: &ReadDraft<'_>) -> Result<Vec<u8>, Error> {
        calls::read_draft(self, read).await
    }

    async fn put_draft(&self, put: &PutDraft<'_>) -> Result<ETag, Error> {
        calls::put_draft(self, put).await
    }

    async fn delete_draft(&self, bucket: &DraftBucket, draft: &DraftVersion) -> Result<(), Error> {
        calls::delete_version(self, bucket.name(), &draft.key, &draft.etag).await
    }

    async fn delete_drafts(&self, bucket: &DraftBucket, drafts: &[DraftVersion]) -> Result<Vec<DeleteFailure>, Error> {
        calls::delete_drafts(self, bucket, drafts).await
    }

    async fn create_upload(&self, create: &CreateUpload<'_>) -> Result<UploadId, Error> {
        calls::create_upload(self, create).await
    }

    async fn list_parts(&self, request: &ListParts<'_>) -> Result<PartPage, Error> {
        calls::list_parts(self, request).await
    }

    async fn complete_upload(&self, complete: &CompleteUpload<'_>) -> Result<ETag, Error> {
        calls::complete_upload(self, complete).await
    }

    async fn list_uploads(&self, bucket: &BucketName, request: &ListUploads) -> Result<UploadPage, Error> {
        calls::list_uploads(self, bucket, request).await
    }

    async fn abort_upload(&self, bucket: &DraftBucket, key: &ObjectKey, upload_id: &UploadId) -> Result<(), Error> {
        calls::abort(self, bucket.name(), key, upload_id).await
    }
}
