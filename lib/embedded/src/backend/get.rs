//! `GetObject` and `HeadObject`.

use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use s3s::dto::{
    ChecksumMode, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob, Timestamp,
    TimestampFormat,
};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::list::count;
use super::storage_class::require_readable;
use super::version::{VersionedObject, object_version};
use super::{Backend, strong_etag, to_i64};
use crate::blobs::{BlobStream, Lease, Segment};
use crate::checksums::{Algorithm, Checksums};
use crate::clock;
use crate::conditions::{FailedCondition, ReadCondition, precondition_failed};
use crate::index::{ObjectRecord, Version, VersionSelector};

const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

pub(super) async fn get(backend: &Backend, req: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
    let input = req.input;
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let condition = ReadCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let opened = backend.open(input.bucket, input.key, wanted, object_version).await?;
    let (VersionedObject { object, version_id }, lease) = opened;
    let requested = RequestedRange {
        range: input.range.filter(|_| matches_if_range(&req.headers, &object)),
        part: input.part_number,
    };
    condition.check(&object).map_err(|reason| read_error(reason, &object))?;
    let now_ms = backend.clock.now_ms();
    require_readable(&object, now_ms)?;
    let resolved = requested.resolve(&object)?;
    let segments = Segment::slice(&object.segments, resolved.bytes.clone());
    let body = StreamingBlob::new(BlobStream::new(backend.tasks.clone(), lease, segments));
    let sums = visible_checksums(&object, input.checksum_mode.as_ref(), &resolved);
    let attributes = object.attributes;
    let (object_lock_mode, object_lock_retain_until_date, object_lock_legal_hold_status) = attributes.lock.headers();
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".into()),
        body: Some(body),
        cache_control: attributes.cache_control,
        checksum_crc32: sums.get(Algorithm::Crc32),
        checksum_crc32c: sums.get(Algorithm::Crc32c),
        checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
        checksum_sha1: sums.get(Algorithm::Sha1),
        checksum_sha256: sums.get(Algorithm::Sha256),
        checksum_type: sums.kind(),
        content_disposition: attributes.content_disposition,
        content_encoding: attributes.content_encoding,
        content_language: attributes.content_language,
        content_length: Some(to_i64(resolved.bytes.end - resolved.bytes.start)),
        content_range: resolved.content_range(object.size),
        content_type: Some(attributes.content_type.unwrap_or_else(|| DEFAULT_CONTENT_TYPE.into())),
        e_tag: Some(strong_etag(object.etag)),
        expires: attributes.expires_ms.map(clock::timestamp),
        last_modified: Some(clock::timestamp(object.modified_ms)),
        metadata: Some(attributes.metadata.into_iter().collect()),
        object_lock_legal_hold_status,
        object_lock_mode,
        object_lock_retain_until_date,
        parts_count: resolved.parts,
        restore: object.restored.and_then(|restored| restored.header(now_ms)),
        storage_class: attributes.class.header(),
        tag_count: Some(count(attributes.tags.len())).filter(|count| *count > 0),
        version_id,
        ..GetObjectOutput::default()
    })
}

