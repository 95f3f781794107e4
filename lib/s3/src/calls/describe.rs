//! Everything about an object in main: `HeadObject` in full. The tags of any object: `GetObjectTagging`.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ObjectLockLegalHoldStatus, ObjectLockMode};
use draftstore_storage::{
    BucketName, Error, MainBucket, ObjectDescription, ObjectKey, Operation, Retention, RetentionMode, VersionId,
};

use super::head::{head_output, object_info};
use super::restore_status;
use crate::S3Storage;
use crate::error::Call;
use crate::listing::time;

pub(crate) async fn describe(
    s3: &S3Storage,
    bucket: &MainBucket,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<ObjectDescription, Error> {
    let call = Call::on_key(Operation::HeadObject, bucket.name(), key);
    let head = head_output(s3, call, bucket.name(), key, version).await?;
    Ok(ObjectDescription {
        checksums: checksums(&head),
        storage_class: head.storage_class().map(|class| class.as_str().to_owned()),
        restore: restore_status(call, head.restore())?,
        encryption: head.server_side_encryption().map(|by| by.as_str().to_owned()),
        kms_key_id: head.ssekms_key_id().map(ToOwned::to_owned),
        retention: retention(call, &head)?,
        legal_hold: head.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On),
        has_tags: head.tag_count().is_some_and(|tags| tags > 0),
        info: object_info(call, head)?,
    })
}

pub(crate) async fn tags(
    s3: &S3Storage,
    bucket: &BucketName,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<BTreeMap<String, String>, Error> {
    let call = Call::on_key(Operation::GetObjectTagging, bucket, key);
    let request = s3
        .client
        .get_object_tagging()
        .bucket(bucket.as_str())
        .key(key.as_str())
        .set_version_id(version.map(ToString::to_string));
    let answer = request.send().await.map_err(|error| call.failed(&error))?;
    let tags = answer.tag_set().iter();
    Ok(tags.map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect())
}

fn checksums(head: &HeadObjectOutput) -> BTreeMap<&'static str, String> {
    let known = [
        ("crc32", head.checksum_crc32()),
        ("crc32c", head.checksum_crc32_c()),
        ("crc64nvme", head.checksum_crc64_nvme()),
        ("sha1", head.checksum_sha1()),
        ("sha256", head.checksum_sha256()),
    ];
    let known = known.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?.to_owned())))
        .collect()
}

fn retention(call: Call<'_>, head: &HeadObjectOutput) -> Result<Option<Retention>, Error> {
    let mode = match head.object_lock_mode() {
        None => return Ok(None),
        Some(ObjectLockMode::Governance) => RetentionMode::Governance,
        Some(ObjectLockMode::Compliance) => RetentionMode::Compliance,
        Some(other) => return Err(call.unexpected(format!("the answer has the retention mode {other}"))),
    };
    let until = time(call, head.object_lock_retain_until_date())?;
    Ok(Some(Retention { mode, until }))
}
