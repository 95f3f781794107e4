//! Uploads in parts into the draft bucket: `CreateMultipartUpload`, `ListParts`, `CompleteMultipartUpload`.

use std::time::SystemTime;

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, Part};
use draftstore_storage::{
    CompleteUpload, Condition, CreateUpload, ETag, Error, ListParts, ListedPart, Operation, PartPage, UploadId,
};

use super::attributes::{attribute_headers, with_headers};
use crate::S3Storage;
use crate::connect::once_config;
use crate::error::Call;
use crate::store_time::StoreTime;
use crate::whole::Whole;

/// Creates a multipart upload. Never retries, so that no upload is created that the caller does not know.
///
/// The completion of an upload that was created with an algorithm names the checksum of each part. If the store does not list
/// checksums, such an upload could not be completed. So it is created without the algorithm there, and the store still checks
/// each part that is sent with a checksum.
pub(crate) async fn create_upload(s3: &S3Storage, create: &CreateUpload<'_>) -> Result<UploadId, Error> {
    let call = Call::on_key(Operation::CreateMultipartUpload, create.bucket.name(), create.key);
    let attributes = attribute_headers(create.attributes);
    let has_algorithm = create.part_checksums && s3.conditions.lists_checksums();
    let request = s3
        .client
        .create_multipart_upload()
        .bucket(create.bucket.name().as_str())
        .key(create.key.as_str())
        .set_checksum_algorithm(has_algorithm.then_some(ChecksumAlgorithm::Sha256));
    let begun = request
        .customize()
        .config_override(once_config())
        .map_request(move |request| with_headers(request, &attributes))
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let upload_id = begun.upload_id().filter(|id| !id.is_empty()).map(UploadId::new);
    upload_id.ok_or_else(|| call.cut_short("the answer lacks an upload ID"))
}

/// Lists the parts. A truncated list would make a draft without its end, so only a complete document is accepted.
pub(crate) async fn list_parts(s3: &S3Storage, request: &ListParts<'_>) -> Result<PartPage, Error> {
    let call = Call::on_key(Operation::ListParts, request.bucket.name(), request.key);
    let whole = Whole::new("ListPartsResult");
    let store_time = StoreTime::default();
    let page = s3
        .client
        .list_parts()
        .bucket(request.bucket.name().as_str())
        .key(request.key.as_str())
        .upload_id(request.upload_id.as_str())
        .set_part_number_marker(request.after.map(|after| after.to_string()))
        .set_max_parts(request.max_parts.map(i32::from))
        .customize()
        .interceptor(whole.clone())
        .interceptor(store_time.clone())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    if !whole.get() {
        return Err(call.cut_short("the list breaks off"));
    }
    let next = match (page.is_truncated(), page.next_part_number_marker()) {
        (Some(true), Some(marker)) => {
            let marker = marker.parse().ok();
            Some(marker.ok_or_else(|| call.unexpected("the list goes on after what is no part number"))?)
        }
        (Some(true), None) => return Err(call.unexpected("the list is cut and says not where to go on")),
        (Some(false) | None, _) => None,
    };
    let parts = page.parts().iter().map(|part| listed(call, part));
    Ok(PartPage {
        parts: parts.collect::<Result<_, _>>()?,
        next,
        store_time: store_time.get(),
    })
}

fn listed(call: Call<'_>, part: &Part) -> Result<ListedPart, Error> {
    let number = part.part_number().and_then(|number| number.try_into().ok());
    let etag = part.e_tag().and_then(|etag| etag.parse().ok());
    let size = part.size().and_then(|size| size.try_into().ok());
    Ok(ListedPart {
        number: number.ok_or_else(|| call.unexpected("a part of the list lacks a number"))?,
        etag: etag.ok_or_else(|| call.unexpected("a part of the list lacks an ETag"))?,
        size: size.ok_or_else(|| call.unexpected("a part of the list lacks a size"))?,
        checksum_sha256: part.checksum_sha256().and_then(|checksum| checksum.parse().ok()),
        last_modified: part.last_modified().and_then(|time| SystemTime::try_from(*time).ok()),
    })
}

/// Completes a multipart upload. Never retries: if a completion succeeded and its answer was lost, a retry would find no
/// upload, and the caller could not tell that from an abort.
pub(crate) async fn complete_upload(s3: &S3Storage, complete: &CompleteUpload<'_>) -> Result<ETag, Error> {
    let call = Call::on_key(Operation::CompleteMultipartUpload, complete.bucket.name(), complete.key);
    let part = |part: &ListedPart| {
        CompletedPart::builder()
            .part_number(i32::from(part.number))
            .e_tag(part.etag.quoted())
            .set_checksum_sha256(part.checksum_sha256.map(|checksum| checksum.to_string()))
            .build()
    };
    let parts = complete.parts.iter().map(part).collect();
    let if_absent = complete.if_absent.then(|| "*".to_owned());
    let completed = s3
        .client
        .complete_multipart_upload()
        .bucket(complete.bucket.name().as_str())
        .key(complete.key.as_str())
        .upload_id(complete.upload_id.as_str())
        .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
        .set_if_none_match(if_absent.and_then(|any| s3.conditions.sent(Condition::CompleteToAbsent, any)))
        .customize()
        .config_override(s3.copy_config())
        .send()
        .await
        .map_err(|error| call.failed(&error))?;
    let etag = completed.e_tag().and_then(|etag| etag.parse().ok());
    etag.ok_or_else(|| call.cut_short("the answer to the completion lacks an ETag"))
}
