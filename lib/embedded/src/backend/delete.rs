//! `DeleteObject` and `DeleteObjects`.

use s3s::dto::{
    Delete, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error, ObjectIdentifier, Timestamp,
};
use s3s::{S3Request, S3Result, s3_error};

use super::{Backend, unsupported};
use crate::clock;
use crate::conditions::{WriteCondition, failed};
use crate::index::{ObjectRecord, Tables};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
const MAX_KEYS: usize = 1000;

/// What a delete requires of the object that it removes.
#[derive(Debug, Default)]
struct DeleteCondition {
    etag: Option<ETagCondition>,
    modified: Option<Timestamp>,
    size: Option<i64>,
}

impl DeleteCondition {
    /// Whether anything may be deleted, or nothing be there.
    fn is_empty(&self) -> bool {
        self.etag.is_none() && self.modified.is_none() && self.size.is_none()
    }

    /// # Errors
    /// 412. Where nothing is there: 404 for an `ETag`, and nothing for a time or a size, as in S3.
    fn check(&self, current: Option<&ObjectRecord>) -> S3Result<()> {
        WriteCondition {
            if_match: self.etag.clone(),
            if_none_match: None,
        }
        .check(current)?;
        let Some(object) = current else { return Ok(()) };
        let seconds = self.modified.as_ref().map(clock::timestamp_seconds);
        if seconds.is_some_and(|seconds| seconds != clock::seconds(object.modified_ms)) {
            return Err(failed("x-amz-if-match-last-modified-time"));
        }
        if self.size.is_some_and(|size| u64::try_from(size) != Ok(object.size)) {
            return Err(failed("x-amz-if-match-size"));
        }
        Ok(())
    }
}

/// Idempotent: to delete what is not there succeeds, as in S3.
pub(super) async fn one(backend: &Backend, req: S3Request<DeleteObjectInput>) -> S3Result<DeleteObjectOutput> {
    let input = req.input;
    unsupported::refuse_version(input.version_id.as_deref())?;
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

/// All in one transaction; what one key requires is no matter for the others.
pub(super) async fn many(backend: &Backend, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    let DeleteObjectsInput {
        bucket,
        delete: Delete { objects, quiet },
        ..
    } = input;
    if objects.is_empty() || objects.len() > MAX_KEYS {
        return Err(s3_error!(MalformedXML, "DeleteObjects takes 1 to {MAX_KEYS} keys."));
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
            let refused = unsupported::refuse_version(version_id.as_deref());
            let refused = match refused {
                Ok(()) if !condition.is_empty() => condition.check(tables.object(&bucket, &key)?.as_ref()),
                refused => refused,
            };
            match refused {
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
