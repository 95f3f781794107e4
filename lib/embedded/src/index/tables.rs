//! The tables, and the only functions that change them. Each keeps the reference counts of blobs correct.

use redb::{Database, ReadableTable, Table, TableDefinition, WriteTransaction};
use s3s::{S3Error, s3_error};
use serde::de::DeserializeOwned;

use super::records::{BucketRecord, DeletePermit, ObjectRecord, PartRecord, UploadRecord, Versioning, decode, encode};
use super::upgrade::upgrade;
use super::versions::{Version, VersionSelector, VersionStamp, VersionTables};
use crate::blobs::{BlobData, BlobId, PendingBlob, Received, Segment};
use crate::error::BackendError;

type RecordBytes = &'static [u8];
type KeyTable<'txn> = Table<'txn, (&'static str, &'static str), RecordBytes>;
type VersionTable<'txn> = Table<'txn, (&'static str, &'static str, u64), RecordBytes>;
type NullTable<'txn> = Table<'txn, (&'static str, &'static str), u64>;

const FORMAT: TableDefinition<'_, (), u64> = TableDefinition::new("format");
pub(super) const BUCKETS: TableDefinition<'_, &str, RecordBytes> = TableDefinition::new("buckets");
/// The current objects by bucket and key.
pub(super) const OBJECTS: TableDefinition<'_, (&str, &str), RecordBytes> = TableDefinition::new("objects");
/// The other versions by bucket, key and age, newest first.
pub(super) const VERSIONS: TableDefinition<'_, (&str, &str, u64), RecordBytes> = TableDefinition::new("versions");
/// The place of the version `null` among the other versions of its key, if it is there.
pub(super) const NULLS: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("nulls");
/// Uploads by bucket, key and upload ID. IDs start with the time, so the uploads of a key are sorted by age.
pub(super) const UPLOADS: TableDefinition<'_, (&str, &str, &str), RecordBytes> = TableDefinition::new("uploads");
/// Parts by upload ID and part number.
pub(super) const PARTS: TableDefinition<'_, (&str, u32), RecordBytes> = TableDefinition::new("parts");
/// The number of segments that refer to a blob; never 0.
pub(super) const BLOBS: TableDefinition<'_, u128, u64> = TableDefinition::new("blobs");
/// The bytes of the blobs that are stored in the index.
pub(super) const INLINE: TableDefinition<'_, u128, RecordBytes> = TableDefinition::new("small");

/// Creates missing tables and returns the format number: `format` for a new database, and for one of the `upgradable`
/// formats, whose records are rewritten.
pub(super) fn create(db: &Database, format: u64, upgradable: std::ops::Range<u64>) -> Result<u64, BackendError> {
    let txn = db.begin_write()?;
    let mut table = txn.open_table(FORMAT)?;
    let known = table.get(())?.map(|number| number.value());
    let old = known.filter(|known| upgradable.contains(known));
    let number = known.filter(|_| old.is_none()).unwrap_or(format);
    if known != Some(number) {
        table.insert((), number)?;
    }
    drop(table);
    if let Some(old) = old {
        upgrade(&txn, old)?;
        tracing::info!(from = old, to = format, "embedded store index upgraded");
    }
    if number == format {
        Tables::open(&txn)?;
    }
    txn.commit()?;
    Ok(number)
}

