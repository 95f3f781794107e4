//! `CopyObject`.

use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use draftstore_storage::{
    Attributes, Condition, CopyInMain, CopyToMain, CopyVersion, ETag, Error, IfDestination, MainBucket, ObjectKey,
    Operation, VersionCopied, VersionId,
};

use super::attributes::{attribute_headers, with_headers};
use crate::S3Storage;
use crate::copy_source::{copy_source, copy_source_version};
use crate::error::Call;

/// A copy of an object to a key in main.
struct CopyObject<'a> {
    /// The value of `x-amz-copy-source`.
    source: String,
    /// The value of `x-amz-copy-source-if-match`, if there is such a condition.
    if_source: Option<String>,
    bucket: &'a MainBucket,
    key: &'a ObjectKey,
    if_destination: IfDestination<'a>,
    attributes: &'a Attributes,
    /// Set if the source has tags that the copy does not take over. One with tags of its own never does.
    drops_tags: bool,
}

pub(crate) async fn copy_to_main(s3: &S3Storage, copy: &CopyToMain<'_>) -> Result<ETag, Error> {
    let copy = CopyObject {
        source: copy_source(copy.draft_bucket.name(), copy.draft_key),
        if_source: s3.conditions.sent_source(Condition::CopySource, copy.draft_etag),
        bucket: copy.main_bucket,
        key: copy.main_key,
        if_destination: copy.if_destination,
        attributes: copy.attributes,
        drops_tags: false,
    };
    Ok(copy_object(s3, copy).await?.etag)
}

pub(crate) async fn copy_in_main(s3: &S3Storage, copy: &CopyInMain<'_>) -> Result<VersionCopied, Error> {
    let copy = CopyObject {
        source: copy_source(copy.bucket.name(), copy.source_key),
        if_source: s3.conditions.sent_source(Condition::CopySource, copy.source_etag),
        bucket: copy.bucket,
        key: copy.key,
        if_destination: copy.if_destination,
        attributes: copy.attributes,
        drops_tags: copy.source_has_tags,
    };
    copy_object(s3, copy).await
}

pub(crate) async fn copy_version(s3: &S3Storage, copy: &CopyVersion<'_>) -> Result<VersionCopied, Error> {
    let copy = CopyObject {
        source: copy_source_version(copy.bucket.name(), copy.key, copy.version_id),
        if_source: None,
        bucket: copy.bucket,
        key: copy.key,
        if_destination: copy.if_destination,
        attributes: copy.attributes,
        drops_tags: false,
    };
    copy_object(s3, copy).await
}

/// Sends the request once only. If a copy whose answer was lost were sent again, the condition on its destination would fail
/// because of its own success, and the caller could not tell that from another's.
async fn copy_object(s3: &S3Storage, copy: CopyObject<'_>) -> Result<VersionCopied, Error> {
    let call = Call::on_key(Operation::CopyObject, copy.bucket.name(), copy.key);
    let replaces_tags = copy.drops_tags || !copy.attributes.options.tags.is_empty();
    let request = s3
        .client
        .copy_object()
        .bucket(copy.bucket.name().as_str())
        .key(copy.key.as_str())
        .copy_source(copy.source)
        .set_copy_source_if_match(copy.if_source)
        .metadata_directive(MetadataDirective::Replace)
        .set_tagging_directive(replaces_tags.then_some(TaggingDirective::Replace));
    let request = match copy.if_destination {
        IfDestination::Absent => request.set_if_none_match(s3.conditions.sent(Condition::CopyToAbsent, "*".to_owned())),
        IfDestination::Matches(etag) => request.set_if_match(s3.conditions.sent(Condition::CopyOver, etag.quoted())),
    };
    let attributes = attribute_headers(copy.attributes);
    let copied = request
        .customize()
        .config_override(s3.copy_config())
        .map_request(move |request| with_headers(request, &attributes))
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let etag = copied
        .copy_object_result()
        .and_then(|result| result.e_tag())
        .and_then(|etag| etag.parse().ok());
    Ok(VersionCopied {
        etag: etag.ok_or_else(|| call.cut_short("the answer to the copy lacks an ETag"))?,
        version_id: copied.version_id.map(VersionId::new),
    })
}
