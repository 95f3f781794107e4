//! The tables, and the only functions that change them. Each keeps the reference counts of blobs correct.

use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};
use s3s::{S3Error, s3_error};
use serde::de::DeserializeOwned;

use super::records::{BucketRecord, ObjectRecord, PartRecord, UploadRecord, decode, encode};
use crate::blobs::{BlobData, BlobId, PendingBlob, Received, Segment};
use crate::error::BackendError;

type RecordBytes = &'static [u8];

const FORMAT: TableDefinition<'_, (), u64> = TableDefinition::new("format");
pub(super) const BUCKETS: TableDefinition<'_, &str, RecordBytes> = TableDefinition::new("buckets");
/// Objects by bucket and key.
pub(super) const OBJECTS: TableDefinition<'_, (&str, &str), RecordBytes> = TableDefinition::new("objects");
/// Uploads by bucket, key and upload ID. IDs start with the time, so the uploads of a key are sorted by age.
pub(super) const UPLOADS: TableDefinition<'_, (&str, &str, &str), RecordBytes> = TableDefinition::new("uploads");
/// Parts by upload ID and part number.
pub(super) const PARTS: TableDefinition<'_, (&str, u32), RecordBytes> = TableDefinition::new("parts");
/// The number of segments that refer to a blob; never 0.
pub(super) const BLOBS: TableDefinition<'_, u128, u64> = TableDefinition::new("blobs");
/// The bytes of the blobs that are stored in the index.
pub(super) const INLINE: TableDefinition<'_, u128, RecordBytes> = TableDefinition::new("small");

/// Creates missing tables and returns the format number: `format` for a new database, and for one of the `upgradable`
/// formats, which only lack tables.
pub(super) fn create(db: &Database, format: u64, upgradable: std::ops::Range<u64>) -> Result<u64, redb::Error> {
    let txn = db.begin_write()?;
    let mut table = txn.open_table(FORMAT)?;
    let known = table.get(())?.map(|number| number.value());
    let number = known.filter(|known| !upgradable.contains(known)).unwrap_or(format);
    if known != Some(number) {
        table.insert((), number)?;
    }
    drop(table);
    if number == format {
        Tables::open(&txn)?;
    }
    txn.commit()?;
    Ok(number)
}

/// All tables in one write transaction.
pub(crate) struct Tables<'txn> {
    buckets: Table<'txn, &'static str, RecordBytes>,
    objects: Table<'txn, (&'static str, &'static str), RecordBytes>,
    uploads: Table<'txn, (&'static str, &'static str, &'static str), RecordBytes>,
    parts: Table<'txn, (&'static str, u32), RecordBytes>,
    blobs: Table<'txn, u128, u64>,
    inline: Table<'txn, u128, RecordBytes>,
    effects: Effects,
}

/// The effects of a committed transaction on the files.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Received blobs that a record now refers to.
    pub(super) adopted: Vec<PendingBlob>,
    /// Blobs that no record refers to any more.
    pub(super) freed: Vec<BlobId>,
}

