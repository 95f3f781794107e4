//! `DeleteObject` and `DeleteObjects`.

use s3s::dto::{
    Delete, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error, ObjectIdentifier, Timestamp,
};
use s3s::{S3Request, S3Result, s3_error};

use super::{Backend, unsupported};
use crate::clock;
use crate::conditions::{WriteCondition, precondition_failed};
use crate::index::{ObjectRecord, Tables};

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

/// Deletes one object. Idempotent: deleting an object that does not exist succeeds, as in S3.
pub(super) async fn delete_object(
    backend: &Backend,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<DeleteObjectOutput> {
    let input = req.input;
    unsupported::reject_version(input.version_id.as_deref())?;
    let condition = DeleteCondition {
        etag: WriteCondition::from_headers(&req.headers)?.if_match,
        modified: input.if_match_last_modified_time,
        size: input.if_match_size,
    };
    let delete = move |tables: &mut Tables<'_>| {
        tables.bucket(&input.bucket)?;
        condition.check(tables.object(&input.bucket, &input.key)?.as_ref())?;
        tables.delete_object(&input.bucket, &input.key)
    };
    backend.index.write(delete).await?;
    Ok(DeleteObjectOutput::default())
}

/// Deletes many objects in one transaction. A failed condition affects only its own key.
pub(super) async fn delete_objects(backend: &Backend, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    let DeleteObjectsInput {
        bucket,
        delete: Delete { objects, quiet },
        ..
    } = input;
    if objects.is_empty() || objects.len() > MAX_KEYS {
        return Err(s3_error!(MalformedXML, "DeleteObjects must list 1 to {MAX_KEYS} keys."));
    }
    let delete = move |tables: &mut Tables<'_>| {
        tables.bucket(&bucket)?;
        let mut deleted = Vec::new();
        let mut errors = Vec::new();
        for ObjectIdentifier {
            e_tag,
            key,
            last_modified_time,
            size,
            version_id,
        } in objects
        {
            let etag = e_tag.map(|etag| match etag.value() {
                "*" => ETagCondition::Any,
                _ => ETagCondition::ETag(etag),
            });
            let condition = DeleteCondition {
                etag,
                modified: last_modified_time,
                size,
            };
            let result = unsupported::reject_version(version_id.as_deref());
            let result = match result {
                Ok(()) if !condition.is_empty() => condition.check(tables.object(&bucket, &key)?.as_ref()),
                result => result,
            };
            match result {
                Ok(()) => {
                    tables.delete_object(&bucket, &key)?;
                    deleted.push(DeletedObject {
                        key: Some(key),
                        ..DeletedObject::default()
                    });
                }
                Err(error) => errors.push(Error {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(key),
                    message: error.message().map(str::to_owned),
                    version_id,
                }),
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
