//! The version that a request names, and the errors where it is not an object.

use http::{HeaderMap, HeaderName, HeaderValue};
use s3s::{S3Result, s3_error};

use super::Backend;
use crate::clock;
use crate::conditions::no_such_key;
use crate::index::{
    BucketRecord, FoundVersion, ObjectRecord, Tables, Version, VersionSelector, VersionStamp, no_such_version,
};

/// An object with the version ID that responses contain.
#[derive(Debug)]
pub(super) struct VersionedObject {
    pub(super) object: ObjectRecord,
    /// None if the bucket never had versions.
    pub(super) version_id: Option<String>,
}

/// # Errors
/// Returns 404 if there is no such version or the current one is a delete marker, and 405 for a delete marker that is named
/// by its ID.
pub(super) fn object_version(version: Option<Version>, wanted: VersionSelector) -> S3Result<ObjectRecord> {
    match (version, wanted) {
        (Some(Version::Object(object)), _) => Ok(object),
        (None, VersionSelector::Current) => Err(no_such_key()),
        (None, VersionSelector::Null | VersionSelector::Stamp(_)) => Err(no_such_version()),
        (Some(Version::DeleteMarker(marker)), VersionSelector::Current) => {
            let mut error = no_such_key();
            error.set_headers(marker_headers(marker));
            Err(error)
        }
        (Some(Version::DeleteMarker(marker)), VersionSelector::Null | VersionSelector::Stamp(_)) => {
            let mut error = s3_error!(
                MethodNotAllowed,
                "The specified method is not allowed against this resource."
            );
            let mut headers = marker_headers(marker);
            headers.insert(http::header::ALLOW, HeaderValue::from_static("DELETE"));
            if let Ok(modified) = HeaderValue::from_str(&clock::http_date(marker.stored_ms())) {
                headers.insert(http::header::LAST_MODIFIED, modified);
            }
            error.set_headers(headers);
            Err(error)
        }
    }
}

/// Returns the source of a copy.
///
/// # Errors
/// Returns 404 if there is no such version, and 400 for a delete marker that is named by its ID.
pub(super) fn source_version(version: Option<Version>, wanted: VersionSelector) -> S3Result<ObjectRecord> {
    match (&version, wanted) {
        (Some(Version::DeleteMarker(_)), VersionSelector::Null | VersionSelector::Stamp(_)) => Err(s3_error!(
            InvalidRequest,
            "The source of a copy request may not specifically refer to a delete marker by version id."
        )),
        _ => object_version(version, wanted),
    }
}

fn marker_headers(marker: VersionStamp) -> HeaderMap {
    let id = HeaderValue::from_str(&marker.id()).into_iter();
    let id = id.map(|id| (HeaderName::from_static("x-amz-version-id"), id));
    let deleted = HeaderName::from_static("x-amz-delete-marker");
    id.chain([(deleted, HeaderValue::from_static("true"))]).collect()
}

/// The outcome of a change to a version.
pub(super) struct Updated<T> {
    pub(super) value: T,
    /// None if the bucket never had versions.
    pub(super) version_id: Option<String>,
}

impl Backend {
    /// Changes the record of a version in one transaction, unless `change` returns an error.
    ///
    /// # Errors
    /// Returns the errors of [`Self::object`], and those of `change`.
    pub(super) async fn update_object<T: Send + 'static>(
        &self,
        bucket: String,
        key: String,
        wanted: VersionSelector,
        change: impl FnOnce(&BucketRecord, &mut ObjectRecord) -> S3Result<T> + Send + 'static,
    ) -> S3Result<Updated<T>> {
        let update = move |tables: &mut Tables<'_>| {
            let of = tables.bucket(&bucket)?;
            let mut object = object_version(tables.version(&bucket, &key, wanted)?, wanted)?;
            let value = change(&of, &mut object)?;
            tables.update_object(&bucket, &key, &object)?;
            Ok(Updated {
                value,
                version_id: of.versioning.visible_id(object.version),
            })
        };
        self.index.write(update).await
    }

    /// # Errors
    /// Returns `NoSuchBucket`, `NoSuchKey` or `NoSuchVersion`, or 405 for a delete marker.
    pub(super) async fn object(
        &self,
        bucket: String,
        key: String,
        wanted: VersionSelector,
    ) -> S3Result<VersionedObject> {
        let find = move |snapshot: &crate::index::Snapshot| snapshot.version(&bucket, &key, wanted);
        let FoundVersion { version, id } = self.read(find).await?;
        Ok(VersionedObject {
            object: object_version(version, wanted)?,
            version_id: id,
        })
    }
}