impl<'txn> Tables<'txn> {
    pub(super) fn open(txn: &'txn WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self {
            buckets: txn.open_table(BUCKETS)?,
            objects: txn.open_table(OBJECTS)?,
            uploads: txn.open_table(UPLOADS)?,
            parts: txn.open_table(PARTS)?,
            blobs: txn.open_table(BLOBS)?,
            inline: txn.open_table(INLINE)?,
            effects: Effects::default(),
        })
    }

    pub(super) fn into_effects(self) -> Effects {
        self.effects
    }

    pub(crate) fn bucket(&self, bucket: &str) -> Result<BucketRecord, BackendError> {
        get(&self.buckets, bucket)?.ok_or_else(|| no_such_bucket().into())
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> Result<bool, BackendError> {
        Ok(self.buckets.get(bucket)?.is_some())
    }

    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRecord>, BackendError> {
        get(&self.objects, (bucket, key))
    }

    pub(crate) fn has_objects(&self, bucket: &str) -> Result<bool, BackendError> {
        match self.objects.range((bucket, "")..)?.next() {
            Some(entry) => Ok(entry?.0.value().0 == bucket),
            None => Ok(false),
        }
    }

    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<UploadRecord, BackendError> {
        get(&self.uploads, (bucket, key, id))?.ok_or_else(|| no_such_upload().into())
    }

    pub(crate) fn part(&self, upload: &str, number: u32) -> Result<Option<PartRecord>, BackendError> {
        get(&self.parts, (upload, number))
    }

    pub(crate) fn put_bucket(&mut self, bucket: &str, record: &BucketRecord) -> Result<(), BackendError> {
        self.buckets.insert(bucket, encode(record)?.as_slice())?;
        Ok(())
    }

    /// Deletes a bucket without objects, together with its uploads in progress.
    pub(crate) fn delete_bucket(&mut self, bucket: &str) -> Result<(), BackendError> {
        let mut uploads = Vec::new();
        for entry in self.uploads.range((bucket, "", "")..)? {
            let (key, _) = entry?;
            let (owner, key, id) = key.value();
            if owner != bucket {
                break;
            }
            uploads.push((key.to_owned(), id.to_owned()));
        }
        for (key, id) in uploads {
            self.remove_upload(bucket, &key, &id)?;
        }
        self.buckets.remove(bucket)?;
        Ok(())
    }

    /// Adopts a received blob for the record about to refer to it. Returns its segments, of which an empty body has none.
    pub(crate) fn adopt(&mut self, received: Received) -> Result<Vec<Segment>, BackendError> {
        if received.len == 0 {
            return Ok(Vec::new());
        }
        let blob = match received.data {
            BlobData::File(pending) => {
                let id = pending.id();
                self.effects.adopted.push(pending);
                id
            }
            BlobData::Inline(bytes) => {
                let id = BlobId::random();
                self.inline.insert(id.number(), bytes.as_slice())?;
                id
            }
        };
        let segment = Segment {
            blob,
            offset: 0,
            len: received.len,
        };
        self.retain(&[segment])?;
        Ok(vec![segment])
    }

    /// Adds a reference to each segment. A copy does this instead of copying bytes.
    pub(crate) fn retain(&mut self, segments: &[Segment]) -> Result<(), BackendError> {
        for segment in segments {
            let id = segment.blob.number();
            let count = self.blobs.get(id)?.map_or(0, |count| count.value());
            self.blobs.insert(id, count + 1)?;
        }
        Ok(())
    }

    fn release(&mut self, segments: &[Segment]) -> Result<(), BackendError> {
        for segment in segments {
            let id = segment.blob.number();
            // Most blobs have one reference, so a remove avoids the separate read.
            let count = self.blobs.remove(id)?.map_or(0, |count| count.value());
            if count > 1 {
                self.blobs.insert(id, count - 1)?;
            } else if self.inline.remove(id)?.is_none() {
                self.effects.freed.push(segment.blob);
            }
        }
        Ok(())
    }

    /// Replaces the object of the key. The segments of `record` must already be adopted or retained.
    pub(crate) fn put_object(&mut self, bucket: &str, key: &str, record: &ObjectRecord) -> Result<(), BackendError> {
        let old = get::<ObjectRecord, _>(&self.objects, (bucket, key))?;
        self.objects.insert((bucket, key), encode(record)?.as_slice())?;
        old.map_or(Ok(()), |old| self.release(&old.segments))
    }

    pub(crate) fn delete_object(&mut self, bucket: &str, key: &str) -> Result<(), BackendError> {
        let old = self.objects.remove((bucket, key))?;
        let old = old.map(|bytes| decode::<ObjectRecord>(bytes.value())).transpose()?;
        old.map_or(Ok(()), |old| self.release(&old.segments))
    }

    pub(crate) fn put_upload(
        &mut self,
        bucket: &str,
        key: &str,
        id: &str,
        record: &UploadRecord,
    ) -> Result<(), BackendError> {
        self.uploads.insert((bucket, key, id), encode(record)?.as_slice())?;
        Ok(())
    }

    /// Replaces the part of this number. The segments of `record` must already be adopted or retained.
    pub(crate) fn put_part(&mut self, upload: &str, number: u32, record: &PartRecord) -> Result<(), BackendError> {
        let old = self.part(upload, number)?;
        self.parts.insert((upload, number), encode(record)?.as_slice())?;
        old.map_or(Ok(()), |old| self.release(&old.segments))
    }

    /// Removes an upload and its parts. Segments that a completed object uses must be retained before.
    pub(crate) fn remove_upload(&mut self, bucket: &str, key: &str, id: &str) -> Result<(), BackendError> {
        self.uploads.remove((bucket, key, id))?;
        let mut parts = Vec::new();
        for entry in self.parts.range((id, 0)..=(id, u32::MAX))? {
            let (number, part) = entry?;
            parts.push((number.value().1, decode::<PartRecord>(part.value())?));
        }
        for (number, part) in parts {
            self.parts.remove((id, number))?;
            self.release(&part.segments)?;
        }
        Ok(())
    }
}

pub(super) fn get<'k, T, K>(
    table: &impl ReadableTable<K, RecordBytes>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
) -> Result<Option<T>, BackendError>
where
    T: DeserializeOwned,
    K: redb::Key + 'static,
{
    table.get(key)?.map(|bytes| decode(bytes.value())).transpose()
}

pub(super) fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. It may have been aborted or completed."
    )
}
