//! Everything but the bytes: buckets, keys, metadata, uploads, and who refers to which blob, in one transactional
//! database. Readers see one consistent snapshot; writers queue for one thread that commits them in groups.

mod listing;
mod records;
mod snapshot;
mod tables;
mod writer;

pub(crate) use listing::{Entry, ListQuery, Page, UploadEntry, UploadQuery};
pub(crate) use records::{Attributes, BucketRecord, CorsRule, ObjectRecord, PartRecord, UploadRecord};
pub(crate) use snapshot::Snapshot;
pub(crate) use tables::Tables;

use std::path::Path;
use std::sync::Arc;

use redb::{Database, DatabaseError, ReadableDatabase as _};
use s3s::S3Result;

use crate::blobs::{BlobId, Blobs};
use crate::failure::Failure;
use writer::Writer;

/// Pages kept in memory. Bytes; redb's own default is a gibibyte.
const CACHE: usize = 16 * 1024 * 1024;
/// Of the records' encoding. Raised when a record changes its shape.
const FORMAT: u64 = 1;

/// The open index. One process at a time holds it.
#[derive(Debug)]
pub(crate) struct Index {
    writer: Writer,
    db: Arc<Database>,
}

/// The database, open but not yet writable: the blobs are put in order first.
#[derive(Debug)]
pub(crate) struct Opened(Arc<Database>);

/// Why the index could not be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Another process has it.
    Locked,
    /// It was written by another version of this crate.
    Format(u64),
    /// Anything else.
    Failed(Box<redb::Error>),
}

impl Opened {
    /// Opens or makes the database. Blocking.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let db = redb::Builder::new()
            .set_cache_size(CACHE)
            .create(path)
            .map_err(|error| {
                if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
                    OpenError::Locked
                } else {
                    OpenError::Failed(Box::new(error.into()))
                }
            })?;
        let failed = |failure: redb::Error| OpenError::Failed(Box::new(failure));
        match tables::create(&db, FORMAT).map_err(failed)? {
            FORMAT => Ok(Self(Arc::new(db))),
            other => Err(OpenError::Format(other)),
        }
    }

    /// Whether a committed record refers to the blob. Blocking.
    pub(crate) fn references(&self) -> Result<impl FnMut(BlobId) -> Result<bool, Failure> + use<>, Failure> {
        let snapshot = Snapshot::new(self.0.begin_read()?);
        Ok(move |id| snapshot.is_referenced(id))
    }

    /// Starts the writer. `blobs` is told what each commit lets go.
    pub(crate) fn start(self, blobs: &Arc<Blobs>) -> Result<Index, Failure> {
        Ok(Index {
            writer: Writer::start(Arc::clone(&self.0), Arc::clone(blobs))?,
            db: self.0,
        })
    }
}

impl Index {
    /// What is committed at this moment. Blocking.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Failure> {
        Ok(Snapshot::new(self.db.begin_read()?))
    }

    /// Runs `job` alone against the current state and commits it, durably, before this returns.
    ///
    /// A job must decide before it changes anything: one that refuses after a change would leave that change in
    /// the group's transaction. Dropping the future does not stop a job that was queued.
    pub(crate) async fn write<T, F>(&self, job: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.writer.write(job).await
    }
}