/// All tables in one write transaction.
pub(crate) struct Tables<'txn> {
    buckets: Table<'txn, &'static str, RecordBytes>,
    objects: KeyTable<'txn>,
    versions: VersionTable<'txn>,
    nulls: NullTable<'txn>,
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
            versions: txn.open_table(VERSIONS)?,
            nulls: txn.open_table(NULLS)?,
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

    /// Returns the current object, or `None` if there is none or it is deleted.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Result<Option<ObjectRecord>, BackendError> {
        get(&self.objects, (bucket, key))
    }

    /// Returns a version, or `None` if the key has no such version.
    pub(crate) fn version(
        &self,
        bucket: &str,
        key: &str,
        wanted: VersionSelector,
    ) -> Result<Option<Version>, BackendError> {
        self.version_tables().find(bucket, key, wanted)
    }

    /// Passes the versions of a key to `visit`, from the newest to the oldest.
    pub(crate) fn for_each_version(
        &self,
        bucket: &str,
        key: &str,
        mut visit: impl FnMut(&Version),
    ) -> Result<(), BackendError> {
        if let Some(object) = self.object(bucket, key)? {
            visit(&Version::Object(object));
        }
        for entry in self.versions.range((bucket, key, 0)..=(bucket, key, u64::MAX))? {
            visit(&decode(entry?.1.value())?);
        }
        Ok(())
    }

    /// Returns true if the bucket has an object, an older version or a delete marker.
    pub(crate) fn has_versions(&self, bucket: &str) -> Result<bool, BackendError> {
        if let Some(entry) = self.objects.range((bucket, "")..)?.next()
            && entry?.0.value().0 == bucket
        {
            return Ok(true);
        }
        match self.versions.range((bucket, "", 0)..)?.next() {
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

    /// Deletes a bucket without versions, together with its uploads in progress.
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

    /// Makes `object` the current version of the key, and returns it as it was stored. The segments must already be
    /// adopted or retained. The bucket's versioning decides whether the object that it replaces is kept.
    pub(crate) fn put_object(
        &mut self,
        of: &BucketRecord,
        bucket: &str,
        key: &str,
        mut object: ObjectRecord,
    ) -> Result<ObjectRecord, BackendError> {
        let old = self.object(bucket, key)?;
        object.version = self.next_stamp(of.versioning, bucket, key, old.as_ref(), object.version)?;
        self.set_aside(of.versioning, bucket, key, old)?;
        self.objects.insert((bucket, key), encode(&object)?.as_slice())?;
        Ok(object)
    }

    /// Replaces the record of a version that exists. Its segments must be the same.
    pub(crate) fn update_object(&mut self, bucket: &str, key: &str, object: &ObjectRecord) -> Result<(), BackendError> {
        let current = self.object(bucket, key)?;
        if current.is_some_and(|current| current.version == object.version) {
            self.objects.insert((bucket, key), encode(object)?.as_slice())?;
            Ok(())
        } else {
            self.keep(bucket, key, &Version::Object(object.clone()))
        }
    }

    /// Deletes the current object of the key. Returns the delete marker that takes its place if the bucket has versions.
    pub(crate) fn delete_object(
        &mut self,
        of: &BucketRecord,
        bucket: &str,
        key: &str,
        now: VersionStamp,
    ) -> Result<Option<VersionStamp>, BackendError> {
        let old = self.objects.remove((bucket, key))?;
        let old = old.map(|bytes| decode::<ObjectRecord>(bytes.value())).transpose()?;
        if of.versioning == Versioning::Unversioned {
            old.map_or(Ok(()), |old| self.release(&old.segments))?;
            return Ok(None);
        }
        let stamp = self.next_stamp(of.versioning, bucket, key, old.as_ref(), now)?;
        self.set_aside(of.versioning, bucket, key, old)?;
        self.keep(bucket, key, &Version::DeleteMarker(stamp))?;
        Ok(Some(stamp))
    }

    /// Deletes one version for good. The newest of those that remain becomes the current one.
    ///
    /// # Errors
    /// Returns 403 if an object lock forbids it.
    pub(crate) fn delete_version(
        &mut self,
        bucket: &str,
        key: &str,
        version: &Version,
        permit: DeletePermit,
    ) -> Result<(), BackendError> {
        if version
            .object()
            .is_some_and(|object| object.attributes.lock.forbids(permit))
        {
            return Err(object_locked().into());
        }
        let current = self.object(bucket, key)?;
        if current.as_ref().is_some_and(|object| object.version == version.stamp()) {
            self.objects.remove((bucket, key))?;
        } else {
            self.remove_kept(bucket, key, version.stamp())?;
            if current.is_some() {
                return version.object().map_or(Ok(()), |object| self.release(&object.segments));
            }
        }
        version
            .object()
            .map_or(Ok(()), |object| self.release(&object.segments))?;
        if let Some(Version::Object(newest)) = self.version_tables().newest_kept(bucket, key)? {
            self.remove_kept(bucket, key, newest.version)?;
            self.objects.insert((bucket, key), encode(&newest)?.as_slice())?;
        }
        Ok(())
    }

    /// Completes the stamp of a version that is about to become the newest one of its key.
    fn next_stamp(
        &self,
        versioning: Versioning,
        bucket: &str,
        key: &str,
        current: Option<&ObjectRecord>,
        now: VersionStamp,
    ) -> Result<VersionStamp, BackendError> {
        let newest = match (current, versioning) {
            (Some(object), _) => Some(object.version),
            (None, Versioning::Unversioned) => None,
            (None, Versioning::Enabled | Versioning::Suspended) => {
                let newest = self.version_tables().newest_kept(bucket, key)?;
                newest.map(|version| version.stamp())
            }
        };
        Ok(VersionStamp {
            order: now.order.max(newest.map_or(0, |newest| newest.order + 1)),
            nonce: (versioning == Versioning::Enabled).then(rand::random),
        })
    }

    /// Keeps or releases the object that was current, so that another version can take its place.
    fn set_aside(
        &mut self,
        versioning: Versioning,
        bucket: &str,
        key: &str,
        old: Option<ObjectRecord>,
    ) -> Result<(), BackendError> {
        let (kept, replaced) = match (versioning, old) {
            (Versioning::Unversioned, old) => (None, old),
            (Versioning::Enabled, old) => (old, None),
            (Versioning::Suspended, Some(old)) if old.version.is_null() => (None, Some(old)),
            (Versioning::Suspended, old) => {
                let null = self.version_tables().find(bucket, key, VersionSelector::Null)?;
                if let Some(null) = null {
                    self.remove_kept(bucket, key, null.stamp())?;
                    null.object().map_or(Ok(()), |object| self.release(&object.segments))?;
                }
                (old, None)
            }
        };
        if let Some(replaced) = replaced {
            self.release(&replaced.segments)?;
        }
        kept.map_or(Ok(()), |kept| self.keep(bucket, key, &Version::Object(kept)))
    }

    fn keep(&mut self, bucket: &str, key: &str, version: &Version) -> Result<(), BackendError> {
        let place = version.stamp().newest_first();
        self.versions
            .insert((bucket, key, place), encode(version)?.as_slice())?;
        if version.stamp().is_null() {
            self.nulls.insert((bucket, key), place)?;
        }
        Ok(())
    }

    fn remove_kept(&mut self, bucket: &str, key: &str, stamp: VersionStamp) -> Result<(), BackendError> {
        self.versions.remove((bucket, key, stamp.newest_first()))?;
        if stamp.is_null() {
            self.nulls.remove((bucket, key))?;
        }
        Ok(())
    }

    fn version_tables(&self) -> VersionTables<'_, KeyTable<'txn>, VersionTable<'txn>, NullTable<'txn>> {
        VersionTables {
            objects: &self.objects,
            versions: &self.versions,
            nulls: &self.nulls,
        }
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

pub(crate) fn object_locked() -> S3Error {
    s3_error!(AccessDenied, "Access Denied because object protected by object lock.")
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
