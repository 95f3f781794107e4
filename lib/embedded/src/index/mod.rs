//! Everything but the bytes: buckets, keys, metadata, uploads, and who refers to which blob, in one transactional
//! database. Readers see one consistent snapshot; writers queue for one thread that commits them in groups.

mod file;
mod listing;
mod records;
mod snapshot;
mod tables;
mod writer;

pub(crate) use file::OpenError;
pub(crate) use listing::{Entry, ListQuery, Page, UploadEntry, UploadQuery};
pub(crate) use records::{Attributes, BucketRecord, CorsRule, ObjectRecord, PartRecord, UploadRecord};
pub(crate) use snapshot::Snapshot;
pub(crate) use tables::Tables;

use std::path::Path;
use std::sync::Arc;

use s3s::S3Result;

use crate::blobs::{BlobId, Blobs};
use crate::failure::Failure;
use file::DatabaseFile;
use writer::Writer;

/// The open index. One process at a time holds it.
#[derive(Debug)]
pub(crate) struct Index {
    writer: Writer,
    file: Arc<DatabaseFile>,
}

/// The database, open but not yet writable: the blobs are put in order first.
#[derive(Debug)]
pub(crate) struct Opened(Arc<DatabaseFile>);

impl Opened {
    /// Opens or makes the database. Blocking.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        DatabaseFile::open(path).map(|file| Self(Arc::new(file)))
    }

    /// Whether a committed record refers to the blob. Blocking.
    pub(crate) fn references(&self) -> Result<impl FnMut(BlobId) -> Result<bool, Failure> + use<>, Failure> {
        let snapshot = Snapshot::new(self.0.begin_read()?);
        Ok(move |id| snapshot.is_referenced(id))
    }

    /// Starts the writer. `blobs` is told what each commit lets go.
    pub(crate) fn start(self, blobs: &Arc<Blobs>) -> Result<Index, Failure> {
        let writer = Writer::start(Arc::clone(&self.0), Arc::clone(blobs))?;
        Ok(Index { writer, file: self.0 })
    }
}

impl Index {
    /// What is committed at this moment. Blocking.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Failure> {
        Ok(Snapshot::new(self.file.begin_read()?))
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
