//! `CopyObject`.

use aws_sdk_s3::types::MetadataDirective;
use draftstore_storage::{Condition, CopyToMain, ETag, Error, IfDestination, Operation};

use super::attributes::{attribute_headers, with_headers};
use crate::S3Storage;
use crate::copy_source::copy_source;
use crate::error::Call;

/// Asks once only. Were a copy whose answer got lost asked again, the condition on its destination would fail because
/// of its own success, and the caller could not tell that from another's.
pub(crate) async fn copy_to_main(s3: &S3Storage, copy: &CopyToMain<'_>) -> Result<ETag, Error> {
    let call = Call::on_key(Operation::CopyObject, copy.main_bucket.name(), copy.main_key);
    let request = s3
        .client
        .copy_object()
        .bucket(copy.main_bucket.name().as_str())
        .key(copy.main_key.as_str())
        .copy_source(copy_source(copy.draft_bucket.name(), copy.draft_key))
        .set_copy_source_if_match(s3.conditions.sent_source(Condition::CopySource, copy.draft_etag))
        .metadata_directive(MetadataDirective::Replace);
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
    etag.ok_or_else(|| call.cut_short("the answer to the copy lacks an ETag"))
}
