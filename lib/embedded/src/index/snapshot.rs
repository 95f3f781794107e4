//! Reading what is committed.

use std::collections::HashMap;

use bytes::Bytes;
use redb::{ReadOnlyTable, ReadableTable as _};

use super::file::Reading;
use super::records::{BucketRecord, ObjectRecord, PartRecord, UploadRecord, decode};
use super::tables::{BLOBS, BUCKETS, OBJECTS, PARTS, SMALL, UPLOADS, get, no_such_bucket, no_such_upload};
use crate::blobs::{BlobId, MAX_SMALL, Segment};
use crate::failure::Failure;

/// One consistent state of the index. Blocking, all of it: pages may have to come from the disk.
pub(crate) struct Snapshot {
    reading: Reading,
}

pub(super) type Objects = ReadOnlyTable<(&'static str, &'static str), &'static [u8]>;
pub(super) type Uploads = ReadOnlyTable<(&'static str, &'static str, &'static str), &'static [u8]>;

impl Snapshot {
    pub(super) fn new(reading: Reading) -> Self {
        Self { reading }
    }

    /// Every bucket, by name.
    pub(crate) fn buckets(&self) -> Result<Vec<(String, BucketRecord)>, Failure> {
        let table = self.reading.txn.open_table(BUCKETS)?;
        let mut buckets = Vec::new();
        for entry in table.iter()? {
            let (name, record) = entry?;
            buckets.push((name.value().to_owned(), decode(record.value())?));
        }
        Ok(buckets)
    }

    /// The bucket, or `NoSuchBucket`.
    pub(crate) fn bucket(&self, bucket: &str) -> Result<BucketRecord, Failure> {
        get(&self.reading.txn.open_table(BUCKETS)?, bucket)?.ok_or_else(|| no_such_bucket().into())
    }

    /// The object, if the key holds one; `NoSuchBucket` where there is no such bucket.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRecord>, Failure> {
        match get(&self.objects()?, (bucket, key))? {
            Some(object) => Ok(Some(object)),
            None => self.bucket(bucket).map(|_| None),
        }
    }

    /// The upload, or `NoSuchUpload` (or `NoSuchBucket`).
    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<UploadRecord, Failure> {
        match get(&self.uploads()?, (bucket, key, id))? {
            Some(upload) => Ok(upload),
            None => self.bucket(bucket).and_then(|_| Err(no_such_upload().into())),
        }
    }

    /// Up to `max` parts of an upload with numbers above `after`, in order.
    pub(crate) fn parts(&self, upload: &str, after: u32, max: usize) -> Result<Vec<(u32, PartRecord)>, Failure> {
        let table = self.reading.txn.open_table(PARTS)?;
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

    /// The bytes of those blobs of the segments that are no files.
    pub(crate) fn small(&self, segments: &[Segment]) -> Result<HashMap<BlobId, Bytes>, Failure> {
        let table = self.reading.txn.open_table(SMALL)?;
        let mut small = HashMap::new();
        for segment in segments
            .iter()
            .filter(|segment| segment.offset + segment.len <= MAX_SMALL)
        {
            if let Some(bytes) = table.get(segment.blob.number())? {
                small.insert(segment.blob, Bytes::copy_from_slice(bytes.value()));
            }
        }
        Ok(small)
    }

    pub(super) fn is_referenced(&self, blob: BlobId) -> Result<bool, Failure> {
        Ok(self.reading.txn.open_table(BLOBS)?.get(blob.number())?.is_some())
    }

    pub(super) fn objects(&self) -> Result<Objects, Failure> {
        Ok(self.reading.txn.open_table(OBJECTS)?)
    }

    pub(super) fn uploads(&self) -> Result<Uploads, Failure> {
        Ok(self.reading.txn.open_table(UPLOADS)?)
    }
}
