//! `PutObject`, for objects of the server's own.

use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{Condition, ETag, Error, Operation, PutDraft};

use super::attributes::{attribute_headers, with_headers};
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
    let if_absent = put.if_absent.then(|| "*".to_owned());
    let request = request.set_if_none_match(if_absent.and_then(|any| s3.conditions.sent(Condition::UploadOnce, any)));
    let attributes = attribute_headers(put.attributes);
    let answer = request
        .customize()
        .map_request(move |request| with_headers(request, &attributes))
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let etag = answer.e_tag().and_then(|etag| etag.parse().ok());
    etag.ok_or_else(|| call.unexpected("the answer lacks an ETag"))
}
