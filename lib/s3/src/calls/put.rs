//! `PutObject`, for objects of the server's own.

use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{ETag, Error, Operation, PutDraft};

use crate::S3Storage;
use crate::error::Call;

pub(crate) async fn put_draft(s3: &S3Storage, put: &PutDraft<'_>) -> Result<ETag, Error> {
    let call = Call::on_key(Operation::PutObject, put.bucket.name(), put.key);
    let request = s3
        .client
        .put_object()
        .bucket(put.bucket.name().as_str())
        .key(put.key.as_str())
        .body(ByteStream::from(put.bytes.to_vec()));
    let answer = request.send().await.map_err(|error| call.failed(&error))?;
    let etag = answer.e_tag().and_then(|etag| etag.parse().ok());
    etag.ok_or_else(|| call.unexpected("the answer lacks an ETag"))
}
