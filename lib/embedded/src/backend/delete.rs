//! `DeleteObject` and `DeleteObjects`.

use s3s::dto::{
    Delete, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error, ObjectIdentifier, Timestamp,
};
use s3s::{S3Request, S3Result, s3_error};

use super::Backend;
use crate::clock;
use crate::conditions::{WriteCondition, precondition_failed};
use crate::error::BackendError;
use crate::index::{BucketRecord, DeletePermit, ObjectRecord, Tables, Version, VersionSelector, VersionStamp};

/// The maximum number of keys in a `DeleteObjects` request.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const MAX_KEYS: usize = 1000;

/// The conditions that a delete puts on the object it removes.
#[derive(Debug, Default)]
struct DeleteCondition {
    etag: Option<ETagCondition>,
    modified: Option<Timestamp>,
    size: Option<i64>,
}

impl DeleteCondition {
    /// Returns true if there is no condition, so that any object may be deleted, or none.
    fn is_empty(&self) -> bool {
        self.etag.is_none() && self.modified.is_none() && self.size.is_none()
    }

    /// # Errors
    /// Returns 412 if a condition fails. If there is no object, an ETag gives 404 and the others succeed, as in S3.
    fn check(&self, current: Option<&ObjectRecord>) -> S3Result<()> {
        WriteCondition {
            if_match: self.etag.clone(),
            if_none_match: None,
        }
        .check(current)?;
        let Some(object) = current else { return Ok(()) };
        let seconds = self.modified.as_ref().map(clock::timestamp_seconds);
        if seconds.is_some_and(|seconds| seconds != clock::seconds(object.modified_ms)) {
            return Err(precondition_failed("x-amz-if-match-last-modified-time"));
        }
        if self.size.is_some_and(|size| u64::try_from(size) != Ok(object.size)) {
            return Err(precondition_failed("x-amz-if-match-size"));
        }
        Ok(())
    }
}

/// Deletes the current object, or one version for good. Idempotent: deleting what does not exist succeeds, as in S3.
pub(super) async fn delete_object(
    backend: &Backend,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = req.input;
    let wanted = VersionSelector::parse(input.version_id.as_deref())?;
    let condition = DeleteCondition {
        etag: WriteCondition::from_headers(&req.headers)?.if_match,
        modified: input.if_match_last_modified_time,
        size: input.if_match_size,
    };
    let permit = DeletePermit {
        now_ms: backend.clock.now_ms(),
        bypass_governance: input.bypass_governance_retention == Some(true),
    };
    let delete = move |tables: &mut Tables<'_>| {
        let of = tables.bucket(&input.bucket)?;
        let target = Target {
            bucket: &input.bucket,
            key: &input.key,
            wanted,
            permit,
        };
        target.delete(tables, &of, &condition)
    };
    let removed = backend.index.write(delete).await?;
    Ok(DeleteObjectOutput {
        delete_marker: removed.is_delete_marker.then_some(true),
        version_id: removed.version_id,
        ..DeleteObjectOutput::default()
    })
}

/// The version that a delete is for.
struct Target<'t> {
    bucket: &'t str,
    key: &'t str,
    wanted: VersionSelector,
    permit: DeletePermit,
}

/// The outcome of a delete.
#[derive(Debug, Default)]
struct Removed {
    /// True if a delete marker was added or removed.
    is_delete_marker: bool,
    /// The version that was added or removed; none if the bucket never had versions.
    version_id: Option<String>,
}

impl Target<'_> {
    /// # Errors
    /// Returns the errors of the condition and of object lock, before anything is changed.
    fn delete(
        &self,
        tables: &mut Tables<'_>,
        of: &BucketRecord,
        condition: &DeleteCondition,
    ) -> Result<Removed, BackendError> {
        let Self {
            bucket,
            key,
            wanted,
            permit,
        } = *self;
        if wanted == VersionSelector::Current {
            if !condition.is_empty() {
                condition.check(tables.object(bucket, key)?.as_ref())?;
            }
            let marker = tables.delete_object(of, bucket, key, VersionStamp::new(permit.now_ms))?;
            return Ok(Removed {
                is_delete_marker: marker.is_some(),
                version_id: marker.map(VersionStamp::id),
            });
        }
        let version = tables.version(bucket, key, wanted)?;
        if let Some(version) = &version {
            condition.check(version.object())?;
            tables.delete_version(bucket, key, version, permit)?;
        }
        Ok(Removed {
            is_delete_marker: matches!(version, Some(Version::DeleteMarker(_))),
            version_id: version.and_then(|version| of.versioning.visible_id(version.stamp())),
        })
    }
}

/// Deletes many objects or versions in one transaction. A failed condition affects only its own key.
pub(super) async fn delete_objects(backend: &Backend, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    let DeleteObjectsInput {
        bucket,
        bypass_governance_retention,
        delete: Delete { objects, quiet },
        ..
    } = input;
    if objects.is_empty() || objects.len() > MAX_KEYS {
        return Err(s3_error!(MalformedXML, "DeleteObjects must list 1 to {MAX_KEYS} keys."));
    }
    let permit = DeletePermit {
        now_ms: backend.clock.now_ms(),
        bypass_governance: bypass_governance_retention == Some(true),
    };
    let delete = move |tables: &mut Tables<'_>| {
        let of = tables.bucket(&bucket)?;
        let mut deleted = Vec::new();
        let mut errors = Vec::new();
        for object in objects {
            match delete_listed(tables, &of, &bucket, &object, permit) {
                Ok(removed) => deleted.push(deleted_object(object, removed)),
                Err(BackendError::Rejected(error)) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(object.key),
                    message: error.message().map(str::to_owned),
                    version_id: object.version_id,
                }),
                Err(failure) => return Err(failure),
            }
        }
        Ok((deleted, errors))
    };
    let (deleted, errors) = backend.index.write(delete).await?;
    let quiet = quiet.unwrap_or(false);
    Ok(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: (!errors.is_empty()).then_some(errors),
        ..DeleteObjectsOutput::default()
    })
}

fn delete_listed(
    tables: &mut Tables<'_>,
    of: &BucketRecord,
    bucket: &str,
    object: &ObjectIdentifier,
    permit: DeletePermit,
) -> Result<Removed, BackendError> {
    let etag = object.e_tag.clone().map(|etag| match etag.value() {
        "*" => ETagCondition::Any,
        _ => ETagCondition::ETag(etag),
    });
    let condition = DeleteCondition {
        etag,
        modified: object.last_modified_time.clone(),
        size: object.size,
    };
    let target = Target {
        bucket,
        key: &object.key,
        wanted: VersionSelector::parse(object.version_id.as_deref())?,
        permit,
    };
    target.delete(tables, of, &condition)
}

/// Describes the delete: the version that was named, and the delete marker that was added or removed.
fn deleted_object(object: ObjectIdentifier, removed: Removed) -> DeletedObject {
    DeletedObject {
        delete_marker: removed.is_delete_marker.then_some(true),
        delete_marker_version_id: removed.version_id.filter(|_| removed.is_delete_marker),
        key: Some(object.key),
        version_id: object.version_id,
    }
}
