//! The tables, and the only functions that change them: each keeps the count of every blob's references right.

use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};
use s3s::{S3Error, s3_error};
use serde::de::DeserializeOwned;

use super::records::{BucketRecord, ObjectRecord, PartRecord, UploadRecord, decode, encode};
use crate::blobs::{BlobId, PendingBlob, Place, Received, Segment};
use crate::failure::Failure;

type Bytes = &'static [u8];

const FORMAT: TableDefinition<'_, (), u64> = TableDefinition::new("format");
pub(super) const BUCKETS: TableDefinition<'_, &str, Bytes> = TableDefinition::new("buckets");
/// By bucket and key.
pub(super) const OBJECTS: TableDefinition<'_, (&str, &str), Bytes> = TableDefinition::new("objects");
/// By bucket, key and upload ID. IDs begin with the time, so that a key's uploads come oldest first.
pub(super) const UPLOADS: TableDefinition<'_, (&str, &str, &str), Bytes> = TableDefinition::new("uploads");
/// By upload ID and part number.
pub(super) const PARTS: TableDefinition<'_, (&str, u32), Bytes> = TableDefinition::new("parts");
/// How many segments refer to a blob; never 0.
pub(super) const BLOBS: TableDefinition<'_, u128, u64> = TableDefinition::new("blobs");
/// The bytes of blobs that are no files.
pub(super) const SMALL: TableDefinition<'_, u128, Bytes> = TableDefinition::new("small");

/// Makes what is missing and returns the format's number: `format` in a new database, and in one of a format that becomes
/// this one by tables that it lacks.
pub(super) fn create(db: &Database, format: u64, lack_tables: std::ops::Range<u64>) -> Result<u64, redb::Error> {
    let txn = db.begin_write()?;
    let mut table = txn.open_table(FORMAT)?;
    let known = table.get(())?.map(|number| number.value());
    let number = known.filter(|known| !lack_tables.contains(known)).unwrap_or(format);
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

/// All tables within one write transaction.
pub(crate) struct Tables<'txn> {
    buckets: Table<'txn, &'static str, Bytes>,
    objects: Table<'txn, (&'static str, &'static str), Bytes>,
    uploads: Table<'txn, (&'static str, &'static str, &'static str), Bytes>,
    parts: Table<'txn, (&'static str, u32), Bytes>,
    blobs: Table<'txn, u128, u64>,
    small: Table<'txn, u128, Bytes>,
    effects: Effects,
}

/// What a committed transaction does to the files.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Received blobs that a record refers to now.
    pub(super) adopted: Vec<PendingBlob>,
    /// Files that no record refers to any more.
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
            small: txn.open_table(SMALL)?,
            effects: Effects::default(),
        })
    }

    pub(super) fn into_effects(self) -> Effects {
        self.effects
    }

    // Reading.

    pub(crate) fn bucket(&self, bucket: &str) -> Result<BucketRecord, Failure> {
        get(&self.buckets, bucket)?.ok_or_else(|| no_such_bucket().into())
    }

    pub(crate) fn has_bucket(&self, bucket: &str) -> Result<bool, Failure> {
        Ok(self.buckets.get(bucket)?.is_some())
    }

    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRecord>, Failure> {
        get(&self.objects, (bucket, key))
    }

    pub(crate) fn has_objects(&self, bucket: &str) -> Result<bool, Failure> {
        match self.objects.range((bucket, "")..)?.next() {
            Some(entry) => Ok(entry?.0.value().0 == bucket),
            None => Ok(false),
        }
    }

    pub(crate) fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<UploadRecord, Failure> {
        get(&self.uploads, (bucket, key, id))?.ok_or_else(|| no_such_upload().into())
    }

    pub(crate) fn part(&self, upload: &str, number: u32) -> Result<Option<PartRecord>, Failure> {
        get(&self.parts, (upload, number))
    }

    // Changing.

    pub(crate) fn put_bucket(&mut self, bucket: &str, record: &BucketRecord) -> Result<(), Failure> {
        self.buckets.insert(bucket, encode(record)?.as_slice())?;
        Ok(())
    }

    /// The bucket is empty: its uploads in progress go with it.
    pub(crate) fn delete_bucket(&mut self, bucket: &str) -> Result<(), Failure> {
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
            self.end_upload(bucket, &key, &id)?;
        }
        self.buckets.remove(bucket)?;
        Ok(())
    }

    /// Makes a received blob the property of the record that is about to name it; its segments, none if empty.
    pub(crate) fn adopt(&mut self, received: Received) -> Result<Vec<Segment>, Failure> {
        if received.len == 0 {
            return Ok(Vec::new());
        }
        let blob = match received.place {
            Place::File(pending) => {
                let id = pending.id();
                self.effects.adopted.push(pending);
                id
            }
            Place::Memory(bytes) => {
                let id = BlobId::random();
                self.small.insert(id.number(), bytes.as_slice())?;
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

    /// Counts one more reference for each segment: what a copy does instead of copying.
    pub(crate) fn retain(&mut self, segments: &[Segment]) -> Result<(), Failure> {
        for segment in segments {
            let id = segment.blob.number();
            let count = self.blobs.get(id)?.map_or(0, |count| count.value());
            self.blobs.insert(id, count + 1)?;
        }
        Ok(())
    }

    fn release(&mut self, segments: &[Segment]) -> Result<(), Failure> {
        for segment in segments {
            let id = segment.blob.number();
            // Most have one reference: one look at the table, not two.
            let count = self.blobs.remove(id)?.map_or(0, |count| count.value());
            if count > 1 {
                self.blobs.insert(id, count - 1)?;
            } else if self.small.remove(id)?.is_none() {
                self.effects.freed.push(segment.blob);
            }
        }
        Ok(())
    }

    /// Puts the object, whose segments are adopted or retained already, in place of what the key held.
    pub(crate) fn put_object(&mut self, bucket: &str, key: &str, record: &ObjectRecord) -> Result<(), Failure> {
        let old = get::<ObjectRecord, _>(&self.objects, (bucket, key))?;
        self.objects.insert((bucket, key), encode(record)?.as_slice())?;
        old.map_or(Ok(()), |old| self.release(&old.segments))
    }

    pub(crate) fn delete_object(&mut self, bucket: &str, key: &str) -> Result<(), Failure> {
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
    ) -> Result<(), Failure> {
        self.uploads.insert((bucket, key, id), encode(record)?.as_slice())?;
        Ok(())
    }

    /// Puts the part, whose segments are adopted or retained already, in place of an earlier one of its number.
    pub(crate) fn put_part(&mut self, upload: &str, number: u32, record: &PartRecord) -> Result<(), Failure> {
        let old = self.part(upload, number)?;
        self.parts.insert((upload, number), encode(record)?.as_slice())?;
        old.map_or(Ok(()), |old| self.release(&old.segments))
    }

    /// Forgets an upload and its parts. What a completed object uses of them must be retained before.
    pub(crate) fn end_upload(&mut self, bucket: &str, key: &str, id: &str) -> Result<(), Failure> {
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
    table: &impl ReadableTable<K, Bytes>,
    key: impl std::borrow::Borrow<K::SelfType<'k>>,
) -> Result<Option<T>, Failure>
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
