//! `AbortMultipartUpload`.

use s3s::S3Result;
use s3s::dto::{AbortMultipartUploadInput, AbortMultipartUploadOutput};

use super::super::Backend;
use crate::clock;
use crate::conditions::precondition_failed;
use crate::index::Tables;

/// Aborts an upload and releases its parts. Aborting it again returns `NoSuchUpload`.
pub(in super::super) async fn abort(
    backend: &Backend,
    input: AbortMultipartUploadInput,
) -> S3Result<AbortMultipartUploadOutput> {
    let AbortMultipartUploadInput {
        bucket,
        key,
        upload_id,
        if_match_initiated_time,
        ..
    } = input;
    let abort = move |tables: &mut Tables<'_>| {
        tables.bucket(&bucket)?;
        let upload = tables.upload(&bucket, &key, &upload_id)?;
        let expected = if_match_initiated_time.as_ref().map(clock::timestamp_seconds);
        if expected.is_some_and(|expected| expected != clock::seconds(upload.initiated_ms)) {
            return Err(precondition_failed("x-amz-if-match-initiated-time").into());
        }
        tables.remove_upload(&bucket, &key, &upload_id)
    };
    backend.index.write(abort).await?;
    Ok(AbortMultipartUploadOutput::default())
}
