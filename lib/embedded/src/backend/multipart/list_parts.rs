//! `ListParts`.

use s3s::S3Result;
use s3s::dto::{ChecksumAlgorithm, ListPartsInput, ListPartsOutput, Part, StorageClass};

use super::super::list::count;
use super::super::{Backend, initiator, owner, page_size, strong_etag, to_i64};
use crate::checksums::{Algorithm, UploadChecksum};
use crate::clock;
use crate::index::PartRecord;

pub(in super::super) async fn list_parts(backend: &Backend, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let max = page_size(input.max_parts)?;
    let after = input
        .part_number_marker
        .and_then(|marker| u32::try_from(marker).ok())
        .unwrap_or(0);
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let read = move |snapshot: &crate::index::Snapshot| {
        let upload = snapshot.upload(&bucket, &key, &id)?;
        // One more than the page holds, to find out if there is a next page.
        Ok((upload, snapshot.parts(&id, after, max + 1)?))
    };
    let (upload, mut parts) = backend.read(read).await?;
    let truncated = max > 0 && parts.len() > max;
    parts.truncate(max);
    let next = parts
        .last()
        .and_then(|(number, _)| i32::try_from(*number).ok())
        .filter(|_| truncated);
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: upload
            .checksum
            .map(|sum| ChecksumAlgorithm::from_static(sum.algorithm.name())),
        checksum_type: upload.checksum.map(UploadChecksum::kind),
        initiator: Some(initiator()),
        is_truncated: Some(truncated),
        key: Some(input.key),
        max_parts: Some(count(max)),
        next_part_number_marker: next,
        owner: Some(owner()),
        part_number_marker: Some(input.part_number_marker.unwrap_or(0)),
        parts: Some(parts.into_iter().map(part).collect()),
        storage_class: Some(StorageClass::from_static(upload.attributes.class.name())),
        upload_id: Some(input.upload_id),
        ..ListPartsOutput::default()
    })
}

fn part((number, record): (u32, PartRecord)) -> Part {
    let sum = |algorithm| record.checksums.get(algorithm);
    Part {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        e_tag: Some(strong_etag(record.etag())),
        last_modified: Some(clock::timestamp(record.modified_ms)),
        part_number: i32::try_from(number).ok(),
        size: Some(to_i64(record.size)),
    }
}
