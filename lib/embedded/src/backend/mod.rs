//! The S3 operations, one file per group of them. What is not here is answered 501 by `s3s`.

mod attributes;
mod bucket;
mod copy;
mod delete;
mod get;
mod list;
mod multipart;
mod put;
mod unsupported;

pub(crate) use attributes::form_attributes;
pub(crate) use list::encode_key;
pub(crate) use put::{MAX_PUT, NewObject};

use std::sync::Arc;

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketCorsInput, DeleteBucketCorsOutput, DeleteBucketInput, DeleteBucketOutput,
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, ETag, GetBucketCorsInput,
    GetBucketCorsOutput, GetBucketLocationInput, GetBucketLocationOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, Initiator, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, Owner, PutBucketCorsInput,
    PutBucketCorsOutput, PutObjectInput, PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput,
    UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use crate::blobs::Blobs;
use crate::failure::Failure;
use crate::index::{Index, Snapshot};
use crate::tasks::Tasks;

/// The owner that listings name.
const OWNER: &str = "draftstore";

/// The ID of the account that all buckets belong to.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Objects and their index; a clone is another handle on the same.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) index: Arc<Index>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) tasks: Tasks,
}

impl Backend {
    /// Runs `read` against one snapshot, where it may block.
    pub(crate) async fn read<T, F>(&self, read: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Snapshot) -> Result<T, Failure> + Send + 'static,
    {
        let index = Arc::clone(&self.index);
        self.tasks.blocking(move || read(&index.snapshot()?)).await
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

fn strong(etag: String) -> ETag {
    ETag::Strong(etag)
}

/// Lengths and sizes are `i64` in S3's XML; no object comes near its limit.
fn signed(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// S3's page size: at most 1,000, which is also the default.
///
/// # Errors
/// `InvalidArgument` for a negative number.
fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = usize::try_from(asked.unwrap_or(MAX_PAGE));
    let asked = asked.map_err(|_| s3s::s3_error!(InvalidArgument, "A page size must not be negative."))?;
    Ok(asked.min(usize::try_from(MAX_PAGE).unwrap_or(asked)))
}

const MAX_PAGE: i32 = 1000;

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl S3 for Backend {
    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> Answer<ListBucketsOutput> {
        bucket::list(self, req.input).await.map(S3Response::new)
    }

    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Answer<CreateBucketOutput> {
        bucket::create(self, req.input).await.map(S3Response::new)
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        bucket::head(self, req.input).await.map(S3Response::new)
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> Answer<DeleteBucketOutput> {
        bucket::delete(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_location(&self, req: S3Request<GetBucketLocationInput>) -> Answer<GetBucketLocationOutput> {
        bucket::location(self, req.input).await.map(S3Response::new)
    }

    async fn put_bucket_cors(&self, req: S3Request<PutBucketCorsInput>) -> Answer<PutBucketCorsOutput> {
        bucket::put_cors(self, req.input).await.map(S3Response::new)
    }

    async fn get_bucket_cors(&self, req: S3Request<GetBucketCorsInput>) -> Answer<GetBucketCorsOutput> {
        bucket::get_cors(self, req.input).await.map(S3Response::new)
    }

    async fn delete_bucket_cors(&self, req: S3Request<DeleteBucketCorsInput>) -> Answer<DeleteBucketCorsOutput> {
        bucket::delete_cors(self, req.input).await.map(S3Response::new)
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        put::put(self, req).await.map(S3Response::new)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        get::get(self, req).await.map(S3Response::new)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        get::head(self, req.input).await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        delete::one(self, req).await.map(S3Response::new)
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        delete::many(self, req.input).await.map(S3Response::new)
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        copy::copy(self, req).await.map(S3Response::new)
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Answer<ListObjectsOutput> {
        list::v1(self, req.input).await.map(S3Response::new)
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> Answer<ListObjectsV2Output> {
        list::v2(self, req.input).await.map(S3Response::new)
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        multipart::create(self, req).await.map(S3Response::new)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        multipart::upload(self, req).await.map(S3Response::new)
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        multipart::upload_copy(self, req).await.map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        multipart::complete(self, req).await.map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        multipart::abort(self, req.input).await.map(S3Response::new)
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        multipart::list_parts(self, req.input).await.map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Answer<ListMultipartUploadsOutput> {
        multipart::list_uploads(self, req.input).await.map(S3Response::new)
    }
}
