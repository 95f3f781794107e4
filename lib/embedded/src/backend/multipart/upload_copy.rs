//! `UploadPartCopy`: a part that refers to the source's blobs. Its `ETag` is the MD5 of its bytes, so they are read
//! unless the source's own `ETag` is that very MD5; they are never copied.

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{CopyPartResult, Range, UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{S3Request, S3Result, s3_error};

use super::super::copy::Source;
use super::super::{Backend, MAX_PUT, strong, unsupported};
use super::part_number;
use crate::blobs::{Lease, Segment, digest};
use crate::checksums::{Algorithm, Checksums, UploadChecksum, hasher};
use crate::clock;
use crate::conditions::{ReadCondition, no_such_key};
use crate::index::{ObjectRecord, PartRecord, Tables};

/// How often a source that changes under the copy is read again.
const ATTEMPTS: usize = 3;

pub(in super::super) async fn upload_copy(
    backend: &Backend,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    unsupported::refuse(&req.headers)?;
    let input = req.input;
    let number = part_number(input.part_number)?;
    let source = Source::from(&input.copy_source)?;
    let condition = ReadCondition {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let (bucket, key, upload_id) = (input.bucket, input.key, input.upload_id);
    let (in_bucket, of_key, id) = (bucket.clone(), key.clone(), upload_id.clone());
    let upload = backend
        .read(move |snapshot| snapshot.upload(&in_bucket, &of_key, &id))
        .await?;

    for _ in 0..ATTEMPTS {
        let (object, lease) = backend.open(source.bucket.clone(), source.key.clone()).await?;
        condition.check_source(&object)?;
        let bytes = range(input.copy_source_range.as_deref(), object.size)?;
        let part = hash(backend, &object, lease, bytes, upload.checksum).await?;

        let (bucket, key, upload_id, source) = (bucket.clone(), key.clone(), upload_id.clone(), source.clone());
        let output = result(&part);
        let put = move |tables: &mut Tables<'_>| {
            tables.upload(&bucket, &key, &upload_id)?;
            let now = tables.object(&source.bucket, &source.key)?.ok_or_else(no_such_key)?;
            if now != object {
                return Ok(false);
            }
            tables.retain(&part.segments)?;
            tables.put_part(&upload_id, number, &part)?;
            Ok(true)
        };
        if backend.index.write(put).await? {
            return Ok(output);
        }
    }
    Err(s3_error!(
        ConditionalRequestConflict,
        "The copy source kept changing while it was copied."
    ))
}

/// # Errors
/// `InvalidArgument` for a range that is not within the source, `InvalidRequest` for one over 5 GiB.
fn range(header: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
    let bytes = match header {
        None => 0..size,
        Some(header) => match Range::parse(header) {
            Ok(Range::Int {
                first,
                last: Some(last),
            }) if last < size => first..last + 1,
            _ => {
                let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first \
                               and last are the zero-based offsets of the first and last bytes to copy";
                return Err(s3_error!(InvalidArgument, "{message} (the source has {size} bytes)."));
            }
        },
    };
    if bytes.end - bytes.start > MAX_PUT {
        return Err(s3_error!(
            InvalidRequest,
            "A part can be at most 5 GiB: give a x-amz-copy-source-range."
        ));
    }
    Ok(bytes)
}

async fn hash(
    backend: &Backend,
    object: &ObjectRecord,
    lease: Lease,
    bytes: std::ops::Range<u64>,
    checksum: Option<UploadChecksum>,
) -> S3Result<PartRecord> {
    let segments = Segment::slice(&object.segments, bytes.clone());
    let size = bytes.end - bytes.start;
    let wanted = checksum.map(|checksum| checksum.algorithm);
    let known = (size == object.size).then(|| known(object, wanted)).flatten();
    let (md5, checksums) = if let Some(known) = known {
        known
    } else {
        let segments = segments.clone();
        let read = move || {
            let mut md5 = Md5::new();
            let mut sums = hasher(wanted);
            digest(lease, segments, |block| {
                md5.update(block);
                sums.update(block);
            })?;
            Ok((md5.finalize(), Checksums::of(&sums.finalize())))
        };
        backend.tasks.blocking(read).await?
    };
    Ok(PartRecord {
        md5,
        size,
        modified_ms: clock::now_ms(),
        checksums,
        segments,
    })
}

/// What the source's record says of its whole bytes, if it says all that the part needs.
fn known(object: &ObjectRecord, wanted: Option<Algorithm>) -> Option<([u8; 16], Checksums)> {
    let md5 = u128::from_str_radix(&object.etag, 16).ok()?.to_be_bytes();
    let enough = object.checksums.are_full() && wanted.is_none_or(|sum| object.checksums.get(sum).is_some());
    enough.then(|| (md5, object.checksums.clone()))
}

fn result(part: &PartRecord) -> UploadPartCopyOutput {
    let sum = |algorithm| part.checksums.get(algorithm);
    let result = CopyPartResult {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        e_tag: Some(strong(part.etag())),
        last_modified: Some(clock::timestamp(part.modified_ms)),
    };
    UploadPartCopyOutput {
        copy_part_result: Some(result),
        ..UploadPartCopyOutput::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_lies_within_the_source() {
        assert_eq!(range(None, 10).unwrap(), 0..10);
        assert_eq!(range(Some("bytes=2-9"), 10).unwrap(), 2..10);
        for bad in ["bytes=2-10", "bytes=2-", "bytes=-3", "2-3", "bytes=3-2"] {
            assert!(range(Some(bad), 10).is_err(), "{bad}");
        }
    }
}
