//! `ListMultipartUploads`.

use s3s::S3Result;
use s3s::dto::{
    ChecksumAlgorithm, CommonPrefix, ListMultipartUploadsInput, ListMultipartUploadsOutput, MultipartUpload,
    StorageClass,
};

use super::super::list::{Url, count};
use super::super::{Backend, initiator, owner, page_size};
use crate::checksums::UploadChecksum;
use crate::clock;
use crate::index::{Entry, UploadEntry, UploadQuery};

pub(in super::super) async fn list_uploads(
    backend: &Backend,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    let url = Url::from(input.encoding_type.as_ref())?;
    let key_marker = input.key_marker.clone().unwrap_or_default();
    // S3 ignores the one marker without the other.
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
        Some(Entry::Item(key, upload)) => (Some(url.encode(key)), Some(upload.id.clone())),
        Some(Entry::CommonPrefix(prefix)) => (Some(url.encode(prefix)), None),
        None => (None, None),
    };
    let mut uploads = Vec::new();
    let mut common_prefixes = Vec::new();
    for entry in page.entries {
        match entry {
            Entry::Item(key, upload) => uploads.push(line(url.encode(&key), upload)),
            Entry::CommonPrefix(prefix) => common_prefixes.push(CommonPrefix {
                prefix: Some(url.encode(&prefix)),
            }),
        }
    }
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.map(|delimiter| url.encode(&delimiter)),
        encoding_type: input.encoding_type,
        is_truncated: Some(page.truncated),
        key_marker: Some(url.encode(&input.key_marker.unwrap_or_default())),
        max_uploads: Some(max),
        next_key_marker: next_key,
        next_upload_id_marker: next_id,
        prefix: Some(url.encode(&input.prefix.unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        uploads: Some(uploads),
        ..ListMultipartUploadsOutput::default()
    })
}

fn line(key: String, upload: UploadEntry) -> MultipartUpload {
    let checksum = upload.record.checksum;
    MultipartUpload {
        checksum_algorithm: checksum.map(|sum| ChecksumAlgorithm::from_static(sum.algorithm.name())),
        checksum_type: checksum.map(UploadChecksum::kind),
        initiated: Some(clock::timestamp(upload.record.initiated_ms)),
        initiator: Some(initiator()),
        key: Some(key),
        owner: Some(owner()),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        upload_id: Some(upload.id),
    }
}
