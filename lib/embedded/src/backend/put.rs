//! `PutObject`.

use bytes::Bytes;
use futures::Stream;
use s3s::dto::{PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::{S3Request, S3Result, StdError, s3_error};

use super::{Backend, attributes, strong_etag, unsupported};
use crate::blobs::{IncomingBody, MAX_INLINE};
use crate::checksums::{Algorithm, Checksums, ExpectedDigests};
use crate::conditions::WriteCondition;
use crate::events::NewVersion;
use crate::index::{ObjectAttributes, ObjectRecord, Tables, VersionStamp};

/// The maximum size of an object uploaded in one request, in bytes.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
pub(crate) const MAX_PUT: u64 = 5 * 1024 * 1024 * 1024;

pub(super) async fn put(backend: &Backend, req: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    unsupported::reject_headers(&req.headers)?;
    let expected = ExpectedDigests::from_headers(&req.headers, req.trailing_headers)?;
    let condition = WriteCondition::from_headers(&req.headers)?;
    let mut input = req.input;
    let new = NewObject {
        attributes: attributes::from_put(&mut input, backend.clock.now_ms())?,
        bucket: input.bucket,
        key: input.key,
        expected,
        condition,
        expected_len: input.content_length.and_then(|len| u64::try_from(len).ok()),
        min_len: 0,
        max_len: MAX_PUT,
    };
    let stored = backend.store(new, body(input.body)).await?;
    let sum = |algorithm| stored.checksums.get(algorithm);
    Ok(PutObjectOutput {
        checksum_crc32: sum(Algorithm::Crc32),
        checksum_crc32c: sum(Algorithm::Crc32c),
        checksum_crc64nvme: sum(Algorithm::Crc64Nvme),
        checksum_sha1: sum(Algorithm::Sha1),
        checksum_sha256: sum(Algorithm::Sha256),
        checksum_type: stored.checksums.kind(),
        e_tag: Some(strong_etag(stored.etag)),
        version_id: stored.version_id,
        ..PutObjectOutput::default()
    })
}

/// Returns the body of a request, which is empty if it is missing.
pub(super) fn body(body: Option<StreamingBlob>) -> StreamingBlob {
    body.unwrap_or_else(|| StreamingBlob::wrap(futures::stream::empty::<Result<Bytes, std::io::Error>>()))
}

/// An object to be stored, without its bytes.
pub(crate) struct NewObject {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) attributes: ObjectAttributes,
    pub(crate) expected: ExpectedDigests,
    pub(crate) condition: WriteCondition,
    /// The `Content-Length` of the request, in bytes, if it has one.
    pub(crate) expected_len: Option<u64>,
    /// The minimum size, in bytes.
    pub(crate) min_len: u64,
    /// The maximum size, in bytes.
    pub(crate) max_len: u64,
}

/// A stored object, as a response describes it.
pub(crate) struct StoredObject {
    /// None for a version `null`.
    pub(crate) version_id: Option<String>,
    pub(crate) etag: String,
    pub(crate) checksums: Checksums,
}

impl Backend {
    /// Receives and verifies the bytes, then checks the condition again and stores the object in one transaction.
    pub(crate) async fn store<S>(&self, new: NewObject, body: S) -> S3Result<StoredObject>
    where
        S: Stream<Item = Result<Bytes, StdError>> + Unpin,
    {
        let NewObject {
            bucket,
            key,
            attributes,
            expected,
            condition,
            expected_len,
            min_len,
            max_len,
        } = new;
        if expected_len.is_none_or(|len| len > MAX_INLINE) {
            // Checked here as well, so that a body that cannot be stored is not received.
            let (early_condition, early_bucket, early_key) = (condition.clone(), bucket.clone(), key.clone());
            self.read(move |snapshot| Ok(early_condition.check(snapshot.object(&early_bucket, &early_key)?.as_ref())?))
                .await?;
        }

        let hasher = expected.hasher();
        let received = self
            .blobs
            .receive(IncomingBody {
                body,
                hasher,
                expected_len,
                max_len,
            })
            .await?;
        if received.len < min_len {
            return Err(s3_error!(
                EntityTooSmall,
                "Your proposed upload is smaller than the minimum allowed size"
            ));
        }
        let checksums = expected.verify(&received)?;
        let etag = hex::encode(received.md5);
        let now_ms = self.clock.now_ms();
        let created = NewVersion {
            bucket: bucket.clone(),
            key: key.clone(),
            size: received.len,
            etag: etag.clone(),
            now_ms,
        };
        let commit = move |tables: &mut Tables<'_>| {
            let of = tables.bucket(&bucket)?;
            let lock = of.lock_new(attributes.lock, now_ms)?;
            condition.check(tables.object(&bucket, &key)?.as_ref())?;
            let object = ObjectRecord {
                version: VersionStamp::new(now_ms),
                etag,
                size: received.len,
                modified_ms: now_ms,
                attributes: ObjectAttributes { lock, ..attributes },
                checksums,
                segments: tables.adopt(received)?,
                parts: Vec::new(),
                upload_id: None,
                restored: None,
            };
            let stored = tables.put_object(&of, &bucket, &key, object)?;
            Ok(StoredObject {
                version_id: of.versioning.new_id(stored.version),
                etag: stored.etag,
                checksums: stored.checksums,
            })
        };
        let stored = self.index.write(commit).await?;
        self.events.created("Put", created);
        Ok(stored)
    }
}
