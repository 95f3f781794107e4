//! S3 and what speaks like it, by the AWS SDK. The one place that knows the SDK.
//!
//! [`S3Storage`] is a [`Storage`]: calls go to the store's own endpoint, URLs are signed for its public one. SDK errors
//! are read in `error` alone, and what leaves this module shows neither signatures nor secrets.

mod bases;
mod calls;
mod conditions;
mod connect;
mod copy_source;
mod credentials;
mod error;
mod listing;
mod owner;
mod parts;
mod post_policy;
mod presign;
mod probe;
mod settings;
mod signers;
mod sigv4;
mod store_time;
mod watched;
mod whole;

use async_trait::async_trait;

use crate::{
    BucketName, Capabilities, CompleteUpload, Condition, CopyToMain, CorsRule, CreateUpload, Created, DeleteFailure,
    DraftBucket, DraftVersion, ETag, Error, IfDestination, Lifecycle, ListObjects, ListParts, ListUploads, MainBucket,
    ObjectInfo, ObjectKey, ObjectPage, PartPage, PresignGet, PresignPart, PresignPost, PresignPut, PresignStep,
    PresignedRequest, PutDraft, StageCopy, StagedCopy, Storage, UploadId, UploadPage,
};

pub use connect::{ConnectError, CredentialsLeft, S3Storage};
pub use owner::{BucketOwner, InvalidBucketOwner};
pub use settings::{
    DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_COPY_TIMEOUT, DEFAULT_PART_SIZE,
    Settings, Signing, StaticCredentials, Timeouts,
};
pub use signers::Left;

/// Time-outs are those of [`Timeouts`]. What may be asked twice is asked up to three times; a copy, and the completion of
/// an upload, is asked once, so that `PreconditionFailed` and `NotFound` never mean that an earlier attempt of ours
/// succeeded; and so is the beginning of an upload or of a staged copy, so that none is begun of which the caller does
/// not hear.
#[async_trait]
impl Storage for S3Storage {
    async fn create_bucket(&self, bucket: &BucketName) -> Result<Created, Error> {
        calls::create_bucket(self, bucket).await
    }

    async fn put_cors(&self, bucket: &BucketName, rule: &CorsRule) -> Result<(), Error> {
        calls::put_cors(self, bucket, rule).await
    }

    async fn get_lifecycle(&self, bucket: &DraftBucket) -> Result<Lifecycle, Error> {
        calls::get_lifecycle(self, bucket).await
    }

    async fn put_lifecycle(&self, bucket: &DraftBucket, lifecycle: &Lifecycle) -> Result<(), Error> {
        calls::put_lifecycle(self, bucket, lifecycle).await
    }

    async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error> {
        calls::head(self, bucket, key).await
    }

    async fn list(&self, bucket: &BucketName, request: &ListObjects) -> Result<ObjectPage, Error> {
        calls::list(self, bucket, request).await
    }

    async fn copy_to_main(&self, copy: &CopyToMain<'_>) -> Result<ETag, Error> {
        calls::copy_to_main(self, copy).await
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

    async fn probe(&self, bucket: &DraftBucket, prefix: &ObjectKey) -> Result<Capabilities, Error> {
        probe::probe(self, bucket, prefix).await
    }

    async fn presign_put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error> {
        let write_once = put.write_once && self.conditions.sent(Condition::UploadOnce, ()).is_some();
        let put = PresignPut {
            write_once,
            ..put.clone()
        };
        self.uploads().put(&put).await
    }

    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error> {
        self.uploads().part(part).await
    }

    async fn presign_post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error> {
        self.uploads().post(post).await
    }

    async fn presign_step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error> {
        self.uploads().step(step).await
    }

    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error> {
        self.presigner.get(get).await
    }
}
