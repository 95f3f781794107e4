//! `UploadPart`.

use s3s::dto::{UploadPartInput, UploadPartOutput};
use s3s::{S3Request, S3Result};

use super::super::{Backend, MAX_PUT, put, strong_etag, unsupported};
use super::part_number;
use crate::blobs::IncomingBody;
use crate::checksums::{Algorithm, ExpectedDigests};
use crate::index::{PartRecord, Tables};

/// Uploads a part. Idempotent: a part with the same number is replaced.
pub(in super::super) async fn upload(backend: &Backend, req: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    unsupported::reject_headers(&req.headers)?;
    let mut expected = ExpectedDigests::from_headers(&req.headers, req.trailing_headers)?;
    let UploadPartInput {
        body,
        bucket,
        key,
        upload_id,
        part_number: number,
        content_length,
        ..
    } = req.input;
    let number = part_number(number)?;
    let (in_bucket, in_key, id) = (bucket.clone(), key.clone(), upload_id.clone());
    let record = backend
        .read(move |snapshot| snapshot.upload(&in_bucket, &in_key, &id))
        .await?;
    expected.require(record.checksum.map(|checksum| checksum.algorithm));

    let incoming = IncomingBody {
        body: put::body(body),
        hasher: expected.hasher(),
        expected_len: content_length.and_then(|len| u64::try_from(len).ok()),
        max_len: MAX_PUT,
    };
    let received = backend.blobs.receive(incoming).await?;
    let checksums = expected.verify(&received)?;
    let part = PartRecord {
        md5: received.md5,
        size: received.len,
        modified_ms: backend.clock.now_ms(),
        checksums,
        segments: Vec::new(),
    };
    let sum = |algorithm| part.checksums.get(algorithm);
    let output = UploadPartOutput {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        e_tag: Some(strong_etag(part.etag())),
        ..UploadPartOutput::default()
    };
    let put = move |tables: &mut Tables<'_>| {
        // The upload may have been completed or aborted while the part was received.
        tables.upload(&bucket, &key, &upload_id)?;
        let part = PartRecord {
            segments: tables.adopt(received)?,
            ..part
        };
        tables.put_part(&upload_id, number, &part)
    };
    backend.index.write(put).await?;
    Ok(output)
}
