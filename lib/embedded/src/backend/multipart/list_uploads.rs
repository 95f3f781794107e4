//! `ListMultipartUploads`.

use s3s::S3Result;
use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload,
    StorageClass,
};

use super::super::list::{KeyEncoding, count};
use super::super::{Backend, initiator, owner, page_size};
use crate::checksums::UploadChecksum;
use crate::clock;
use crate::index::{ListEntry, UploadEntry, UploadQuery};

pub(in super::super) async fn list_uploads(
    backend: &Backend,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let encoding = KeyEncoding::from_request(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.clone().unwrap_or_default();
    // Like S3, ignore an upload ID marker without a key marker.
    let id_marker = input
        .upload_id_marker
        .clone()
        .filter(|_| !key_marker.is_empty())
        .unwrap_or_default();
    let query = UploadQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        key_marker,
        id_marker,
        max: page_size(input.max_uploads)?,
    };
    let max = count(query.max);
    let page = backend.read(move |snapshot| snapshot.list_uploads(&query)).await?;
    let last = page.entries.last().filter(|_| page.truncated);
    let (next_key, next_id) = match last {
        Some(ListEntry::Item(key, upload)) => (Some(encoding.encode(key)), Some(upload.id.clone())),
        Some(ListEntry::CommonPrefix(prefix)) => (Some(encoding.encode(prefix)), None),
        None => (None, None),
    };
    let mut uploads = Vec::new();
    let mut common_prefixes = Vec::new();
    for entry in page.entries {
        match entry {
            ListEntry::Item(key, upload) => uploads.push(multipart_upload(encoding.encode(&key), upload)),
            ListEntry::CommonPrefix(prefix) => common_prefixes.push(CommonPrefix {
                prefix: Some(encoding.encode(&prefix)),
            }),
        }
    }
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.truncated),
        key_marker: Some(encoding.encode(&input.key_marker.unwrap_or_default())),
        max_uploads: Some(max),
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        prefix: Some(encoding.encode(&input.prefix.unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        uploads: Some(uploads),
        ..ListMultipartUploadsOutput::default()
    })
}

fn multipart_upload(key: String, upload: UploadEntry) -> MultipartUpload {
    let checksum = upload.record.checksum;
    MultipartUpload {
        checksum_algorithm: checksum.map(|sum| ChecksumAlgorithm::from_static(sum.algorithm.name())),
        checksum_type: checksum.map(UploadChecksum::kind),
        initiated: Some(clock::timestamp(upload.record.initiated_ms)),
        initiator: Some(initiator()),
        key: Some(key),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(upload.record.attributes.class.name())),
        upload_id: Some(upload.id),
    }
}
