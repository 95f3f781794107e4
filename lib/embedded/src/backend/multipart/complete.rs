//! `CompleteMultipartUpload`: the parts' blobs become the object's, in one transaction.

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedMultipartUpload};
use s3s::{S3Request, S3Result, s3_error};

use super::super::{Backend, strong_etag};
use super::{MAX_OBJECT, MIN_PART, part_number};
use crate::checksums::{Algorithm, Checksums, UploadChecksum};
use crate::conditions::WriteCondition;
use crate::error::BackendError;
use crate::events::NewVersion;
use crate::index::{ObjectPartRecord, ObjectRecord, PartRecord, Tables, UploadRecord, VersionStamp};

pub(in super::super) async fn complete(
    backend: &Backend,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let condition = WriteCondition::from_headers(&req.headers)?;
    let host = req
        .headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let input = req.input;
    let output = CompleteMultipartUploadOutput {
        location: Some(format!("http://{host}{}", req.uri.path())),
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        ..CompleteMultipartUploadOutput::default()
    };
    let requested = requested_parts(input.multipart_upload)?;
    let expected = [
        (Algorithm::Crc32, input.checksum_crc32),
        (Algorithm::Crc32c, input.checksum_crc32c),
        (Algorithm::Crc64Nvme, input.checksum_crc64nvme),
        (Algorithm::Sha1, input.checksum_sha1),
        (Algorithm::Sha256, input.checksum_sha256),
    ];
    let (bucket, key, id, size) = (input.bucket, input.key, input.upload_id, input.mpu_object_size);
    let now_ms = backend.clock.now_ms();
    let created_as = (bucket.clone(), key.clone());
    let complete = move |tables: &mut Tables<'_>| {
        let of = tables.bucket(&bucket)?;
        let upload = match tables.upload(&bucket, &key, &id) {
            Ok(upload) => upload,
            // The answer to the same request may have been lost.
            Err(gone) => {
                let object = tables.object(&bucket, &key)?;
                let completed = object
                    .filter(|object| is_repeated(object, &id, &requested))
                    .ok_or(gone)?;
                condition.check(Some(&completed))?;
                let version_id = of.versioning.new_id(completed.version);
                return Ok((completed, version_id));
            }
        };
        let parts = find_parts(tables, &id, &requested)?;
        let mut object = assemble(&id, &upload, parts, now_ms)?;
        object.attributes.lock = of.lock_new(object.attributes.lock, now_ms)?;
        if size.is_some_and(|size| u64::try_from(size) != Ok(object.size)) {
            let message = "The provided 'x-amz-mp-object-size' header value does not match what was computed";
            return Err(s3_error!(InvalidRequest, "{message}").into());
        }
        for (algorithm, value) in expected {
            if value.is_some() && value != object.checksums.get(algorithm) {
                let name = algorithm.name();
                let message = "you specified did not match the calculated checksum.";
                return Err(s3_error!(BadDigest, "The {name} {message}").into());
            }
        }
        condition.check(tables.object(&bucket, &key)?.as_ref())?;
        tables.retain(&object.segments)?;
        tables.remove_upload(&bucket, &key, &id)?;
        let object = tables.put_object(&of, &bucket, &key, object)?;
        let id = of.versioning.new_id(object.version);
        Ok((object, id))
    };
    let (object, version_id) = backend.index.write(complete).await?;
    let created = NewVersion::of(created_as, &object, now_ms);
    backend.events.created("CompleteMultipartUpload", created);
    let sum = |algorithm| object.checksums.get(algorithm);
    Ok(CompleteMultipartUploadOutput {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: object.checksums.kind(),
        e_tag: Some(strong_etag(object.etag)),
        version_id,
        ..output
    })
}

/// A part in the list of a `CompleteMultipartUpload` request.
struct RequestedPart {
    number: u32,
    etag: String,
    sums: [(Algorithm, Option<String>); 5],
}

