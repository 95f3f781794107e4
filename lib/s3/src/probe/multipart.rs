//! `UploadPartCopy` and `CompleteMultipartUpload`.

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use draftstore_storage::{ETag, Error, ObjectKey, Operation, UploadId};

use super::Seen;
use super::scratch::{Scratch, answer, only_part};
use crate::copy_source::copy_source;

/// The least that every store copies as a part: Garage refuses what it keeps beside the key. Bytes.
const PART: usize = 5 * 1024 * 1024;

/// `UploadPartCopy` with `x-amz-copy-source-if-match`.
pub(super) async fn part_source(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (source, before) = scratch.object("source", b"before").await?;
    let mut bytes = vec![0; PART];
    bytes[..3].copy_from_slice(b"now");
    let now = put_large(scratch, &source, bytes.clone()).await?;
    let (of_before, of_now) = (scratch.key("of-before")?, scratch.key("of-now")?);
    for (target, etag) in [(&of_before, before), (&of_now, now)] {
        let upload_id = scratch.upload(target).await?;
        let part = copy_part(scratch, &source, &etag, target, &upload_id).await?;
        // Only completed can it be looked at.
        if let Some(part) = part {
            complete(scratch, target, &upload_id, &part, |complete| complete).await?;
        }
    }
    Ok(Seen {
        held_back: scratch.is_absent(&of_before).await?,
        done: scratch.holds(&of_now, &bytes).await?,
    })
}

/// `CompleteMultipartUpload` with `If-None-Match: *`.
pub(super) async fn complete_to_absent(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (taken, _) = scratch.object("taken", b"old").await?;
    let free = scratch.key("free")?;
    for target in [&taken, &free] {
        let (upload_id, part) = uploaded(scratch, target).await?;
        complete(scratch, target, &upload_id, &part, |complete| {
            complete.if_none_match("*")
        })
        .await?;
    }
    Ok(Seen {
        held_back: scratch.holds(&taken, b"old").await?,
        done: scratch.holds(&free, b"new").await?,
    })
}

/// `CompleteMultipartUpload` with `If-Match`: over another version, over nothing, over the version meant.
pub(super) async fn complete_over(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (_, other) = scratch.object("other", b"other").await?;
    let (replaced, _) = scratch.object("replaced", b"old").await?;
    let gone = scratch.key("gone")?;
    let (meant, etag) = scratch.object("meant", b"old").await?;
    for (target, etag) in [(&replaced, &other), (&gone, &other), (&meant, &etag)] {
        let (upload_id, part) = uploaded(scratch, target).await?;
        let over = |complete: CompleteMultipartUploadFluentBuilder| complete.if_match(etag.quoted());
        complete(scratch, target, &upload_id, &part, over).await?;
    }
    Ok(Seen {
        held_back: scratch.holds(&replaced, b"old").await? && scratch.is_absent(&gone).await?,
        done: scratch.holds(&meant, b"new").await?,
    })
}

/// Puts an object with the timeouts of a copy, for slow lines.
async fn put_large(scratch: &Scratch<'_>, key: &ObjectKey, bytes: Vec<u8>) -> Result<ETag, Error> {
    let call = scratch.call(Operation::PutObject, key);
    let request = scratch
        .s3
        .client
        .put_object()
        .bucket(scratch.bucket())
        .key(key.as_str());
    let request = request
        .body(bytes.into())
        .customize()
        .config_override(scratch.s3.part_config());
    let put = request.send().await.map_err(|error| call.failed(&error))?;
    let etag = put.e_tag().and_then(|etag| etag.parse().ok());
    etag.ok_or_else(|| call.unexpected("the answer lacks an ETag"))
}

/// The `ETag` of part 1, where the store says that it copied it.
async fn copy_part(
    scratch: &Scratch<'_>,
    source: &ObjectKey,
    etag: &ETag,
    target: &ObjectKey,
    upload_id: &UploadId,
) -> Result<Option<String>, Error> {
    let request = scratch
        .s3
        .client
        .upload_part_copy()
        .bucket(scratch.bucket())
        .key(target.as_str())
        .upload_id(upload_id.as_str())
        .part_number(1)
        .copy_source(copy_source(scratch.bucket_name(), source))
        .copy_source_if_match(etag.quoted());
    let copied = answer(scratch.call(Operation::UploadPartCopy, target), request.send().await)?;
    Ok(copied.and_then(|copied| copied.copy_part_result?.e_tag))
}

/// An upload that only has to be completed, of `new`, and the `ETag` of its part.
async fn uploaded(scratch: &mut Scratch<'_>, target: &ObjectKey) -> Result<(UploadId, String), Error> {
    let upload_id = scratch.upload(target).await?;
    let call = scratch.call(Operation::UploadPart, target);
    let request = scratch
        .s3
        .client
        .upload_part()
        .bucket(scratch.bucket())
        .key(target.as_str())
        .upload_id(upload_id.as_str())
        .part_number(1)
        .body(ByteStream::from_static(b"new"));
    let part = request.send().await.map_err(|error| call.failed(&error))?;
    let etag = part.e_tag.ok_or_else(|| call.unexpected("the answer lacks an ETag"))?;
    Ok((upload_id, etag))
}

async fn complete(
    scratch: &Scratch<'_>,
    target: &ObjectKey,
    upload_id: &UploadId,
    part: &str,
    under_condition: impl FnOnce(CompleteMultipartUploadFluentBuilder) -> CompleteMultipartUploadFluentBuilder,
) -> Result<(), Error> {
    let request = scratch
        .s3
        .client
        .complete_multipart_upload()
        .bucket(scratch.bucket())
        .key(target.as_str())
        .upload_id(upload_id.as_str())
        .multipart_upload(only_part(part));
    let request = under_condition(request);
    answer(
        scratch.call(Operation::CompleteMultipartUpload, target),
        request.send().await,
    )?;
    Ok(())
}
