//! Reads of the committed state.

use std::collections::HashMap;

use bytes::Bytes;
use redb::{ReadOnlyTable, ReadableTable as _};

use super::file::ReadTransactionGuard;
use super::records::{BucketRecord, ObjectRecord, PartRecord, UploadRecord, decode};
use super::tables::{
    BLOBS, BUCKETS, INLINE, NULLS, OBJECTS, PARTS, UPLOADS, VERSIONS, get, no_such_bucket, no_such_upload,
};
use super::versions::{Version, VersionSelector, VersionTables};
use crate::blobs::{BlobId, MAX_INLINE, Segment};
use crate::error::BackendError;

/// A consistent state of the index. All methods block, because pages may have to be read from disk.
pub(crate) struct Snapshot {
    transaction: ReadTransactionGuard,
}

pub(super) type ObjectTable = ReadOnlyTable<(&'static str, &'static str), &'static [u8]>;
pub(super) type VersionTable = ReadOnlyTable<(&'static str, &'static str, u64), &'static [u8]>;
pub(super) type UploadTable = ReadOnlyTable<(&'static str, &'static str, &'static str), &'static [u8]>;

/// The version that a request names, if the key has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundVersion {
    pub(crate) version: Option<Version>,
    /// The version ID that responses contain: none if the bucket never had versions.
    pub(crate) id: Option<String>,
}

impl Snapshot {
    pub(super) fn new(transaction: ReadTransactionGuard) -> Self {
        Self { transaction }
    }

    /// Returns all buckets, sorted by name.
    pub(crate) fn buckets(&self) -> Result<Vec<(String, BucketRecord)>, BackendError> {
        let table = self.transaction.txn.open_table(BUCKETS)?;
        let mut buckets = Vec::new();
        for entry in table.iter()? {
            let (name, record) = entry?;
            buckets.push((name.value().to_owned(), decode(record.value())?));
        }
        Ok(buckets)
    }

    /// Returns the bucket, or `NoSuchBucket`.
    pub(crate) fn bucket(&self, bucket: &str) -> Result<BucketRecord, BackendError> {
        get(&self.transaction.txn.open_table(BUCKETS)?, bucket)?.ok_or_else(|| no_such_bucket().into())
    }

    /// Returns a version with its ID, or `NoSuchBucket`.
    pub(crate) fn version(
        &self,
        bucket: &str,
        key: &str,
        wanted: VersionSelector,
    ) -> Result<FoundVersion, BackendError> {
        let tables = VersionTables {
            objects: &self.objects()?,
            versions: &self.versions()?,
            nulls: &self.transaction.txn.open_table(NULLS)?,
        };
        let version = tables.find(bucket, key, wanted)?;
        let id = match &version {
            Some(version) if !version.stamp().is_null() => Some(version.stamp().id()),
            Some(version) => self.bucket(bucket)?.versioning.visible_id(version.stamp()),
            None => self.bucket(bucket).map(|_| None)?,
        };
        Ok(FoundVersion { version, id })
    }

    /// Returns the current object, `None` if the key holds none, or `NoSuchBucket`.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRecord>, BackendError> {
        match get(&self.objects()?, (bucket, key))? {
            Some(object) => Ok(Some(object)),
            None => self.bucket(bucket).map(|_| None),
        }
    }

    /// Returns the upload, `NoSuchUpload` or `NoSuchBucket`.
    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<UploadRecord, BackendError> {
        match get(&self.uploads()?, (bucket, key, id))? {
            Some(upload) => Ok(upload),
            None => self.bucket(bucket).and_then(|_| Err(no_such_upload().into())),
        }
    }

    /// Returns up to `max` parts of an upload with numbers greater than `after`, in order.
    pub(crate) fn parts(&self, upload: &str, after: u32, max: usize) -> Result<Vec<(u32, PartRecord)>, BackendError> {
        let table = self.transaction.txn.open_table(PARTS)?;
        let mut parts = Vec::new();
        for entry in table
            .range((upload, after.saturating_add(1))..=(upload, u32::MAX))?
            .take(max)
        {
            let (number, part) = entry?;
            parts.push((number.value().1, decode(part.value())?));
        }
        Ok(parts)
    }

    /// Returns the bytes of the blobs that are stored in the index.
    pub(crate) fn inline_blobs(&self, segments: &[Segment]) -> Result<HashMap<BlobId, Bytes>, BackendError> {
        let table = self.transaction.txn.open_table(INLINE)?;
        let mut inline_blobs = HashMap::new();
        for segment in segments
            .iter()
            .filter(|segment| segment.offset + segment.len <= MAX_INLINE)
        {
            if let Some(bytes) = table.get(segment.blob.number())? {
                inline_blobs.insert(segment.blob, Bytes::copy_from_slice(bytes.value()));
            }
        }
        Ok(inline_blobs)
    }

    pub(super) fn is_referenced(&self, blob: BlobId) -> Result<bool, BackendError> {
        Ok(self.transaction.txn.open_table(BLOBS)?.get(blob.number())?.is_some())
    }

    pub(super) fn objects(&self) -> Result<ObjectTable, BackendError> {
        Ok(self.transaction.txn.open_table(OBJECTS)?)
    }

    pub(super) fn versions(&self) -> Result<VersionTable, BackendError> {
        Ok(self.transaction.txn.open_table(VERSIONS)?)
    }

    pub(super) fn uploads(&self) -> Result<UploadTable, BackendError> {
        Ok(self.transaction.txn.open_table(UPLOADS)?)
    }
}
