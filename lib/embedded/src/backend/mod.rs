//! The S3 operations, one file per group. The frontend answers all others with 501.

mod attributes;
mod bucket;
mod copy;
mod delete;
mod get;
mod lifecycle;
mod list;
mod multipart;
mod object_attributes;
mod object_lock;
mod properties;
mod put;
mod restore;
mod storage_class;
mod tags;
mod unsupported;
mod version;
mod versioning;

pub(crate) use attributes::form_attributes;
pub(crate) use list::{encode_key, encode_query};
pub(crate) use put::{MAX_PUT, NewObject, StoredObject};
pub(crate) use restore::RestoreAccepted;

use std::sync::Arc;
use std::time::Duration;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketCorsInput, DeleteBucketCorsOutput, DeleteBucketInput,
    DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectTaggingInput, DeleteObjectTaggingOutput, DeleteObjectsInput, DeleteObjectsOutput, ETag,
    GetBucketAclInput, GetBucketAclOutput, GetBucketCorsInput, GetBucketCorsOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketPolicyInput, GetBucketPolicyOutput, GetBucketTaggingInput,
    GetBucketTaggingOutput, GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectAclInput, GetObjectAclOutput,
    GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectInput, GetObjectLegalHoldInput,
    GetObjectLegalHoldOutput, GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput, GetObjectOutput,
    GetObjectRetentionInput, GetObjectRetentionOutput, GetObjectTaggingInput, GetObjectTaggingOutput, HeadBucketInput,
    HeadBucketOutput, HeadObjectInput, HeadObjectOutput, Initiator, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectVersionsInput, ListObjectVersionsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput,
    Owner, PutBucketCorsInput, PutBucketCorsOutput, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput, PutBucketVersioningInput, PutBucketVersioningOutput, PutObjectInput,
    PutObjectLegalHoldInput, PutObjectLegalHoldOutput, PutObjectLockConfigurationInput,
    PutObjectLockConfigurationOutput, PutObjectOutput, PutObjectRetentionInput, PutObjectRetentionOutput,
    PutObjectTaggingInput, PutObjectTaggingOutput, RestoreObjectInput, RestoreObjectOutput, UploadPartCopyInput,
    UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::error::BackendError;
use crate::events::Events;
use crate::index::{Index, Snapshot};
use crate::tasks::Tasks;

/// The owner that listings return.
const OWNER: &str = "draftstore";

/// The ID of the account that all buckets belong to.
pub(crate) const ACCOUNT: &str = "000000000000";

/// The objects and their index. Clones share the same state.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    /// The time until a restore from an archive is done.
    pub(crate) restore_wait: Duration,
    /// The receiver of the events of new objects.
    pub(crate) events: Events,
}

impl Backend {
    /// Runs `read` on a snapshot of the index, on a blocking thread.
    pub(crate) async fn read<T, F>(&self, read: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot) -> Result<T, BackendError> + Send + 'static,
    {
        let index = Arc::clone(&self.index);
        self.tasks.run_blocking(move || read(&index.snapshot()?)).await
    }
}

fn owner() -> Owner {
    Owner {
        display_name: Some(OWNER.into()),
        id: Some(OWNER.into()),
    }
}

fn initiator() -> Initiator {
    Initiator {
        display_name: Some(OWNER.into()),
        id: Some(OWNER.into()),
    }
}

fn strong_etag(etag: String) -> ETag {
    ETag::Strong(etag)
}

