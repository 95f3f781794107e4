//! The upgrade of older formats. Records are read in their old shape and written in today's, in one transaction, so that a
//! crash leaves either format.

use std::collections::BTreeMap;

use redb::{ReadableTable as _, TableDefinition, TableHandle as _, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::records::{
    BucketRecord, CorsRuleRecord, ObjectAttributes, ObjectClass, ObjectLock, ObjectPartRecord, ObjectRecord,
    UploadRecord, Versioning, decode, encode,
};
use super::tables::{BUCKETS, OBJECTS, UPLOADS};
use super::versions::VersionStamp;
use crate::blobs::Segment;
use crate::checksums::{Checksums, UploadChecksum};
use crate::error::BackendError;

/// The newest format without versions, tags, locks and classes.
const UNVERSIONED: u64 = 2;

/// Rewrites the records of an older format. Format 1 only lacks a table, which is created when it is opened.
pub(super) fn upgrade(txn: &WriteTransaction, from: u64) -> Result<(), BackendError> {
    if from > UNVERSIONED {
        return Ok(());
    }
    rewrite(txn, BUCKETS, TableDefinition::new("buckets-old"), |old: OldBucket| {
        BucketRecord {
            created_ms: old.created_ms,
            cors: old.cors,
            versioning: Versioning::Unversioned,
            lock: None,
            lifecycle: None,
        }
    })?;
    rewrite(txn, OBJECTS, TableDefinition::new("objects-old"), |old: OldObject| {
        ObjectRecord {
            version: VersionStamp::new(old.modified_ms),
            etag: old.etag,
            size: old.size,
            modified_ms: old.modified_ms,
            attributes: old.attributes.into(),
            checksums: old.checksums,
            segments: old.segments,
            parts: old.parts.into_iter().map(part_of_size).collect(),
            upload_id: None,
            restored: None,
        }
    })?;
    rewrite(txn, UPLOADS, TableDefinition::new("uploads-old"), |old: OldUpload| {
        UploadRecord {
            initiated_ms: old.initiated_ms,
            attributes: old.attributes.into(),
            checksum: old.checksum,
        }
    })
}

fn rewrite<K, O, N>(
    txn: &WriteTransaction,
    table: TableDefinition<'static, K, &'static [u8]>,
    aside: TableDefinition<'static, K, &'static [u8]>,
    convert: impl Fn(O) -> N,
) -> Result<(), BackendError>
where
    K: redb::Key + 'static,
    O: serde::de::DeserializeOwned,
    N: Serialize,
{
    if !txn.list_tables()?.any(|known| known.name() == table.name()) {
        return Ok(());
    }
    txn.rename_table(table, aside)?;
    {
        let old = txn.open_table(aside)?;
        let mut new = txn.open_table(table)?;
        for entry in old.iter()? {
            let (key, record) = entry?;
            let record = convert(decode(record.value())?);
            new.insert(key.value(), encode(&record)?.as_slice())?;
        }
    }
    txn.delete_table(aside)?;
    Ok(())
}

fn part_of_size(size: u64) -> ObjectPartRecord {
    ObjectPartRecord {
        size,
        checksums: Checksums::default(),
    }
}

#[derive(Deserialize)]
struct OldBucket {
    created_ms: i64,
    cors: Option<Vec<CorsRuleRecord>>,
}

#[derive(Deserialize)]
struct OldAttributes {
    content_type: Option<String>,
    content_encoding: Option<String>,
    content_language: Option<String>,
    content_disposition: Option<String>,
    cache_control: Option<String>,
    expires_ms: Option<i64>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OldObject {
    etag: String,
    size: u64,
    modified_ms: i64,
    attributes: OldAttributes,
    checksums: Checksums,
    segments: Vec<Segment>,
    parts: Vec<u64>,
}

#[derive(Deserialize)]
struct OldUpload {
    initiated_ms: i64,
    attributes: OldAttributes,
    checksum: Option<UploadChecksum>,
}

impl From<OldAttributes> for ObjectAttributes {
    fn from(old: OldAttributes) -> Self {
        Self {
            content_type: old.content_type,
            content_encoding: old.content_encoding,
            content_language: old.content_language,
            content_disposition: old.content_disposition,
            cache_control: old.cache_control,
            expires_ms: old.expires_ms,
            metadata: old.metadata,
            tags: BTreeMap::new(),
            class: ObjectClass::Standard,
            lock: ObjectLock::default(),
        }
    }
}
