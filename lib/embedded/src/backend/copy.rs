//! `CopyObject`: adds references to the source's blobs in one transaction, without copying bytes, so that a copy is
//! never torn. The copy keeps the source's ETag, checksums and part sizes.

use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective};
use s3s::{S3Request, S3Result, s3_error};

use super::{Backend, MAX_PUT, attributes, strong_etag, unsupported};
use crate::checksums::Algorithm;
use crate::clock;
use crate::conditions::{ReadCondition, WriteCondition, no_such_key};
use crate::index::{ObjectRecord, Tables};

pub(super) async fn copy(backend: &Backend, req: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    unsupported::reject_headers(&req.headers)?;
    let condition = WriteCondition::from_headers(&req.headers)?;
    let mut input = req.input;
    let source = SourceObject::from_header(&input.copy_source)?;
    let source_condition = ReadCondition {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let replace = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => None,
        Some(MetadataDirective::REPLACE) => Some(attributes::from_copy(&mut input)?),
        Some(_) => {
            let message = "The value of x-amz-metadata-directive must be COPY or REPLACE.";
            return Err(s3_error!(InvalidArgument, "{message}"));
        }
    };
    let CopyObjectInput { bucket, key, .. } = input;
    if replace.is_none() && source.bucket == bucket && source.key == key {
        let message = "This copy request is illegal because it is trying to copy an object to itself without \
                       changing the object's metadata.";
        return Err(s3_error!(InvalidRequest, "{message}"));
    }
    let copy = move |tables: &mut Tables<'_>| {
        tables.bucket(&bucket)?;
        tables.bucket(&source.bucket)?;
        let original = tables.object(&source.bucket, &source.key)?.ok_or_else(no_such_key)?;
        source_condition.check_source(&original)?;
        condition.check(tables.object(&bucket, &key)?.as_ref())?;
        if original.size > MAX_PUT {
            let message =
                "The specified copy source is larger than the maximum allowable size for a copy source: 5 GiB.";
            return Err(s3_error!(InvalidRequest, "{message}").into());
        }
        tables.retain(&original.segments)?;
        let copied = ObjectRecord {
            modified_ms: clock::now_ms(),
            attributes: replace.unwrap_or_else(|| original.attributes.clone()),
            ..original
        };
        tables.put_object(&bucket, &key, &copied)?;
        Ok(copied)
    };
    let copied = backend.index.write(copy).await?;
    let checksum = |algorithm| copied.checksums.get(algorithm);
    let result = CopyObjectResult {
        checksum_crc32: checksum(Algorithm::Crc32),
        checksum_crc32c: checksum(Algorithm::Crc32c),
        checksum_crc64nvme: checksum(Algorithm::Crc64Nvme),
        checksum_sha1: checksum(Algorithm::Sha1),
        checksum_sha256: checksum(Algorithm::Sha256),
        checksum_type: copied.checksums.kind(),
        e_tag: Some(strong_etag(copied.etag)),
        last_modified: Some(clock::timestamp(copied.modified_ms)),
    };
    Ok(CopyObjectOutput {
        copy_object_result: Some(result),
        ..CopyObjectOutput::default()
    })
}

/// The bucket and key of a copy source.
#[derive(Debug, Clone)]
pub(super) struct SourceObject {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl SourceObject {
    /// # Errors
    /// Returns 501 for an ARN, and an error for a version ID other than `null`.
    pub(super) fn from_header(header: &CopySource) -> S3Result<Self> {
        match header {
            CopySource::Bucket {
                bucket,
                key,
                version_id,
            } => {
                unsupported::reject_version(version_id.as_deref())?;
                Ok(Self {
                    bucket: bucket.to_string(),
                    key: key.to_string(),
                })
            }
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Err(s3_error!(
                NotImplemented,
                "This store does not support ARNs: give the copy source as bucket/key."
            )),
        }
    }
}
