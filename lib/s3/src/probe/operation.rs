//! The operations of a store as DraftStore uses them, without a condition.

use std::collections::BTreeMap;

use aws_sdk_s3::types::MetadataDirective;
use draftstore_storage::{Condition, Error, ErrorKind, ListParts, ObjectKey, Operation};

use super::scratch::{Scratch, answer, is_trouble};
use super::{copy, delete, multipart};
use crate::calls;

/// Metadata like that of a marker. An object in main without it is not known to be a confirmed draft.
const MARK: (&str, &str) = ("draftstore-probe", "kept");

/// An operation of which a condition is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbedOperation {
    CopyObject,
    UploadPartCopy,
    CompleteMultipartUpload,
    DeleteObject,
    DeleteObjects,
    ListParts,
}

impl ProbedOperation {
    pub(super) const ALL: [Self; 6] = [
        Self::CopyObject,
        Self::UploadPartCopy,
        Self::CompleteMultipartUpload,
        Self::DeleteObject,
        Self::DeleteObjects,
        Self::ListParts,
    ];

    /// Returns the operation of a condition, or `None` where nothing but an upload is required.
    pub(super) fn of(condition: Condition) -> Option<Self> {
        match condition {
            Condition::UploadOnce | Condition::CopyMd5 => None,
            Condition::CopySource | Condition::CopyToAbsent | Condition::CopyOver => Some(Self::CopyObject),
            Condition::PartSource | Condition::PartSourceKey => Some(Self::UploadPartCopy),
            Condition::CompleteToAbsent | Condition::CompleteOver => Some(Self::CompleteMultipartUpload),
            Condition::Delete => Some(Self::DeleteObject),
            Condition::DeleteMany => Some(Self::DeleteObjects),
            Condition::ListParts => Some(Self::ListParts),
        }
    }

    /// Returns `true` if the operation does what it is used for.
    ///
    /// # Errors
    /// Trouble that says nothing about the operation: the store fails, the bucket is missing, or the call is not allowed.
    pub(super) async fn works(self, scratch: &mut Scratch<'_>) -> Result<bool, Error> {
        match self {
            Self::CopyObject => copied(scratch).await,
            Self::UploadPartCopy => multipart::part_is_copied(scratch).await,
            Self::CompleteMultipartUpload => completed(scratch).await,
            Self::DeleteObject => deleted(scratch).await,
            Self::DeleteObjects => deleted_many(scratch).await,
            Self::ListParts => listed_parts(scratch).await,
        }
    }
}

async fn copied(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let (source, _) = scratch.object("source", b"new").await?;
    let target = scratch.key("target")?;
    copy::copy(scratch, &source, &target, |copy| {
        copy.metadata_directive(MetadataDirective::Replace)
            .metadata(MARK.0, MARK.1)
    })
    .await?;
    Ok(scratch.holds(&target, b"new").await? && is_marked(scratch, &target).await?)
}

async fn completed(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let target = scratch.key("target")?;
    let metadata = BTreeMap::from([(MARK.0.to_owned(), MARK.1.to_owned())]);
    let upload_id = scratch.upload_with(&target, metadata).await?;
    let part = multipart::put_part(scratch, &target, &upload_id).await?;
    multipart::complete(scratch, &target, &upload_id, &part, |complete| complete).await?;
    Ok(scratch.holds(&target, b"new").await? && is_marked(scratch, &target).await?)
}

async fn deleted(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let (key, _) = scratch.object("target", b"old").await?;
    let request = scratch.s3.client.delete_object();
    let deleted = request.bucket(scratch.bucket()).key(key.as_str()).send().await;
    answer(scratch.call(Operation::DeleteObject, &key), deleted)?;
    scratch.is_absent(&key).await
}

async fn deleted_many(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let (key, _) = scratch.object("target", b"old").await?;
    delete::delete_listed(scratch, &key, None).await?;
    scratch.is_absent(&key).await
}

async fn listed_parts(scratch: &mut Scratch<'_>) -> Result<bool, Error> {
    let target = scratch.key("target")?;
    let upload_id = scratch.upload(&target).await?;
    multipart::put_part(scratch, &target, &upload_id).await?;
    let list = ListParts {
        bucket: scratch.draft_bucket(),
        key: &target,
        upload_id: &upload_id,
        after: None,
        max_parts: None,
    };
    match calls::list_parts(scratch.s3, &list).await {
        Ok(page) => Ok(page.parts.len() == 1),
        Err(error) if is_trouble(error.kind) => Err(error),
        Err(_) => Ok(false),
    }
}

async fn is_marked(scratch: &Scratch<'_>, key: &ObjectKey) -> Result<bool, Error> {
    match calls::head(scratch.s3, scratch.bucket_name(), key).await {
        Ok(object) => Ok(object
            .attributes
            .metadata
            .get(MARK.0)
            .is_some_and(|value| value == MARK.1)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
