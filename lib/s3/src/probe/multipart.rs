//! `UploadPartCopy` and `CompleteMultipartUpload`.

use aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use draftstore_storage::{ETag, Error, ListParts, ObjectKey, Operation, UploadId};

use super::Seen;
use super::scratch::{Scratch, answer, is_trouble, only_part};
use crate::calls;
use crate::copy_source::copy_source;

/// The minimum size in bytes that every store copies as a part: Garage refuses objects that it stores inline.
const PART: usize = 5 * 1024 * 1024;

/// The SHA-256 of `new`, in base64.
const SHA256_OF_NEW: &str = "EVB6Di9eadXfpApiob17buV+a82FxnybhDGzb/8hxDc=";

/// The sizes of a source, tried one after the other: most stores copy the smallest.
pub(super) const SIZES: [usize; 2] = [16, PART];

/// Tries `UploadPartCopy` with `x-amz-copy-source-if-match`.
pub(super) async fn part_source(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (source, before) = scratch.object("source", b"before").await?;
    let (bytes, now) = put_bytes(scratch, &source, b"now", PART).await?;
    let (of_before, of_now) = (scratch.key("of-before")?, scratch.key("of-now")?);
    for (target, etag) in [(&of_before, before), (&of_now, now)] {
        let upload_id = scratch.upload(target).await?;
        let part = copy_part(scratch, &source, Some(&etag), target, &upload_id).await?;
        // The part can be read only after the completion.
        if let Some(part) = part {
            complete(scratch, target, &upload_id, &part, |complete| complete).await?;
        }
    }
    Ok(Seen {
        held_back: scratch.is_absent(&of_before).await?,
        done: scratch.holds(&of_now, &bytes).await?,
    })
}

/// Tries `UploadPartCopy` with a key that names another object if it is decoded twice. A key that cannot be decoded twice is
/// not tried: it makes some stores abort.
pub(super) async fn part_source_key(scratch: &mut Scratch<'_>) -> Result<Seen, Error> {
    let (named, twin, target) = (scratch.key("key%41")?, scratch.key("keyA")?, scratch.key("target")?);
    for size in SIZES {
        let (bytes, _) = put_bytes(scratch, &named, b"named", size).await?;
        put_bytes(scratch, &twin, b"twin", size).await?;
        copy_whole(scratch, &named, &target).await?;
        let is_absent = scratch.is_absent(&target).await?;
        let done = !is_absent && scratch.holds(&target, &bytes).await?;
        if !is_absent {
            return Ok(Seen { held_back: done, done });
        }
    }
    Ok(Seen {
        held_back: true,
        done: false,
    })
}

