//! `CopyObject`: another reference to the same blobs, in one transaction, so that it is never torn and copies no
//! byte. The copy keeps the source's `ETag`, checksums and part sizes.

use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective};
use s3s::{S3Request, S3Result, s3_error};

use super::{Backend, MAX_PUT, attributes, strong, unsupported};
use crate::checksums::Algorithm;
use crate::clock;
use crate::conditions::{ReadCondition, WriteCondition, no_such_key};
use crate::index::{ObjectRecord, Tables};

pub(super) async fn copy(backend: &Backend, req: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    unsupported::refuse(&req.headers)?;
    let condition = WriteCondition::from_headers(&req.headers)?;
    let mut input = req.input;
    let source = Source::from(&input.copy_source)?;
    let source_condition = ReadCondition {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    };
    let replace = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => None,
        Some(MetadataDirective::REPLACE) => Some(attributes::of_copy(&mut input)?),
        Some(_) => return Err(s3_error!(InvalidArgument, "Unknown metadata directive.")),
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
    let sum = |algorithm| copied.checksums.get(algorithm);
    let result = CopyObjectResult {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: copied.checksums.kind(),
        e_tag: Some(strong(copied.etag)),
        last_modified: Some(clock::timestamp(copied.modified_ms)),
    };
    Ok(CopyObjectOutput {
        copy_object_result: Some(result),
        ..CopyObjectOutput::default()
    })
}

/// Where a copy comes from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Source {
    /// # Errors
    /// 501 for an ARN, and for a version there is none of.
    pub(super) fn from(header: &CopySource) -> S3Result<Self> {
        match header {
            CopySource::Bucket {
                bucket,
                key,
                version_id,
            } => {
                unsupported::refuse_version(version_id.as_deref())?;
                Ok(Self {
                    bucket: bucket.to_string(),
                    key: key.to_string(),
                })
            }
            CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => Err(s3_error!(
                NotImplemented,
                "This store knows no ARNs: name the source as bucket/key."
            )),
        }
    }
}
