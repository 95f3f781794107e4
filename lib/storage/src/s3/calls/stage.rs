//! Copies by `UploadPartCopy`.

use super::super::S3Storage;
use super::super::error::Call;
use crate::{ETag, Error, IfDestination, MainBucket, ObjectKey, Operation, StageCopy, StagedCopy};

pub(in super::super) async fn stage_copy(_: &S3Storage, copy: &StageCopy<'_>) -> Result<StagedCopy, Error> {
    let call = Call::on_key(Operation::CreateMultipartUpload, copy.main_bucket.name(), copy.main_key);
    Err(call.unexpected("not written yet"))
}

pub(in super::super) async fn complete_copy(
    _: &S3Storage,
    bucket: &MainBucket,
    key: &ObjectKey,
    _: &StagedCopy,
    _: IfDestination<'_>,
) -> Result<ETag, Error> {
    Err(Call::on_key(Operation::CompleteMultipartUpload, bucket.name(), key).unexpected("not written yet"))
}
