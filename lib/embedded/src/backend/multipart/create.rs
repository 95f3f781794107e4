//! `CreateMultipartUpload`.

use s3s::dto::{ChecksumAlgorithm, ChecksumType, CreateMultipartUploadInput, CreateMultipartUploadOutput};
use s3s::{S3Request, S3Result};

use super::super::{Backend, attributes, unsupported};
use crate::checksums::UploadChecksum;
use crate::index::{Tables, UploadRecord};

pub(in super::super) async fn create(
    backend: &Backend,
    req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    unsupported::reject_headers(&req.headers)?;
    let mut input = req.input;
    let checksum = UploadChecksum::parse(
        input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str),
        input.checksum_type.as_ref().map(ChecksumType::as_str),
    )?;
    let initiated_ms = backend.clock.now_ms();
    let record = UploadRecord {
        initiated_ms,
        attributes: attributes::from_upload(&mut input, initiated_ms)?,
        checksum,
    };
    let CreateMultipartUploadInput {
        bucket,
        key,
        checksum_algorithm,
        ..
    } = input;
    let output = CreateMultipartUploadOutput {
        bucket: Some(bucket.clone()),
        key: Some(key.clone()),
        upload_id: Some(new_id(initiated_ms)),
        checksum_algorithm,
        checksum_type: checksum.map(UploadChecksum::kind),
        ..CreateMultipartUploadOutput::default()
    };
    let id = output.upload_id.clone().unwrap_or_default();
    let put = move |tables: &mut Tables<'_>| {
        // Locks are checked here as well, so that nothing is uploaded in vain.
        tables.bucket(&bucket)?.lock_new(record.attributes.lock, initiated_ms)?;
        tables.put_upload(&bucket, &key, &id, &record)
    };
    backend.index.write(put).await?;
    Ok(output)
}

/// Returns the time in hex, so that the IDs of a key sort by age, followed by 128 random bits.
fn new_id(now_ms: i64) -> String {
    let random: [u8; 16] = rand::random();
    format!("{now_ms:012x}{}", hex::encode(random))
}
