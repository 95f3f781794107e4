//! The signer of this project, called through the `Presign` trait as the service does.

use std::sync::Arc;
use std::time::SystemTime;

use draftstore_benches::{UPLOAD_TTL, storage};
use draftstore_storage::{Attributes, DraftBucket, ObjectKey, Presign, PresignPut, PresignedRequest};

pub(crate) struct StorageSigner {
    storage: Arc<dyn Presign>,
    bucket: DraftBucket,
    key: ObjectKey,
}

impl StorageSigner {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let (storage, buckets) = storage().await?;
        Ok(Self {
            storage,
            bucket: buckets.draft,
            key: ObjectKey::new(super::KEY)?,
        })
    }

    /// Signs an upload URL without constraints.
    pub(crate) async fn sign(&self, now: SystemTime) -> anyhow::Result<PresignedRequest> {
        let put = PresignPut {
            bucket: &self.bucket,
            key: &self.key,
            content_length: None,
            checksum_sha256: None,
            attributes: Attributes::NONE,
            write_once: false,
            now,
            expires_in: UPLOAD_TTL,
        };
        Ok(self.storage.presign_put(&put).await?)
    }
}
