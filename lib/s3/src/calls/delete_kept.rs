//! `DeleteObject` and `DeleteObjects` in main. What a failed condition means is for the caller to find out.
//!
//! Each request is sent once only. If a delete whose answer was lost were sent again, it would not find the object because of
//! its own success, and the caller could not tell that from another's.

use aws_sdk_s3::types::{Delete, DeletedObject, ObjectIdentifier};
use draftstore_storage::VersionId;
use draftstore_storage::{Condition, Error, KeptVersion, MainBucket, ObjectDeleted, ObjectKey, Operation};

use super::delete::{MAX_KEYS, failure};
use crate::S3Storage;
use crate::connect::once_config;
use crate::error::Call;

pub(crate) async fn delete_object(
    s3: &S3Storage,
    bucket: &MainBucket,
    object: &KeptVersion,
) -> Result<Option<VersionId>, Error> {
    let call = Call::on_key(Operation::DeleteObject, bucket.name(), &object.key);
    let request = s3
        .client
        .delete_object()
        .bucket(bucket.name().as_str())
        .key(object.key.as_str())
        .set_if_match(s3.conditions.sent(Condition::Delete, object.etag.quoted()));
    let sent = request.customize().config_override(once_config()).send().await;
    let deleted = sent.map_err(|error| call.failed(&error))?;
    Ok(deleted.version_id.map(VersionId::new))
}

pub(crate) async fn delete_objects(
    s3: &S3Storage,
    bucket: &MainBucket,
    objects: &[KeptVersion],
) -> Result<Vec<ObjectDeleted>, Error> {
    let call = Call::on_bucket(Operation::DeleteObjects, bucket.name());
    // S3 refuses an empty list.
    if objects.is_empty() {
        return Ok(Vec::new());
    }
    if objects.len() > MAX_KEYS {
        return Err(call.too_large(format!("{} keys in one delete; {MAX_KEYS} are allowed", objects.len())));
    }
    let identifier = |object: &KeptVersion| {
        let identifier = ObjectIdentifier::builder()
            .key(object.key.as_str())
            .set_e_tag(s3.conditions.sent(Condition::DeleteMany, object.etag.quoted()))
            .build();
        identifier.map_err(|error| call.unexpected(error.to_string()))
    };
    let identifiers = objects.iter().map(identifier).collect::<Result<_, _>>()?;
    let delete = Delete::builder().set_objects(Some(identifiers)).build();
    let delete = delete.map_err(|error| call.unexpected(error.to_string()))?;
    let request = s3.client.delete_objects().bucket(bucket.name().as_str()).delete(delete);
    let sent = request.customize().config_override(once_config()).send().await;
    let answer = sent.map_err(|error| call.failed(&error))?;
    let deleted = answer.deleted().iter().map(|deleted| outcome(call, deleted));
    let failed = answer.errors().iter().map(|error| {
        let failed = failure(call, error)?;
        Ok(ObjectDeleted {
            key: failed.key,
            marker: Err(failed.kind),
        })
    });
    deleted.chain(failed).collect()
}

fn outcome(call: Call<'_>, deleted: &DeletedObject) -> Result<ObjectDeleted, Error> {
    let key = deleted.key().and_then(|key| ObjectKey::new(key).ok());
    Ok(ObjectDeleted {
        key: key.ok_or_else(|| call.unexpected("a deleted object has no key"))?,
        marker: Ok(deleted.delete_marker_version_id().map(VersionId::new)),
    })
}
