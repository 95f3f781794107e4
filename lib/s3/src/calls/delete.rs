//! `DeleteObject` and `DeleteObjects`.

use aws_sdk_s3::types::{Delete, Error as KeyError, ObjectIdentifier};
use draftstore_storage::{
    BucketName, Condition, DeleteFailure, DraftBucket, DraftVersion, ETag, Error, ErrorKind, ObjectKey, Operation,
};
use futures::{StreamExt as _, stream};

use super::head::head;
use crate::S3Storage;
use crate::error::{Call, kind_of_code};

/// The maximum number of keys in one `DeleteObjects`, by S3.
pub(super) const MAX_KEYS: usize = 1000;

/// The maximum number of concurrent deletes in place of one `DeleteObjects`.
const MAX_DELETES_AT_ONCE: usize = 8;

/// Deletes a draft. After a failed condition, looks the draft up: an earlier attempt whose answer was lost may have deleted it.
pub(crate) async fn delete_version(
    s3: &S3Storage,
    bucket: &BucketName,
    key: &ObjectKey,
    etag: &ETag,
) -> Result<(), Error> {
    let call = Call::on_key(Operation::DeleteObject, bucket, key);
    let request = s3.client.delete_object().bucket(bucket.as_str()).key(key.as_str());
    let if_match = s3.conditions.sent(Condition::Delete, etag.quoted());
    let Err(error) = request.set_if_match(if_match).send().await else {
        return Ok(());
    };
    let error = call.failed(&error);
    match error.kind {
        ErrorKind::NotFound => Ok(()),
        ErrorKind::PreconditionFailed => match head(s3, bucket, key).await {
            Err(gone) if gone.kind == ErrorKind::NotFound => Ok(()),
            Ok(_) | Err(_) => Err(error),
        },
        ErrorKind::BucketNotFound
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::CredentialsRefused
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unavailable
        | ErrorKind::Unexpected => Err(error),
    }
}

pub(crate) async fn delete_drafts(
    s3: &S3Storage,
    bucket: &DraftBucket,
    drafts: &[DraftVersion],
) -> Result<Vec<DeleteFailure>, Error> {
    let call = Call::on_bucket(Operation::DeleteObjects, bucket.name());
    // S3 refuses an empty list.
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    if drafts.len() > MAX_KEYS {
        return Err(call.too_large(format!("{} keys in one delete; {MAX_KEYS} are allowed", drafts.len())));
    }
    if s3.conditions.has_failed(Condition::DeleteMany) {
        return delete_singly(s3, bucket, drafts).await;
    }
    let identifier = |draft: &DraftVersion| {
        let identifier = ObjectIdentifier::builder()
            .key(draft.key.as_str())
            .set_e_tag(s3.conditions.sent(Condition::DeleteMany, draft.etag.quoted()))
            .build();
        identifier.map_err(|error| call.unexpected(error.to_string()))
    };
    let objects = drafts.iter().map(identifier).collect::<Result<_, _>>()?;
    let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
    let delete = delete.map_err(|error| call.unexpected(error.to_string()))?;
    let request = s3.client.delete_objects().bucket(bucket.name().as_str()).delete(delete);
    let answer = request.send().await.map_err(|error| call.failed(&error))?;
    let failures = answer.errors().iter().map(|error| failure(call, error));
    let is_gone = |failed: &DeleteFailure| failed.kind == ErrorKind::NotFound;
    failures.filter(|failed| !failed.as_ref().is_ok_and(is_gone)).collect()
}

/// Deletes drafts with a call for each, for stores on which `DeleteObjects` does not work.
async fn delete_singly(
    s3: &S3Storage,
    bucket: &DraftBucket,
    drafts: &[DraftVersion],
) -> Result<Vec<DeleteFailure>, Error> {
    let calls: Vec<_> = drafts.iter().map(|draft| delete_one(s3, bucket, draft)).collect();
    let deleted: Vec<_> = stream::iter(calls)
        .buffer_unordered(MAX_DELETES_AT_ONCE)
        .collect()
        .await;
    deleted.into_iter().filter_map(Result::transpose).collect()
}

async fn delete_one(
    s3: &S3Storage,
    bucket: &DraftBucket,
    draft: &DraftVersion,
) -> Result<Option<DeleteFailure>, Error> {
    match delete_version(s3, bucket.name(), &draft.key, &draft.etag).await {
        Ok(()) => Ok(None),
        Err(error) if error.kind == ErrorKind::BucketNotFound => Err(error),
        Err(error) => Ok(Some(DeleteFailure {
            key: draft.key.clone(),
            kind: error.kind,
            code: error.kind.to_string(),
        })),
    }
}

/// The failure of one key.
pub(super) fn failure(call: Call<'_>, error: &KeyError) -> Result<DeleteFailure, Error> {
    let code = error.code().unwrap_or_default();
    let kind = kind_of_code(code).unwrap_or(ErrorKind::Unexpected);
    let key = error.key().and_then(|key| ObjectKey::new(key).ok());
    let key = key.ok_or_else(|| call.unexpected(format!("an error {code:?} without the key it is about")))?;
    Ok(DeleteFailure {
        key,
        kind,
        code: code.to_owned(),
    })
}
