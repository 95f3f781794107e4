//! `GetObjectAttributes`.

use s3s::dto::{
    Checksum, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts, ObjectAttributes,
    ObjectPart, StorageClass,
};
use s3s::{S3Result, s3_error};

use super::list::count;
use super::version::VersionedObject;
use super::{Backend, page_size, strong_etag, to_i64};
use crate::checksums::{Algorithm, Checksums};
use crate::clock;
use crate::index::{ObjectPartRecord, VersionSelector};

pub(super) async fn get(backend: &Backend, input: GetObjectAttributesInput) -> S3Result<GetObjectAttributesOutput> {
    let version = VersionSelector::parse(input.version_id.as_deref())?;
    // Some SDKs send a header for each attribute, and some one header with all of them.
    let headers = input.object_attributes.iter();
    let names: Vec<_> = headers
        .flat_map(|header| header.as_str().split(','))
        .map(str::trim)
        .collect();
    let wanted = |name: &str| names.contains(&name);
    if names.is_empty() || names.iter().any(|name| !KNOWN.contains(name)) {
        return Err(s3_error!(InvalidArgument, "Invalid attribute name specified."));
    }
    let found = backend.object(input.bucket.clone(), input.key.clone(), version).await?;
    let VersionedObject { object, version_id } = found;
    let parts = (wanted(ObjectAttributes::OBJECT_PARTS) && !object.parts.is_empty())
        .then(|| parts(&object.parts, &input))
        .transpose()?;
    Ok(GetObjectAttributesOutput {
        checksum: checksum(&object.checksums).filter(|_| wanted(ObjectAttributes::CHECKSUM)),
        e_tag: wanted(ObjectAttributes::ETAG).then(|| strong_etag(object.etag)),
        last_modified: Some(clock::timestamp(object.modified_ms)),
        object_parts: parts,
        object_size: wanted(ObjectAttributes::OBJECT_SIZE).then(|| to_i64(object.size)),
        storage_class: wanted(ObjectAttributes::STORAGE_CLASS)
            .then(|| StorageClass::from_static(object.attributes.class.name())),
        version_id,
        ..GetObjectAttributesOutput::default()
    })
}

const KNOWN: [&str; 5] = [
    ObjectAttributes::CHECKSUM,
    ObjectAttributes::ETAG,
    ObjectAttributes::OBJECT_PARTS,
    ObjectAttributes::OBJECT_SIZE,
    ObjectAttributes::STORAGE_CLASS,
];

fn checksum(sums: &Checksums) -> Option<Checksum> {
    sums.kind().map(|kind| Checksum {
        checksum_crc32: sums.get(Algorithm::Crc32),
        checksum_crc32c: sums.get(Algorithm::Crc32c),
        checksum_crc64nvme: sums.get(Algorithm::Crc64Nvme),
        checksum_sha1: sums.get(Algorithm::Sha1),
        checksum_sha256: sums.get(Algorithm::Sha256),
        checksum_type: Some(kind),
    })
}

/// Returns a page of the parts. Their checksums are known if the upload named an algorithm.
fn parts(parts: &[ObjectPartRecord], input: &GetObjectAttributesInput) -> S3Result<GetObjectAttributesParts> {
    let max = page_size(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or_default();
    let skipped = usize::try_from(after).map_err(|_| s3_error!(InvalidArgument, "The marker must not be negative."))?;
    let all = parts.iter().zip(1..).skip(skipped);
    let page: Vec<_> = all
        .take(max)
        .map(|(part, number)| ObjectPart {
            checksum_crc32: part.checksums.get(Algorithm::Crc32),
            checksum_crc32c: part.checksums.get(Algorithm::Crc32c),
            checksum_crc64nvme: part.checksums.get(Algorithm::Crc64Nvme),
            checksum_sha1: part.checksums.get(Algorithm::Sha1),
            checksum_sha256: part.checksums.get(Algorithm::Sha256),
            part_number: Some(number),
            size: Some(to_i64(part.size)),
        })
        .collect();
    let truncated = skipped + page.len() < parts.len();
    Ok(GetObjectAttributesParts {
        is_truncated: Some(truncated),
        max_parts: Some(count(max)),
        next_part_number_marker: page.last().and_then(|part| part.part_number).filter(|_| truncated),
        part_number_marker: Some(after),
        parts: Some(page),
        total_parts_count: Some(count(parts.len())),
    })
}