/// Returns `true` if an object can be copied as a part.
pub(super) async fn part_is_copied(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let (source, target) = (scratch.key("source")?, scratch.key("target")?);
    for size in SIZES {
        let (bytes, _) = put_bytes(scratch, &source, b"new", size).await?;
        copy_whole(scratch, &source, &target).await?;
        if scratch.holds(&target, &bytes).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies an object by an upload of one part.
async fn copy_whole(scratch: &mut Scratch<'_>, source: &ObjectKey, target: &ObjectKey) -> Result<(), Error> {
    let upload_id = scratch.upload(target).await?;
    if let Some(part) = copy_part(scratch, source, None, target, &upload_id).await? {
        complete(scratch, target, &upload_id, &part, |complete| complete).await?;
    }
    Ok(())
}

/// Tries `CompleteMultipartUpload` with `If-None-Match: *`.
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

/// Tries `CompleteMultipartUpload` with `If-Match`: over another version, over nothing, over the right version.
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

/// Puts an object of this size that begins so, with the timeouts of a copy, for slow lines. Returns its bytes and its `ETag`.
pub(super) async fn put_bytes(
    scratch: &Scratch<'_>,
    key: &ObjectKey,
    beginning: &[u8],
    size: usize,
) -> Result<(Vec<u8>, ETag), Error> {
    let mut bytes = vec![0; size];
    bytes[..beginning.len()].copy_from_slice(beginning);
    let call = scratch.call(Operation::PutObject, key);
    let request = scratch
        .s3
        .client
        .put_object()
        .bucket(scratch.bucket())
        .key(key.as_str());
    let request = request
        .body(bytes.clone().into())
        .customize()
        .config_override(scratch.s3.part_config());
    let put = request.send().await.map_err(|error| call.failed(&error))?;
    let etag = put.e_tag().and_then(|etag| etag.parse().ok());
    let etag = etag.ok_or_else(|| call.unexpected("the answer lacks an ETag"))?;
    Ok((bytes, etag))
}

/// Returns the `ETag` of part 1, if the store reports that it was copied.
pub(super) async fn copy_part(
    scratch: &Scratch<'_>,
    source: &ObjectKey,
    etag: Option<&ETag>,
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
        .set_copy_source_if_match(etag.map(ETag::quoted));
    let copied = answer(scratch.call(Operation::UploadPartCopy, target), request.send().await)?;
    Ok(copied.and_then(|copied| copied.copy_part_result?.e_tag))
}

/// Creates an upload with the part `new`, which only has to be completed, and returns the `ETag` of the part.
pub(super) async fn uploaded(scratch: &Scratch<'_>, target: &ObjectKey) -> Result<(UploadId, String), Error> {
    let upload_id = scratch.upload(target).await?;
    let part = put_part(scratch, target, &upload_id).await?;
    Ok((upload_id, part))
}

/// Sends `new` as the only part, and returns its `ETag`.
pub(super) async fn put_part(scratch: &Scratch<'_>, target: &ObjectKey, id: &UploadId) -> Result<String, Error> {
    let call = scratch.call(Operation::UploadPart, target);
    let request = scratch
        .s3
        .client
        .upload_part()
        .bucket(scratch.bucket())
        .key(target.as_str())
        .upload_id(id.as_str())
        .part_number(1)
        .body(ByteStream::from_static(b"new"));
    let part = request.send().await.map_err(|error| call.failed(&error))?;
    part.e_tag.ok_or_else(|| call.unexpected("the answer lacks an ETag"))
}

/// Returns `true` if the list of an upload's parts has the SHA-256 that they were uploaded with.
pub(super) async fn lists_checksums(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let target = scratch.key("target")?;
    let call = scratch.call(Operation::CreateMultipartUpload, &target);
    let client = &scratch.s3.client;
    let request = client.create_multipart_upload().bucket(scratch.bucket());
    let request = request
        .key(target.as_str())
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    let begun = answer(call, request.send().await)?;
    let Some(id) = begun.and_then(|begun| begun.upload_id).map(UploadId::new) else {
        return Ok(false);
    };
    scratch.remember_upload(&target, &id);
    let part = client.upload_part().bucket(scratch.bucket()).key(target.as_str());
    let part = part.upload_id(id.as_str()).part_number(1);
    let part = part
        .checksum_sha256(SHA256_OF_NEW)
        .body(ByteStream::from_static(b"new"));
    answer(scratch.call(Operation::UploadPart, &target), part.send().await)?;
    let list = ListParts {
        bucket: scratch.draft_bucket(),
        key: &target,
        upload_id: &id,
        after: None,
        max_parts: None,
    };
    match calls::list_parts(scratch.s3, &list).await {
        Ok(page) => Ok(page.parts.iter().any(|part| part.checksum_sha256.is_some())),
        Err(error) if is_trouble(error.kind) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Returns `true` if the store reports that it completed the upload.
pub(super) async fn complete(
    scratch: &Scratch<'_>,
    target: &ObjectKey,
    upload_id: &UploadId,
    part: &str,
    under_condition: impl FnOnce(CompleteMultipartUploadFluentBuilder) -> CompleteMultipartUploadFluentBuilder,
) -> Result<bool, Error> {
    let request = scratch
        .s3
        .client
        .complete_multipart_upload()
        .bucket(scratch.bucket())
        .key(target.as_str())
        .upload_id(upload_id.as_str())
        .multipart_upload(only_part(part));
    let request = under_condition(request);
    let completed = answer(
        scratch.call(Operation::CompleteMultipartUpload, target),
        request.send().await,
    )?;
    Ok(completed.is_some())
}
