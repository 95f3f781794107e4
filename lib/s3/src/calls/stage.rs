//! Copies part by part: `CreateMultipartUpload`, `UploadPartCopy`, `CompleteMultipartUpload`.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use draftstore_storage::{
    Attributes, BucketName, Condition, ETag, Error, IfDestination, MainBucket, ObjectKey, Operation, StageCopy,
    StageInMain, StagedCopy, StagedPart, UploadId,
};
use futures::StreamExt as _;
use futures::future::ready;
use futures::stream;

use super::attributes::{attribute_headers, with_headers};
use super::head::is_md5;
use super::uploads::abort;
use crate::S3Storage;
use crate::copy_source::copy_source;
use crate::error::Call;
use crate::parts::{Part, parts};

/// The number of parts of one object that are copied concurrently. A store with several disks or nodes copies them faster so,
/// and 8 connections are no burden.
const MAX_PARTS_AT_ONCE: usize = 8;

/// An object to copy from, in either bucket.
#[derive(Debug, Clone, Copy)]
struct Source<'a> {
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    etag: &'a ETag,
}

/// A copy into an upload in main, from either bucket.
struct IntoMain<'a> {
    source: Source<'a>,
    size: u64,
    bucket: &'a MainBucket,
    key: &'a ObjectKey,
    attributes: &'a Attributes,
}

pub(crate) async fn stage_copy(s3: &S3Storage, copy: &StageCopy<'_>) -> Result<StagedCopy, Error> {
    let copy = IntoMain {
        source: Source {
            bucket: copy.draft_bucket.name(),
            key: copy.draft_key,
            etag: copy.draft_etag,
        },
        size: copy.size,
        bucket: copy.main_bucket,
        key: copy.main_key,
        attributes: copy.attributes,
    };
    stage(s3, &copy).await
}

pub(crate) async fn stage_in_main(s3: &S3Storage, copy: &StageInMain<'_>) -> Result<StagedCopy, Error> {
    let copy = IntoMain {
        source: Source {
            bucket: copy.bucket.name(),
            key: copy.source_key,
            etag: copy.source_etag,
        },
        size: copy.size,
        bucket: copy.bucket,
        key: copy.key,
        attributes: copy.attributes,
    };
    stage(s3, &copy).await
}

async fn stage(s3: &S3Storage, copy: &IntoMain<'_>) -> Result<StagedCopy, Error> {
    let call = Call::on_key(Operation::CreateMultipartUpload, copy.bucket.name(), copy.key);
    let parts = parts(copy.size, s3.part_size)
        .ok_or_else(|| call.too_large(format!("{} bytes are more than 10,000 parts hold", copy.size)))?;
    if [Condition::PartSource, Condition::CompleteToAbsent]
        .iter()
        .any(|of| s3.conditions.has_failed(*of))
    {
        return Err(
            call.unsupported("the store cannot copy in parts: UploadPartCopy or CompleteMultipartUpload does not work")
        );
    }
    if copy.source.key.as_str().contains('%') && !s3.conditions.may_rely_on(Condition::PartSourceKey) {
        let call = Call::on_key(Operation::UploadPartCopy, copy.source.bucket, copy.source.key);
        return Err(call.unsupported(
            "the store decodes the source of UploadPartCopy twice: it cannot copy a key with a percent sign in parts",
        ));
    }
    let upload_id = begin(s3, copy, call).await?;
    match copy_parts(s3, copy, &upload_id, parts).await {
        Ok(parts) => Ok(StagedCopy {
            upload_id,
            parts,
            size: copy.size,
        }),
        Err(error) => {
            give_up(s3, copy, &upload_id).await;
            Err(error)
        }
    }
}

/// Creates the multipart upload. Never retries: if the answer were lost, the caller would know only the second upload, and
/// never remove the first.
async fn begin(s3: &S3Storage, copy: &IntoMain<'_>, call: Call<'_>) -> Result<UploadId, Error> {
    let attributes = attribute_headers(copy.attributes);
    let request = s3
        .client
        .create_multipart_upload()
        .bucket(copy.bucket.name().as_str())
        .key(copy.key.as_str());
    let begun = request
        .customize()
        .config_override(s3.copy_config())
        .map_request(move |request| with_headers(request, &attributes))
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let upload_id = begun.upload_id().filter(|id| !id.is_empty()).map(UploadId::new);
    upload_id.ok_or_else(|| call.cut_short("the answer lacks an upload ID"))
}

