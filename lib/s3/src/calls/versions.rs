//! Versions: `ListObjectVersions`, `DeleteObject` and `PutObjectLegalHold` by version, `GetBucketVersioning`.

use std::cmp::Reverse;

use aws_sdk_s3::types::{
    DeleteMarkerEntry, EncodingType, ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectVersion,
};
use draftstore_storage::{
    Error, ErrorKind, ListVersions, ListedBytes, ListedVersion, MainBucket, ObjectKey, Operation, VersionId,
    VersionPage,
};

use crate::S3Storage;
use crate::error::Call;
use crate::listing::{decoded, time};

pub(crate) async fn has_versions(s3: &S3Storage, bucket: &MainBucket) -> Result<bool, Error> {
    let call = Call::on_bucket(Operation::GetBucketVersioning, bucket.name());
    let request = s3.client.get_bucket_versioning().bucket(bucket.name().as_str());
    match request.send().await {
        Ok(versioning) => Ok(versioning.status().is_some()),
        Err(error) => match call.failed(&error) {
            error if error.kind == ErrorKind::Unsupported => Ok(false),
            error => Err(error),
        },
    }
}

/// Lists the versions of a key. The key is the prefix, so its own versions come first, before those of longer keys.
pub(crate) async fn list_versions(s3: &S3Storage, request: &ListVersions<'_>) -> Result<VersionPage, Error> {
    let ListVersions { bucket, key, after, .. } = request;
    let call = Call::on_key(Operation::ListObjectVersions, bucket.name(), key);
    let page = s3
        .client
        .list_object_versions()
        .bucket(bucket.name().as_str())
        .encoding_type(EncodingType::Url)
        .prefix(key.as_str())
        .set_key_marker(after.map(|_| key.to_string()))
        .set_version_id_marker(after.map(ToString::to_string))
        .max_keys(i32::from(request.max_versions))
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let encoding = page.encoding_type();
    let is_of_key = |listed: Option<&str>| -> Result<bool, Error> {
        Ok(decoded(call, encoding, listed.unwrap_or_default())? == key.as_str())
    };
    let mut versions = Vec::new();
    for version in page.versions() {
        if is_of_key(version.key())? {
            versions.push(listed(call, version)?);
        }
    }
    for marker in page.delete_markers() {
        if is_of_key(marker.key())? {
            versions.push(listed_marker(call, marker)?);
        }
    }
    // The parser separates the delete markers from the others.
    versions.sort_by_key(|version| (!version.is_current, Reverse(version.last_modified)));
    let continues = page.is_truncated() == Some(true) && is_of_key(page.next_key_marker())?;
    let next = page.next_version_id_marker().filter(|_| continues);
    Ok(VersionPage {
        versions,
        next: next.map(VersionId::new),
    })
}

fn listed(call: Call<'_>, version: &ObjectVersion) -> Result<ListedVersion, Error> {
    let etag = version.e_tag().and_then(|etag| etag.parse().ok());
    let size = version.size().and_then(|size| size.try_into().ok());
    Ok(ListedVersion {
        version_id: version_id(call, version.version_id())?,
        bytes: Some(ListedBytes {
            etag: etag.ok_or_else(|| call.unexpected("a version in the list lacks a strong ETag"))?,
            size: size.ok_or_else(|| call.unexpected("a version in the list lacks a size"))?,
        }),
        last_modified: time(call, version.last_modified())?,
        is_current: version.is_latest().unwrap_or_default(),
    })
}

fn listed_marker(call: Call<'_>, marker: &DeleteMarkerEntry) -> Result<ListedVersion, Error> {
    Ok(ListedVersion {
        version_id: version_id(call, marker.version_id())?,
        bytes: None,
        last_modified: time(call, marker.last_modified())?,
        is_current: marker.is_latest().unwrap_or_default(),
    })
}

fn version_id(call: Call<'_>, id: Option<&str>) -> Result<VersionId, Error> {
    let id = id.filter(|id| !id.is_empty()).map(VersionId::new);
    id.ok_or_else(|| call.unexpected("a version in the list lacks its ID"))
}

pub(crate) async fn delete_one_version(
    s3: &S3Storage,
    bucket: &MainBucket,
    key: &ObjectKey,
    version: &VersionId,
) -> Result<(), Error> {
    let call = Call::on_key(Operation::DeleteObject, bucket.name(), key);
    let request = s3
        .client
        .delete_object()
        .bucket(bucket.name().as_str())
        .key(key.as_str())
        .version_id(version.as_str());
    match request.send().await.map_err(|error| call.failed_on_version(&error)) {
        Err(error) if error.kind != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

pub(crate) async fn put_legal_hold(
    s3: &S3Storage,
    bucket: &MainBucket,
    key: &ObjectKey,
    version: &VersionId,
    is_held: bool,
) -> Result<(), Error> {
    let call = Call::on_key(Operation::PutObjectLegalHold, bucket.name(), key);
    let status = if is_held {
        ObjectLockLegalHoldStatus::On
    } else {
        ObjectLockLegalHoldStatus::Off
    };
    let request = s3
        .client
        .put_object_legal_hold()
        .bucket(bucket.name().as_str())
        .key(key.as_str())
        .version_id(version.as_str())
        .legal_hold(ObjectLockLegalHold::builder().status(status).build());
    request.send().await.map_err(|error| call.failed_on_version(&error))?;
    Ok(())
}
