//! `CopyObject`: adds references to the source's blobs in one transaction, without copying bytes, so that a copy is
//! never torn. The copy keeps the source's ETag, checksums and part sizes.

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, MetadataDirective, StorageClass, TaggingDirective,
};
use s3s::{S3Request, S3Result, s3_error};

use super::object_lock::LockHeaders;
use super::storage_class::require_readable;
use super::version::source_version;
use super::{Backend, MAX_PUT, attributes, strong_etag, tags, unsupported};
use crate::checksums::Algorithm;
use crate::clock;
use crate::conditions::{ReadCondition, WriteCondition};
use crate::events::NewVersion;
use crate::index::{ObjectAttributes, ObjectClass, ObjectRecord, Tables, VersionSelector, VersionStamp};

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
    let now_ms = backend.clock.now_ms();
    // Locks and class are those of the request, never those of the source.
    let lock = LockHeaders {
        mode: input.object_lock_mode.take(),
        until: input.object_lock_retain_until_date.take(),
        legal_hold: input.object_lock_legal_hold_status.take(),
    };
    let lock = lock.into_lock(now_ms)?;
    let class = ObjectClass::parse(input.storage_class.as_ref().map(StorageClass::as_str))?;
    let is_moved = input.storage_class.is_some();
    let replace = match input.metadata_directive.as_ref().map(MetadataDirective::as_str) {
        None | Some(MetadataDirective::COPY) => None,
        Some(MetadataDirective::REPLACE) => Some(attributes::from_copy(&mut input, now_ms)?),
        Some(_) => {
            let message = "The value of x-amz-metadata-directive must be COPY or REPLACE.";
            return Err(s3_error!(InvalidArgument, "{message}"));
        }
    };
    let new_tags = match input.tagging_directive.as_ref().map(TaggingDirective::as_str) {
        None | Some(TaggingDirective::COPY) => None,
        Some(TaggingDirective::REPLACE) => Some(tags::from_header(input.tagging.as_deref())?),
        Some(_) => {
            return Err(s3_error!(
                InvalidArgument,
                "The value of x-amz-tagging-directive must be COPY or REPLACE."
            ));
        }
    };
    let CopyObjectInput { bucket, key, .. } = input;
    let is_itself = source.bucket == bucket && source.key == key && source.version == VersionSelector::Current;
    if replace.is_none() && !is_moved && is_itself {
        let message = "This copy request is illegal because it is trying to copy an object to itself without \
                       changing the object's metadata or storage class.";
        return Err(s3_error!(InvalidRequest, "{message}"));
    }
    let created_as = (bucket.clone(), key.clone());
    let copy = move |tables: &mut Tables<'_>| {
        let of = tables.bucket(&bucket)?;
        let lock = of.lock_new(lock, now_ms)?;
        let source_versioning = tables.bucket(&source.bucket)?.versioning;
        let original = tables.version(&source.bucket, &source.key, source.version)?;
        let original = source_version(original, source.version)?;
        source_condition.check_source(&original)?;
        require_readable(&original, now_ms)?;
        condition.check(tables.object(&bucket, &key)?.as_ref())?;
        if original.size > MAX_PUT {
            let message =
                "The specified copy source is larger than the maximum allowable size for a copy source: 5 GiB.";
            return Err(s3_error!(InvalidRequest, "{message}").into());
        }
        tables.retain(&original.segments)?;
        let source_id = source_versioning.visible_id(original.version);
        let copy = ObjectRecord {
            version: VersionStamp::new(now_ms),
            modified_ms: now_ms,
            upload_id: None,
            restored: None,
            attributes: ObjectAttributes {
                class,
                lock,
                tags: new_tags.unwrap_or_else(|| original.attributes.tags.clone()),
                ..replace.unwrap_or_else(|| original.attributes.clone())
            },
            ..original
        };
        let copied = tables.put_object(&of, &bucket, &key, copy)?;
        let id = of.versioning.new_id(copied.version);
        Ok((copied, id, source_id))
    };
    let (copied, version_id, copy_source_version_id) = backend.index.write(copy).await?;
    let created = NewVersion::of(created_as, &copied, now_ms);
    backend.events.created("Copy", created);
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
        copy_source_version_id,
        version_id,
        ..CopyObjectOutput::default()
    })
}

/// The version that a copy source names.
#[derive(Debug, Clone)]
pub(super) struct SourceObject {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) version: VersionSelector,
}

impl SourceObject {
    /// # Errors
    /// Returns 501 for an ARN, and 400 for a version ID that no version here has.
    pub(super) fn from_header(header: &CopySource) -> S3Result<Self> {
        match header {
            CopySource::Bucket {
                bucket,
                key,
                version_id,
            } => {
                let version = VersionSelector::parse(version_id.as_deref())?;
                Ok(Self {
                    version,
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