/// # Errors
/// Returns `MalformedXML` for an empty or incomplete list, and `InvalidPartOrder` for one that is not ascending.
fn requested_parts(list: Option<CompletedMultipartUpload>) -> S3Result<Vec<RequestedPart>> {
    let parts = list.and_then(|list| list.parts).unwrap_or_default();
    if parts.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut requested: Vec<RequestedPart> = Vec::with_capacity(parts.len());
    for part in parts {
        let (Some(number), Some(etag)) = (part.part_number, part.e_tag) else {
            return Err(s3_error!(
                MalformedXML,
                "Every part must have a PartNumber and an ETag."
            ));
        };
        let number = part_number(number)?;
        if requested.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(
                InvalidPartOrder,
                "The list of parts was not in ascending order."
            ));
        }
        let sums = [
            (Algorithm::Crc32, part.checksum_crc32),
            (Algorithm::Crc32c, part.checksum_crc32c),
            (Algorithm::Crc64Nvme, part.checksum_crc64nvme),
            (Algorithm::Sha1, part.checksum_sha1),
            (Algorithm::Sha256, part.checksum_sha256),
        ];
        requested.push(RequestedPart {
            number,
            etag: etag.into_value(),
            sums,
        });
    }
    Ok(requested)
}

/// Returns whether the object was completed from this upload and these parts.
fn is_repeated(object: &ObjectRecord, id: &str, requested: &[RequestedPart]) -> bool {
    let mut md5 = Md5::new();
    for part in requested {
        md5.update(&hex::decode(&part.etag).unwrap_or_default());
    }
    object.upload_id.as_deref() == Some(id) && object.etag == parts_etag(md5, requested.len())
}

/// Returns the ETag of an object, from the hash of the MD5s of its parts.
fn parts_etag(md5: Md5, parts: usize) -> String {
    format!("{}-{parts}", hex::encode(md5.finalize()))
}

/// # Errors
/// Returns `InvalidPart` if a part is missing or differs from the listed one.
fn find_parts(tables: &Tables<'_>, id: &str, requested: &[RequestedPart]) -> Result<Vec<PartRecord>, BackendError> {
    let mut parts = Vec::with_capacity(requested.len());
    for RequestedPart { number, etag, sums } in requested {
        let part = tables.part(id, *number)?.filter(|part| part.etag() == *etag);
        let part = part.filter(|part| {
            sums.iter().all(|(algorithm, value)| {
                let kept = part.checksums.get(*algorithm);
                // A checksum that was not stored cannot be compared: the ETag must suffice.
                value.is_none() || kept.is_none() || *value == kept
            })
        });
        parts.push(part.ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been \
                           uploaded, or the specified entity tag may not match the part's entity tag.";
            s3_error!(InvalidPart, "{message} Part number: {number}")
        })?);
    }
    Ok(parts)
}

/// # Errors
/// Returns `EntityTooSmall` or `EntityTooLarge`.
fn assemble(id: &str, upload: &UploadRecord, parts: Vec<PartRecord>, now_ms: i64) -> S3Result<ObjectRecord> {
    let sizes: Vec<u64> = parts.iter().map(|part| part.size).collect();
    if sizes[..sizes.len() - 1].iter().any(|size| *size < MIN_PART) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    let size = sizes.iter().sum();
    if size > MAX_OBJECT {
        return Err(s3_error!(
            EntityTooLarge,
            "Your proposed upload exceeds the maximum allowed object size."
        ));
    }
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(&part.md5);
    }
    let combine = |checksum: UploadChecksum| checksum.combine(parts.iter().map(|part| (&part.checksums, part.size)));
    let part = |part: &PartRecord| ObjectPartRecord {
        size: part.size,
        checksums: upload
            .checksum
            .map_or_else(Checksums::default, |_| part.checksums.clone()),
    };
    Ok(ObjectRecord {
        version: VersionStamp::new(now_ms),
        etag: parts_etag(md5, parts.len()),
        size,
        // The time of the initiation, as in S3, not of the completion.
        modified_ms: upload.initiated_ms,
        attributes: upload.attributes.clone(),
        checksums: upload.checksum.and_then(combine).unwrap_or_default(),
        parts: parts.iter().map(part).collect(),
        segments: parts.into_iter().flat_map(|part| part.segments).collect(),
        upload_id: Some(id.to_owned()),
        restored: None,
    })
}