/// Copies the parts. After the first failure starts no other, and waits for those in progress: an abort that overtakes a part
/// may leave its bytes in the store (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>).
async fn copy_parts(
    s3: &S3Storage,
    copy: &IntoMain<'_>,
    upload_id: &UploadId,
    parts: impl Iterator<Item = Part> + Send,
) -> Result<Vec<StagedPart>, Error> {
    let failed = AtomicBool::new(false);
    let copies = stream::iter(parts)
        .take_while(|_| ready(!failed.load(Ordering::Relaxed)))
        .map(|part| async {
            let copied = copy_part(s3, copy, upload_id, part).await;
            failed.fetch_or(copied.is_err(), Ordering::Relaxed);
            copied
        });
    // In the order in which they end, so that the first failure is the cause of the others.
    let ended: Vec<_> = copies.buffer_unordered(MAX_PARTS_AT_ONCE).collect().await;
    let mut staged = ended.into_iter().collect::<Result<Vec<StagedPart>, _>>()?;
    staged.sort_unstable_by_key(|part| part.number);
    Ok(staged)
}

/// Copies a part. May be retried: a part that is copied twice exists once.
async fn copy_part(s3: &S3Storage, copy: &IntoMain<'_>, upload_id: &UploadId, part: Part) -> Result<StagedPart, Error> {
    let call = Call::on_key(Operation::UploadPartCopy, copy.bucket.name(), copy.key);
    let Part { number, bytes } = part;
    // S3 takes ranges only of objects over 5 MB, and an empty one cannot be written.
    let range = (bytes != (0..copy.size)).then(|| format!("bytes={}-{}", bytes.start, bytes.end - 1));
    let request = s3
        .client
        .upload_part_copy()
        .bucket(copy.bucket.name().as_str())
        .key(copy.key.as_str())
        .upload_id(upload_id.as_str())
        .part_number(i32::from(number))
        .copy_source(copy_source(copy.source.bucket, copy.source.key))
        .set_copy_source_if_match(s3.conditions.sent_source(Condition::PartSource, copy.source.etag))
        .set_copy_source_range(range);
    let copied = request
        .customize()
        .config_override(s3.part_config())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let etag: Option<ETag> = copied
        .copy_part_result()
        .and_then(|result| result.e_tag())
        .and_then(|etag| etag.parse().ok());
    let etag = etag.ok_or_else(|| call.cut_short("the answer to the copy of a part lacks an ETag"))?;
    Ok(StagedPart {
        number,
        etag_is_md5: is_md5(&etag, copied.server_side_encryption(), copied.sse_customer_algorithm()),
        etag,
    })
}

/// Aborts the upload. If that fails too, leaves it to the sweep.
async fn give_up(s3: &S3Storage, copy: &IntoMain<'_>, upload_id: &UploadId) {
    if let Err(error) = abort(s3, copy.bucket.name(), copy.key, upload_id).await {
        tracing::warn!(
            bucket = %copy.bucket.name(),
            object.key = %copy.key,
            upload.id = upload_id.as_str(),
            %error,
            source = %error.source,
            "failed copy not aborted"
        );
    }
}

/// Completes the upload. Never retries, for the same reason as `copy_to_main`.
pub(crate) async fn complete_copy(
    s3: &S3Storage,
    bucket: &MainBucket,
    key: &ObjectKey,
    staged: &StagedCopy,
    if_destination: IfDestination<'_>,
) -> Result<ETag, Error> {
    let call = Call::on_key(Operation::CompleteMultipartUpload, bucket.name(), key);
    let size = i64::try_from(staged.size).map_err(|_| call.too_large("the size is over 2^63"))?;
    let part = |part: &StagedPart| {
        CompletedPart::builder()
            .part_number(i32::from(part.number))
            .e_tag(part.etag.quoted())
            .build()
    };
    let parts = staged.parts.iter().map(part).collect();
    let request = s3
        .client
        .complete_multipart_upload()
        .bucket(bucket.name().as_str())
        .key(key.as_str())
        .upload_id(staged.upload_id.as_str())
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .mpu_object_size(size);
    let request = match if_destination {
        IfDestination::Absent => {
            request.set_if_none_match(s3.conditions.sent(Condition::CompleteToAbsent, "*".to_owned()))
        }
        IfDestination::Matches(etag) => {
            request.set_if_match(s3.conditions.sent(Condition::CompleteOver, etag.quoted()))
        }
    };
    let completed = request
        .customize()
        .config_override(s3.copy_config())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let etag = completed.e_tag().and_then(|etag| etag.parse().ok());
    etag.ok_or_else(|| call.cut_short("the answer to the completion lacks an ETag"))
}
