//! Everything but the bytes, in one transactional database: buckets, keys, metadata, uploads, and the references to
//! blobs. Readers see a consistent snapshot. Writers queue for one thread, which commits them in groups.

mod file;
mod listing;
mod records;
mod snapshot;
mod tables;
mod upgrade;
mod version_listing;
mod versions;
mod writer;

pub(crate) use file::OpenError;
pub(crate) use listing::{ListEntry, ListPage, ListQuery, UploadEntry, UploadQuery};
pub(crate) use records::{
    BucketRecord, CorsRuleRecord, DeletePermit, LockConfig, ObjectAttributes, ObjectClass, ObjectLock,
    ObjectPartRecord, ObjectRecord, PartRecord, Restored, Retention, RetentionMode, RetentionPeriod, RetentionRule,
    UploadRecord, Versioning,
};
pub(crate) use snapshot::{FoundVersion, Snapshot};
pub(crate) use tables::{Tables, object_locked};
pub(crate) use version_listing::{VersionEntry, VersionQuery};
pub(crate) use versions::{Version, VersionSelector, VersionStamp, no_such_version};

use std::path::Path;
use std::sync::Arc;

use s3s::S3Result;

use crate::blobs::{BlobId, Blobs};
use crate::error::BackendError;
use file::DatabaseFile;
use writer::IndexWriter;

/// The open index. Only one process may hold it.
#[derive(Debug)]
pub(crate) struct Index {
    writer: IndexWriter,
    file: Arc<DatabaseFile>,
}

/// The open database before its writer starts, so that orphaned blobs can be removed first.
#[derive(Debug)]
pub(crate) struct ReadOnlyIndex(Arc<DatabaseFile>);

impl ReadOnlyIndex {
    /// Opens or creates the database. Blocks.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        DatabaseFile::open(path).map(|file| Self(Arc::new(file)))
    }

    /// Returns a function that tests whether a committed record refers to a blob. Blocks.
    pub(crate) fn reference_check(
        &self,
    ) -> Result<impl FnMut(BlobId) -> Result<bool, BackendError> + use<>, BackendError> {
        let snapshot = Snapshot::new(self.0.begin_read()?);
        Ok(move |id| snapshot.is_referenced(id))
    }

    /// Starts the writer, which tells `blobs` about the files that each commit adopts or frees.
    pub(crate) fn start(self, blobs: &Arc<Blobs>) -> Result<Index, BackendError> {
        let writer = IndexWriter::start(Arc::clone(&self.0), Arc::clone(blobs))?;
        Ok(Index { writer, file: self.0 })
    }
}

impl Index {
    /// Returns the committed state of this moment. Blocks.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, BackendError> {
        Ok(Snapshot::new(self.file.begin_read()?))
    }

    /// Runs `job` with exclusive access to the current state, and commits it durably before this returns.
    ///
    /// A job must decide before it changes anything: if it returns an error after a change, that change stays in the
    /// transaction of its group. Dropping the future does not stop a job that is queued.
    pub(crate) async fn write<T, F>(&self, job: F) -> S3Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, BackendError> + Send + 'static,
    {
        self.writer.write(job).await
    }
}
