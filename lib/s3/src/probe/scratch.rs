//! The keys of one try of a probe.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use draftstore_storage::{
    Attributes, BucketName, DraftBucket, ETag, Error, ErrorKind, ObjectKey, Operation, PutDraft, UploadId,
};

use crate::S3Storage;
use crate::calls;
use crate::error::Call;

/// The range of bytes that are compared: enough to distinguish the bodies.
const LOOKED_AT: &str = "bytes=0-31";

/// The objects and uploads of one try.
pub(super) struct Scratch<'a> {
    pub(super) s3: &'a S3Storage,
    bucket: &'a DraftBucket,
    prefix: String,
    objects: Mutex<Vec<ObjectKey>>,
    uploads: Mutex<Vec<(ObjectKey, UploadId)>>,
}

impl<'a> Scratch<'a> {
    pub(super) fn new(s3: &'a S3Storage, bucket: &'a DraftBucket, prefix: String) -> Self {
        Self {
            s3,
            bucket,
            prefix,
            objects: Mutex::default(),
            uploads: Mutex::default(),
        }
    }

    pub(super) fn bucket(&self) -> &'a str {
        self.bucket_name().as_str()
    }

    pub(super) fn draft_bucket(&self) -> &'a DraftBucket {
        self.bucket
    }

    pub(super) fn bucket_name(&self) -> &'a BucketName {
        self.bucket.name()
    }

    pub(super) fn call<'k>(&self, operation: Operation, key: &'k ObjectKey) -> Call<'k>
    where
        'a: 'k,
    {
        Call::on_key(operation, self.bucket.name(), key)
    }

    /// Returns a key without an object.
    pub(super) fn key(&self, name: &str) -> Result<ObjectKey, Error> {
        let key = ObjectKey::new(format!("{}/{name}", self.prefix)).map_err(|error| {
            Call::on_bucket(Operation::PutObject, self.bucket.name()).unexpected(format!("probing: {error}"))
        })?;
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.push(key.clone());
        Ok(key)
    }

    /// Creates an object with these bytes, and returns its key and its `ETag`.
    pub(super) async fn object(&self, name: &str, bytes: &[u8]) -> Result<(ObjectKey, ETag), Error> {
        let key = self.key(name)?;
        let etag = self.put(&key, bytes).await?;
        Ok((key, etag))
    }

    pub(super) async fn put(&self, key: &ObjectKey, bytes: &[u8]) -> Result<ETag, Error> {
        let put = PutDraft {
            bucket: self.bucket,
            key,
            bytes,
            attributes: Attributes::NONE,
            if_absent: false,
        };
        calls::put_draft(self.s3, &put).await
    }

    /// Returns `true` if the object begins like these bytes.
    pub(super) async fn holds(&self, key: &ObjectKey, bytes: &[u8]) -> Result<bool, Error> {
        let there = self.beginning(key).await?;
        Ok(there.is_some_and(|there| !there.is_empty() && bytes.starts_with(&there)))
    }

    pub(super) async fn is_absent(&self, key: &ObjectKey) -> Result<bool, Error> {
        Ok(self.beginning(key).await?.is_none())
    }

    async fn beginning(&self, key: &ObjectKey) -> Result<Option<Vec<u8>>, Error> {
        let call = self.call(Operation::GetObject, key);
        let request = self.s3.client.get_object().bucket(self.bucket()).key(key.as_str());
        let object = match request.range(LOOKED_AT).send().await {
            Ok(object) => object,
            Err(error) => {
                let error = call.failed(&error);
                return if error.kind == ErrorKind::NotFound {
                    Ok(None)
                } else {
                    Err(error)
                };
            }
        };
        let bytes = object.body.collect().await.map_err(|error| call.broken_off(&error))?;
        Ok(Some(bytes.to_vec()))
    }

    /// A multipart upload in progress.
    pub(super) async fn upload(&self, key: &ObjectKey) -> Result<UploadId, Error> {
        self.upload_with(key, BTreeMap::new()).await
    }

    /// A multipart upload in progress, of an object with this metadata.
    pub(super) async fn upload_with(
        &self,
        key: &ObjectKey,
        metadata: BTreeMap<String, String>,
    ) -> Result<UploadId, Error> {
        let call = self.call(Operation::CreateMultipartUpload, key);
        let request = self.s3.client.create_multipart_upload();
        let request = request.set_metadata(Some(metadata.into_iter().collect()));
        let begun = request.bucket(self.bucket()).key(key.as_str()).send().await;
        let begun = begun.map_err(|error| call.failed(&error))?;
        let id = begun
            .upload_id()
            .map(UploadId::new)
            .ok_or_else(|| call.unexpected("the answer lacks an upload ID"))?;
        self.remember_upload(key, &id);
        Ok(id)
    }

    /// Adds the upload to what is removed after the try.
    pub(super) fn remember_upload(&self, key: &ObjectKey, id: &UploadId) {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.push((key.clone(), id.clone()));
    }

    /// Removes the objects and uploads of the try. Failures are ignored, because the sweep removes the rest.
    pub(super) async fn clear(self) {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (key, id) in &uploads {
            if let Err(error) = calls::abort(self.s3, self.bucket.name(), key, id).await {
                tracing::debug!(object.key = %key, %error, "cannot abort an upload of the probe");
            }
        }
        for key in &objects {
            let delete = self.s3.client.delete_object().bucket(self.bucket()).key(key.as_str());
            if let Err(error) = delete.send().await {
                let error = self.call(Operation::DeleteObject, key).failed(&error);
                tracing::debug!(object.key = %key, %error, "cannot delete an object of the probe");
            }
        }
    }
}

/// Returns the response to a call, or `None` where the store refused it, for whatever reason it gives. The bytes tell
/// the rest.
///
/// # Errors
/// Errors that say nothing about conditions: the store fails, the bucket is missing, or the call is not allowed.
pub(super) fn answer<T, E>(call: Call<'_>, answer: Result<T, SdkError<E>>) -> Result<Option<T>, Error>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let error = match answer {
        Ok(answer) => return Ok(Some(answer)),
        Err(error) => call.failed(&error),
    };
    if is_trouble(error.kind) { Err(error) } else { Ok(None) }
}

/// Returns `true` for an error that says nothing about conditions.
pub(super) fn is_trouble(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Unavailable | ErrorKind::BucketNotFound | ErrorKind::CredentialsRefused => true,
        ErrorKind::NotFound
        | ErrorKind::PreconditionFailed
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::Archived
        | ErrorKind::Unsupported
        | ErrorKind::Unexpected => false,
    }
}

/// An upload's only part.
pub(super) fn only_part(etag: &str) -> CompletedMultipartUpload {
    let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
    CompletedMultipartUpload::builder().parts(part).build()
}
