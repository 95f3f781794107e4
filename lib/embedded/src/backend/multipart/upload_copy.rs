//! `UploadPartCopy`: a part that refers to the source's blobs, without copying bytes. Its ETag is the MD5 of its
//! bytes, so they are read unless the source's ETag already is that MD5.

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{CopyPartResult, Range, UploadPartCopyInput, UploadPartCopyOutput};
use s3s::{S3Request, S3Result, s3_error};

use super::super::copy::SourceObject;
use super::super::storage_class::require_readable;
use super::super::version::{VersionedObject, source_version};
use super::super::{Backend, MAX_PUT, strong_etag, unsupported};
use super::part_number;
use crate::blobs::{Lease, Segment, for_each_block};
use crate::checksums::{Algorithm, Checksums, UploadChecksum, hasher};
use crate::clock;
use crate::conditions::ReadCondition;
use crate::index::{ObjectRecord, PartRecord, Tables, Version};

/// The number of attempts to copy a source that changes meanwhile.
const ATTEMPTS: usize = 3;

pub(in super::super) async fn upload_copy(
    backend: &Backend,
    req: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    unsupported::reject_headers(&req.headers)?;
    let input = req.input;
    let number = part_number(input.part_number)?;
    let source = SourceObject::from_header(&input.copy_source)?;
    let condition = ReadCondition {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    let (bucket, key, upload_id) = (input.bucket, input.key, input.upload_id);
    let (in_bucket, in_key, id) = (bucket.clone(), key.clone(), upload_id.clone());
    let upload = backend
        .read(move |snapshot| snapshot.upload(&in_bucket, &in_key, &id))
        .await?;

    for _ in 0..ATTEMPTS {
        let opened = backend.open(
            source.bucket.clone(),
            source.key.clone(),
            source.version,
            source_version,
        );
        let (VersionedObject { object, version_id }, lease) = opened.await?;
        condition.check_source(&object)?;
        require_readable(&object, backend.clock.now_ms())?;
        let bytes = copy_range(input.copy_source_range.as_deref(), object.size)?;
        let part = hash_part(backend, &object, lease, bytes, upload.checksum).await?;

        let (bucket, key, upload_id, source) = (bucket.clone(), key.clone(), upload_id.clone(), source.clone());
        let output = output(&part, version_id);
        let put = move |tables: &mut Tables<'_>| {
            tables.upload(&bucket, &key, &upload_id)?;
            let now = tables.version(&source.bucket, &source.key, source.version)?;
            if now != Some(Version::Object(object)) {
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
        "The copy source changed during each of {ATTEMPTS} attempts. Please try again."
    ))
}

/// # Errors
/// Returns `InvalidArgument` for a range outside the source, and `InvalidRequest` for one larger than 5 GiB.
fn copy_range(header: Option<&str>, size: u64) -> S3Result<std::ops::Range<u64>> {
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
            "A part must not be larger than 5 GiB: send x-amz-copy-source-range with a smaller range."
        ));
    }
    Ok(bytes)
}

async fn hash_part(
    backend: &Backend,
    object: &ObjectRecord,
    lease: Lease,
    bytes: std::ops::Range<u64>,
    checksum: Option<UploadChecksum>,
) -> S3Result<PartRecord> {
    let segments = Segment::slice(&object.segments, bytes.clone());
    let size = bytes.end - bytes.start;
    let wanted = checksum.map(|checksum| checksum.algorithm);
    let known_digests = (size == object.size).then(|| known_digests(object, wanted)).flatten();
    let (md5, checksums) = if let Some(known_digests) = known_digests {
        known_digests
    } else {
        let segments = segments.clone();
        let read = move || {
            let mut md5 = Md5::new();
            let mut sums = hasher(wanted);
            for_each_block(lease, segments, |block| {
                md5.update(block);
                sums.update(block);
            })?;
            Ok((md5.finalize(), Checksums::from_s3(&sums.finalize())))
        };
        backend.tasks.run_blocking(read).await?
    };
    Ok(PartRecord {
        md5,
        size,
        modified_ms: backend.clock.now_ms(),
        checksums,
        segments,
    })
}

/// Returns the MD5 and checksums of the whole source from its record, if it has all that the part needs.
fn known_digests(object: &ObjectRecord, wanted: Option<Algorithm>) -> Option<([u8; 16], Checksums)> {
    let md5 = u128::from_str_radix(&object.etag, 16).ok()?.to_be_bytes();
    let complete = object.checksums.cover_object() && wanted.is_none_or(|sum| object.checksums.get(sum).is_some());
    complete.then(|| (md5, object.checksums.clone()))
}

fn output(part: &PartRecord, copy_source_version_id: Option<String>) -> UploadPartCopyOutput {
    let sum = |algorithm| part.checksums.get(algorithm);
    let output = CopyPartResult {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        e_tag: Some(strong_etag(part.etag())),
        last_modified: Some(clock::timestamp(part.modified_ms)),
    };
    UploadPartCopyOutput {
        copy_part_result: Some(output),
        copy_source_version_id,
        ..UploadPartCopyOutput::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copy_range_must_lie_within_the_source() {
        assert_eq!(copy_range(None, 10).unwrap(), 0..10);
        assert_eq!(copy_range(Some("bytes=2-9"), 10).unwrap(), 2..10);
        for bad in ["bytes=2-10", "bytes=2-", "bytes=-3", "2-3", "bytes=3-2"] {
            assert!(copy_range(Some(bad), 10).is_err(), "{bad}");
        }
    }
}
