//! The versioning of a bucket, and `ListObjectVersions`.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html>

use s3s::dto::{
    BucketVersioningStatus, CommonPrefix, DeleteMarkerEntry, GetBucketVersioningInput, GetBucketVersioningOutput,
    ListObjectVersionsInput, ListObjectVersionsOutput, MFADelete, ObjectVersion, ObjectVersionStorageClass,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};
use s3s::{S3Result, s3_error};

use super::list::{KeyEncoding, count};
use super::{Backend, owner, page_size, strong_etag, to_i64};
use crate::clock;
use crate::index::{ListEntry, ObjectRecord, Version, VersionEntry, VersionQuery, VersionSelector, Versioning};

pub(super) async fn get(backend: &Backend, input: GetBucketVersioningInput) -> S3Result<GetBucketVersioningOutput> {
    let bucket = backend.read(move |snapshot| snapshot.bucket(&input.bucket)).await?;
    let status = match bucket.versioning {
        Versioning::Unversioned => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    Ok(GetBucketVersioningOutput {
        mfa_delete: None,
        status: status.map(BucketVersioningStatus::from_static),
    })
}

/// Enables or suspends versions. Existing versions stay as they are.
pub(super) async fn put(backend: &Backend, input: PutBucketVersioningInput) -> S3Result<PutBucketVersioningOutput> {
    let wanted = input.versioning_configuration;
    if wanted.mfa_delete.is_some_and(|mfa| mfa.as_str() != MFADelete::DISABLED) {
        return Err(s3_error!(NotImplemented, "This store does not support MFA delete."));
    }
    let versioning = match wanted.status.as_ref().map(BucketVersioningStatus::as_str) {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => {
            return Err(s3_error!(
                MalformedXML,
                "The Status of a versioning configuration must be Enabled or Suspended."
            ));
        }
    };
    backend
        .update_bucket(input.bucket, move |bucket| {
            if bucket.lock.is_some() && versioning != Versioning::Enabled {
                return Err(s3_error!(
                    InvalidBucketState,
                    "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
                ));
            }
            bucket.versioning = versioning;
            Ok(())
        })
        .await?;
    Ok(PutBucketVersioningOutput::default())
}

pub(super) async fn list(backend: &Backend, input: ListObjectVersionsInput) -> S3Result<ListObjectVersionsOutput> {
    let encoding = KeyEncoding::from_request(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.clone().unwrap_or_default();
    let version_marker = input.version_id_marker.as_deref().filter(|marker| !marker.is_empty());
    if version_marker.is_some() && key_marker.is_empty() {
        return Err(s3_error!(
            InvalidArgument,
            "A version-id marker cannot be specified without a key marker."
        ));
    }
    let query = VersionQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        key_marker,
        version_marker: VersionSelector::parse(version_marker)?,
        max: page_size(input.max_keys)?,
    };
    let max_keys = count(query.max);
    let page = backend.read(move |snapshot| snapshot.list_versions(&query)).await?;
    let (next_key_marker, next_version_id_marker) = match page.entries.last().filter(|_| page.truncated) {
        Some(ListEntry::Item(key, entry)) => (Some(encoding.encode(key)), Some(entry.version.stamp().marker())),
        Some(ListEntry::CommonPrefix(prefix)) => (Some(encoding.encode(prefix)), None),
        None => (None, None),
    };
    let mut versions = Vec::new();
    let mut delete_markers = Vec::new();
    let mut common_prefixes = Vec::new();
    for entry in page.entries {
        match entry {
            ListEntry::CommonPrefix(prefix) => common_prefixes.push(CommonPrefix {
                prefix: Some(encoding.encode(&prefix)),
            }),
            ListEntry::Item(key, VersionEntry { version, is_latest }) => match version {
                Version::Object(object) => versions.push(object_version(encoding.encode(&key), object, is_latest)),
                Version::DeleteMarker(marker) => delete_markers.push(DeleteMarkerEntry {
                    is_latest: Some(is_latest),
                    key: Some(encoding.encode(&key)),
                    last_modified: Some(clock::timestamp(marker.stored_ms())),
                    owner: Some(owner()),
                    version_id: Some(marker.id()),
                }),
            },
        }
    }
    Ok(ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&input.prefix.unwrap_or_default())),
        key_marker: Some(encoding.encode(&input.key_marker.unwrap_or_default())),
        version_id_marker: input.version_id_marker,
        max_keys: Some(max_keys),
        is_truncated: Some(page.truncated),
        versions: Some(versions),
        delete_markers: Some(delete_markers),
        common_prefixes: Some(common_prefixes),
        delimiter: encoding.delimiter(input.delimiter),
        next_key_marker,
        next_version_id_marker,
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    })
}

fn object_version(key: String, object: ObjectRecord, is_latest: bool) -> ObjectVersion {
    ObjectVersion {
        checksum_type: object.checksums.kind(),
        e_tag: Some(strong_etag(object.etag)),
        is_latest: Some(is_latest),
        key: Some(key),
        last_modified: Some(clock::timestamp(object.modified_ms)),
        owner: Some(owner()),
        size: Some(to_i64(object.size)),
        storage_class: Some(ObjectVersionStorageClass::from_static(object.attributes.class.name())),
        version_id: Some(object.version.id()),
        ..ObjectVersion::default()
    }
}