/// Converts a size to the `i64` of S3's XML, which no object exceeds.
fn to_i64(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Returns the page size of a listing: the requested one, but at most 1,000, which is also the default.
///
/// # Errors
/// Returns `InvalidArgument` for a negative number.
fn page_size(requested: Option<i32>) -> S3Result<usize> {
    let requested = usize::try_from(requested.unwrap_or(MAX_PAGE));
    let requested = requested.map_err(|_| s3s::s3_error!(InvalidArgument, "The page size must not be negative."))?;
    Ok(requested.min(usize::try_from(MAX_PAGE).unwrap_or(requested)))
}

const MAX_PAGE: i32 = 1000;

type BackendResponse<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl S3 for Backend {
    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> BackendResponse<ListBucketsOutput> {
        bucket::list(self, req.input).await.map(S3Response::new)
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> BackendResponse<CreateBucketOutput> {
        bucket::create(self, req.input).await.map(S3Response::new)
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> BackendResponse<HeadBucketOutput> {
        bucket::head(self, req.input).await.map(S3Response::new)
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> BackendResponse<DeleteBucketOutput> {
        bucket::delete(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> BackendResponse<GetBucketLocationOutput> {
        bucket::location(self, req.input).await.map(S3Response::new)
    }

    async fn put_bucket_cors(&self, req: S3Request<PutBucketCorsInput>) -> BackendResponse<PutBucketCorsOutput> {
        bucket::put_cors(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_cors(&self, req: S3Request<GetBucketCorsInput>) -> BackendResponse<GetBucketCorsOutput> {
        bucket::get_cors(self, req.input).await.map(S3Response::new)
    }

    async fn delete_bucket_cors(
        &self,
        req: S3Request<DeleteBucketCorsInput>,
    ) -> BackendResponse<DeleteBucketCorsOutput> {
        bucket::delete_cors(self, req.input).await.map(S3Response::new)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> BackendResponse<PutObjectOutput> {
        put::put(self, req).await.map(S3Response::new)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> BackendResponse<GetObjectOutput> {
        get::get(self, req).await.map(S3Response::new)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> BackendResponse<HeadObjectOutput> {
        get::head(self, req.input).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> BackendResponse<DeleteObjectOutput> {
        delete::delete_object(self, req).await.map(S3Response::new)
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> BackendResponse<DeleteObjectsOutput> {
        delete::delete_objects(self, req.input).await.map(S3Response::new)
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> BackendResponse<CopyObjectOutput> {
        copy::copy(self, req).await.map(S3Response::new)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> BackendResponse<ListObjectsOutput> {
        list::v1(self, req.input).await.map(S3Response::new)
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> BackendResponse<ListObjectsV2Output> {
        list::v2(self, req.input).await.map(S3Response::new)
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> BackendResponse<CreateMultipartUploadOutput> {
        multipart::create(self, req).await.map(S3Response::new)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> BackendResponse<UploadPartOutput> {
        multipart::upload(self, req).await.map(S3Response::new)
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> BackendResponse<UploadPartCopyOutput> {
        multipart::upload_copy(self, req).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> BackendResponse<CompleteMultipartUploadOutput> {
        multipart::complete(self, req).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> BackendResponse<AbortMultipartUploadOutput> {
        multipart::abort(self, req.input).await.map(S3Response::new)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> BackendResponse<ListPartsOutput> {
        multipart::list_parts(self, req.input).await.map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> BackendResponse<ListMultipartUploadsOutput> {
        multipart::list_uploads(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_acl(&self, req: S3Request<GetBucketAclInput>) -> BackendResponse<GetBucketAclOutput> {
        properties::bucket_acl(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        req: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> BackendResponse<GetBucketLifecycleConfigurationOutput> {
        lifecycle::get(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_policy(&self, req: S3Request<GetBucketPolicyInput>) -> BackendResponse<GetBucketPolicyOutput> {
        Err(properties::policy(self, req.input).await?)
    }

    async fn get_bucket_tagging(
        &self,
        req: S3Request<GetBucketTaggingInput>,
    ) -> BackendResponse<GetBucketTaggingOutput> {
        Err(properties::bucket_tagging(self, req.input).await?)
    }

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> BackendResponse<GetBucketVersioningOutput> {
        versioning::get(self, req.input).await.map(S3Response::new)
    }

    async fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> BackendResponse<PutBucketVersioningOutput> {
        versioning::put(self, req.input).await.map(S3Response::new)
    }

    async fn get_object_acl(&self, req: S3Request<GetObjectAclInput>) -> BackendResponse<GetObjectAclOutput> {
        properties::object_acl(self, req.input).await.map(S3Response::new)
    }

    async fn get_object_attributes(
        &self,
        req: S3Request<GetObjectAttributesInput>,
    ) -> BackendResponse<GetObjectAttributesOutput> {
        object_attributes::get(self, req.input).await.map(S3Response::new)
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> BackendResponse<GetObjectTaggingOutput> {
        tags::get(self, req.input).await.map(S3Response::new)
    }

    async fn put_object_lock_configuration(
        &self,
        req: S3Request<PutObjectLockConfigurationInput>,
    ) -> BackendResponse<PutObjectLockConfigurationOutput> {
        object_lock::put_config(self, req.input).await.map(S3Response::new)
    }

    async fn get_object_lock_configuration(
        &self,
        req: S3Request<GetObjectLockConfigurationInput>,
    ) -> BackendResponse<GetObjectLockConfigurationOutput> {
        object_lock::get_config(self, req.input).await.map(S3Response::new)
    }

    async fn put_object_retention(
        &self,
        req: S3Request<PutObjectRetentionInput>,
    ) -> BackendResponse<PutObjectRetentionOutput> {
        object_lock::put_retention(self, req.input).await.map(S3Response::new)
    }

    async fn get_object_retention(
        &self,
        req: S3Request<GetObjectRetentionInput>,
    ) -> BackendResponse<GetObjectRetentionOutput> {
        object_lock::get_retention(self, req.input).await.map(S3Response::new)
    }

    async fn put_object_legal_hold(
        &self,
        req: S3Request<PutObjectLegalHoldInput>,
    ) -> BackendResponse<PutObjectLegalHoldOutput> {
        object_lock::put_legal_hold(self, req.input).await.map(S3Response::new)
    }

    async fn get_object_legal_hold(
        &self,
        req: S3Request<GetObjectLegalHoldInput>,
    ) -> BackendResponse<GetObjectLegalHoldOutput> {
        object_lock::get_legal_hold(self, req.input).await.map(S3Response::new)
    }

    async fn restore_object(&self, req: S3Request<RestoreObjectInput>) -> BackendResponse<RestoreObjectOutput> {
        restore::restore(self, req.input).await
    }

    async fn put_bucket_lifecycle_configuration(
        &self,
        req: S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> BackendResponse<PutBucketLifecycleConfigurationOutput> {
        lifecycle::put(self, req.input).await.map(S3Response::new)
    }

    async fn delete_bucket_lifecycle(
        &self,
        req: S3Request<DeleteBucketLifecycleInput>,
    ) -> BackendResponse<DeleteBucketLifecycleOutput> {
        lifecycle::delete(self, req.input).await.map(S3Response::new)
    }

    async fn put_object_tagging(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> BackendResponse<PutObjectTaggingOutput> {
        tags::put(self, req.input).await.map(S3Response::new)
    }

    async fn delete_object_tagging(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> BackendResponse<DeleteObjectTaggingOutput> {
        tags::delete(self, req.input).await.map(S3Response::new)
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> BackendResponse<ListObjectVersionsOutput> {
        versioning::list(self, req.input).await.map(S3Response::new)
    }
}