pub(super) async fn head(backend: &Backend, input: HeadObjectInput) -> S3Result<S3Response<HeadObjectOutput>> {
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let condition = ReadCondition {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let requested = RequestedRange {
        range: input.range,
        part: input.part_number,
    };
    let VersionedObject { object, version_id } = backend.object(input.bucket, input.key, wanted).await?;
    condition.check(&object).map_err(|reason| read_error(reason, &object))?;
    let resolved = requested.resolve(&object)?;
    let sums = visible_checksums(&object, input.checksum_mode.as_ref(), &resolved);
    let now_ms = backend.clock.now_ms();
    let attributes = object.attributes;
    let tags = attributes.tags.len();
    let (object_lock_mode, object_lock_retain_until_date, object_lock_legal_hold_status) = attributes.lock.headers();
    let output = HeadObjectOutput {
        accept_ranges: Some("bytes".into()),
        cache_control: input.response_cache_control.or(attributes.cache_control),
        checksum_crc32: sums.get(Algorithm::Crc32),
        checksum_crc32c: sums.get(Algorithm::Crc32c),
        checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
        checksum_sha1: sums.get(Algorithm::Sha1),
        checksum_sha256: sums.get(Algorithm::Sha256),
        checksum_type: sums.kind(),
        content_disposition: input.response_content_disposition.or(attributes.content_disposition),
        content_encoding: input.response_content_encoding.or(attributes.content_encoding),
        content_language: input.response_content_language.or(attributes.content_language),
        content_length: Some(to_i64(resolved.bytes.end - resolved.bytes.start)),
        content_range: resolved.content_range(object.size),
        content_type: input
            .response_content_type
            .or(attributes.content_type)
            .or_else(|| Some(DEFAULT_CONTENT_TYPE.into())),
        e_tag: Some(strong_etag(object.etag)),
        expires: input.response_expires.or(attributes.expires_ms.map(clock::timestamp)),
        last_modified: Some(clock::timestamp(object.modified_ms)),
        metadata: Some(attributes.metadata.into_iter().collect()),
        object_lock_legal_hold_status,
        object_lock_mode,
        object_lock_retain_until_date,
        parts_count: resolved.parts,
        restore: object.restored.and_then(|restored| restored.header(now_ms)),
        storage_class: attributes.class.header(),
        version_id,
        ..HeadObjectOutput::default()
    };
    let status = if resolved.partial {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut response = S3Response::with_status(output, status);
    if tags > 0 {
        // The output of `s3s` has no field for it.
        let name = HeaderName::from_static("x-amz-tagging-count");
        response.headers.insert(name, HeaderValue::from(tags));
    }
    Ok(response)
}

/// Evaluates `If-Range`: returns true if a partial download of the caller belongs to this object and can be resumed.
fn matches_if_range(headers: &HeaderMap, object: &ObjectRecord) -> bool {
    let Some(validator) = headers
        .get(header::IF_RANGE)
        .map(|value| value.to_str().unwrap_or_default())
    else {
        return true;
    };
    let date = Timestamp::parse(TimestampFormat::HttpDate, validator);
    date.map_or(validator == format!("\"{}\"", object.etag), |date| {
        clock::timestamp_seconds(&date) == clock::seconds(object.modified_ms)
    })
}

impl Backend {
    /// Returns a version and a lease on its blobs, which stay readable even if the key is overwritten or deleted. The
    /// errors are those of `check`.
    pub(super) async fn open(
        &self,
        bucket: String,
        key: String,
        wanted: VersionSelector,
        check: fn(Option<Version>, VersionSelector) -> S3Result<ObjectRecord>,
    ) -> S3Result<(VersionedObject, Lease)> {
        let (index, blobs) = (Arc::clone(&self.index), Arc::clone(&self.blobs));
        let open = move || {
            let mut snapshot = index.snapshot()?;
            let mut found = snapshot.version(&bucket, &key, wanted)?;
            loop {
                let object = check(found.version, wanted)?;
                let version_id = found.id;
                let inline = snapshot.inline_blobs(&object.segments)?;
                let blobs_of_object = object.segments.iter().map(|segment| segment.blob);
                let files: Vec<_> = blobs_of_object.filter(|blob| !inline.contains_key(blob)).collect();
                let has_files = !files.is_empty();
                let lease = blobs.lease(files, inline);
                if !has_files {
                    return Ok((VersionedObject { object, version_id }, lease));
                }
                // The files may have been removed between reading the record and taking the lease. If the record is
                // unchanged afterwards, they had not been.
                snapshot = index.snapshot()?;
                found = snapshot.version(&bucket, &key, wanted)?;
                if found.version.as_ref().and_then(Version::object) == Some(&object) {
                    return Ok((VersionedObject { object, version_id }, lease));
                }
            }
        };
        self.tasks.run_blocking(open).await
    }
}

/// The bytes that a request asks for.
struct RequestedRange {
    range: Option<s3s::dto::Range>,
    part: Option<i32>,
}

/// The bytes of an object that a request resolves to.
struct ResolvedRange {
    bytes: std::ops::Range<u64>,
    partial: bool,
    /// The index of the part that the request named.
    part: Option<usize>,
    /// The number of parts, if the request named a part.
    parts: Option<i32>,
}

impl RequestedRange {
    /// # Errors
    /// Returns 416 if the object has no such bytes.
    fn resolve(&self, object: &ObjectRecord) -> S3Result<ResolvedRange> {
        match (self.range, self.part) {
            (None, None) => Ok(ResolvedRange {
                bytes: 0..object.size,
                partial: false,
                part: None,
                parts: None,
            }),
            (Some(range), None) => {
                let bytes = range.check(object.size).map_err(|_| invalid_range(object.size))?;
                Ok(ResolvedRange {
                    bytes,
                    partial: true,
                    part: None,
                    parts: None,
                })
            }
            (None, Some(number)) => {
                let sizes: Vec<u64> = if object.parts.is_empty() {
                    vec![object.size]
                } else {
                    object.parts.iter().map(|part| part.size).collect()
                };
                let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
                let Some((index, size)) = index.and_then(|index| Some((index, sizes.get(index)?))) else {
                    return Err(no_such_part());
                };
                let start: u64 = sizes[..index].iter().sum();
                let parts = (!object.parts.is_empty()).then(|| i32::try_from(sizes.len()).unwrap_or(i32::MAX));
                Ok(ResolvedRange {
                    bytes: start..start + size,
                    partial: object.size > 0,
                    part: Some(index),
                    parts,
                })
            }
            (Some(_), Some(_)) => Err(s3_error!(
                InvalidRequest,
                "Cannot specify both Range header and partNumber query parameter"
            )),
        }
    }
}

impl ResolvedRange {
    fn content_range(&self, size: u64) -> Option<String> {
        let Range { start, end } = self.bytes;
        self.partial
            .then(|| format!("bytes {start}-{}/{size}", end.saturating_sub(1)))
    }
}

/// The checksums to return: those of the named part, those of the object if all of it is returned, otherwise none.
fn visible_checksums(object: &ObjectRecord, mode: Option<&ChecksumMode>, resolved: &ResolvedRange) -> Checksums {
    let wanted = mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case(ChecksumMode::ENABLED));
    let whole = resolved.bytes == (0..object.size);
    match resolved.part.and_then(|index| object.parts.get(index)) {
        Some(part) if wanted => part.checksums.of_part(&object.checksums),
        None if wanted && whole => object.checksums.clone(),
        Some(_) | None => Checksums::default(),
    }
}

fn no_such_part() -> S3Error {
    let code = S3ErrorCode::Custom("InvalidPartNumber".into());
    let mut error = S3Error::with_message(code, "The requested partnumber is not satisfiable");
    error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
    error
}

fn invalid_range(size: u64) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    error.set_headers(single_header(&header::CONTENT_RANGE, &format!("bytes */{size}")));
    error
}

fn read_error(reason: FailedCondition, object: &ObjectRecord) -> S3Error {
    match reason {
        FailedCondition::Changed => precondition_failed("If-Match or If-Unmodified-Since"),
        FailedCondition::NotModified => {
            let mut error = s3_error!(NotModified);
            error.set_headers(single_header(&header::ETAG, &format!("\"{}\"", object.etag)));
            error
        }
    }
}

fn single_header(name: &header::HeaderName, value: &str) -> HeaderMap {
    HeaderValue::from_str(value)
        .into_iter()
        .map(|value| (name.clone(), value))
        .collect()
}
