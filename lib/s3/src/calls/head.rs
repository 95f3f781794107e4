//! `HeadObject`.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{ChecksumMode, ServerSideEncryption};
use draftstore_storage::{
    BucketName, ETag, Error, ObjectHeader, ObjectInfo, ObjectKey, Operation, StoredAttributes, VersionId,
};

use crate::S3Storage;
use crate::error::Call;
use crate::listing::time;

pub(crate) async fn head(s3: &S3Storage, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo, Error> {
    let call = Call::on_key(Operation::HeadObject, bucket, key);
    object_info(call, head_output(s3, call, bucket, key, None).await?)
}

/// Returns `true` if the `ETag` is the MD5 of the bytes, on a store whose `ETag`s can be.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub(super) fn is_md5(etag: &ETag, encryption: Option<&ServerSideEncryption>, customer: Option<&str>) -> bool {
    let is_plain = encryption.is_none_or(|by| *by == ServerSideEncryption::Aes256) && customer.is_none();
    is_plain && etag.may_be_md5()
}

pub(super) async fn head_output(
    s3: &S3Storage,
    call: Call<'_>,
    bucket: &BucketName,
    key: &ObjectKey,
    version: Option<&VersionId>,
) -> Result<HeadObjectOutput, Error> {
    let request = s3.client.head_object().bucket(bucket.as_str()).key(key.as_str());
    let request = request.set_version_id(version.map(ToString::to_string));
    let head = request.checksum_mode(ChecksumMode::Enabled).send().await;
    head.map_err(|error| match version {
        Some(_) => call.failed_on_version(&error),
        None => call.failed(&error),
    })
}

pub(super) fn object_info(call: Call<'_>, head: HeadObjectOutput) -> Result<ObjectInfo, Error> {
    let etag = head.e_tag().and_then(|etag| etag.parse().ok());
    let etag: ETag = etag.ok_or_else(|| call.unexpected("the answer lacks a strong ETag"))?;
    let size = head.content_length().and_then(|size| size.try_into().ok());
    Ok(ObjectInfo {
        etag_is_md5: is_md5(&etag, head.server_side_encryption(), head.sse_customer_algorithm()),
        etag,
        size: size.ok_or_else(|| call.unexpected("the answer lacks a length"))?,
        last_modified: time(call, head.last_modified())?,
        // A multipart object's checksum of checksums ends in a part count and is none of the whole: it does not parse.
        checksum_sha256: head.checksum_sha256().and_then(|checksum| checksum.parse().ok()),
        version_id: head.version_id.map(VersionId::new),
        attributes: StoredAttributes {
            content_type: head.content_type,
            headers: [
                (ObjectHeader::CacheControl, head.cache_control),
                (ObjectHeader::ContentDisposition, head.content_disposition),
                (ObjectHeader::ContentEncoding, head.content_encoding),
                (ObjectHeader::ContentLanguage, head.content_language),
                (ObjectHeader::Expires, head.expires_string),
            ]
            .into_iter()
            .filter_map(|(header, value)| Some((header, value?)))
            .collect(),
            metadata: head.metadata.into_iter().flatten().collect(),
            agreed_options: None,
        },
    })
}
