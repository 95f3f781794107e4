//! The database file. After a failed disk write, redb rejects all writes until the file is reopened. This module
//! reopens it once the disk has room, so that the process need not be restarted.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase as _};
use s3s::s3_error;

use super::tables;
use crate::credentials::private_file;
use crate::error::BackendError;

/// The size of the page cache, in bytes. The default of redb is 1 GiB.
const CACHE: usize = 16 * 1024 * 1024;
/// The version of the tables and of the record encoding. Raise it when a record changes its shape or a table is added.
const FORMAT: u64 = 3;
/// The older formats, which are upgraded. Format 1 had no table of inline blobs, format 2 no versions.
const UPGRADABLE_FORMATS: std::ops::Range<u64> = 1..3;
/// The number of times to wait for the last reader before the file is reopened. Readers take milliseconds.
const READERS_ATTEMPTS: usize = 50;
/// The pause between two checks for remaining readers.
const READERS_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    /// `None` if it could not be reopened.
    db: RwLock<Option<Database>>,
    /// A clone is held by every reader: redb itself would allow reopening and writing the file under them.
    readers: Arc<()>,
}

/// A read transaction, which prevents the file from being reopened until it ends.
pub(super) struct ReadTransactionGuard {
    pub(super) txn: ReadTransaction,
    _reader: Arc<()>,
}

/// The reason why the index could not be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// Another process has it open.
    Locked,
    /// Another version of this crate wrote it, in this format.
    Format(u64),
    /// Any other error of the database.
    Failed(BackendError),
}

impl DatabaseFile {
    /// Opens or creates the file. All functions here block.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let db = RwLock::new(Some(open(path)?));
        Ok(Self {
            path: path.to_owned(),
            db,
            readers: Arc::default(),
        })
    }

    /// Reopens the file. The caller must hold nothing of the old database.
    pub(super) fn reopen(&self) -> Result<(), BackendError> {
        crate::blobs::check_room(self.path.parent().unwrap_or(&self.path), 0)?;
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        let mut attempts = 0..READERS_ATTEMPTS;
        while Arc::strong_count(&self.readers) > 1 {
            attempts.next().ok_or_else(unavailable)?;
            std::thread::sleep(READERS_PAUSE);
        }
        *db = None;
        *db = Some(open(&self.path).map_err(|error| match error {
            OpenError::Failed(error) => error,
            OpenError::Locked | OpenError::Format(_) => unavailable(),
        })?);
        tracing::info!("embedded store index reopened");
        Ok(())
    }

    pub(super) fn begin_read(&self) -> Result<ReadTransactionGuard, BackendError> {
        let db = self.database();
        let txn = db.as_ref().ok_or_else(unavailable)?.begin_read()?;
        Ok(ReadTransactionGuard {
            txn,
            _reader: Arc::clone(&self.readers),
        })
    }

    /// Returns the database, if it is open. Hold the guard no longer than a transaction.
    pub(super) fn database(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn unavailable() -> BackendError {
    s3_error!(
        ServiceUnavailable,
        "The store's index cannot be opened. Please try again."
    )
    .into()
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let file = private_file()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    let file = file.map_err(|error| OpenError::Failed(error.into()))?;
    restrict(&file, path);
    let opened = redb::Builder::new().set_cache_size(CACHE).create_file(file);
    let db = opened.map_err(|error| {
        if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
            OpenError::Locked
        } else {
            OpenError::Failed(redb::Error::from(error).into())
        }
    })?;
    match tables::create(&db, FORMAT, UPGRADABLE_FORMATS).map_err(OpenError::Failed)? {
        FORMAT => Ok(db),
        other => Err(OpenError::Format(other)),
    }
}

/// Takes the access of others to a file that an earlier version created.
fn restrict(file: &File, path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let is_open = |metadata: fs::Metadata| metadata.permissions().mode() & 0o077 != 0;
        if file.metadata().is_ok_and(is_open)
            && let Err(error) = file.set_permissions(fs::Permissions::from_mode(0o600))
        {
            tracing::warn!(path = %path.display(), %error, "index file open to others");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BucketRecord, Snapshot, Tables, Versioning};
    use super::*;

    #[test]
    fn older_format_is_upgraded_and_unknown_ones_are_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        for (number, is_supported) in [(0, false), (1, true), (FORMAT, true), (FORMAT + 1, false)] {
            let _ = std::fs::remove_file(&path);
            tables::create(&redb::Database::create(&path).unwrap(), number, 0..0).unwrap();
            // The second round opens the upgraded file.
            for _ in 0..2 {
                match DatabaseFile::open(&path) {
                    Ok(file) => {
                        let txn = &file.begin_read().unwrap().txn;
                        assert!(is_supported && txn.open_table(tables::INLINE).is_ok());
                        assert!(txn.open_table(tables::VERSIONS).is_ok());
                    }
                    Err(OpenError::Format(found)) => assert!(!is_supported && found == number),
                    Err(other) => panic!("{number}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn reopening_keeps_committed_records() {
        let dir = tempfile::tempdir().unwrap();
        let file = DatabaseFile::open(&dir.path().join("index")).unwrap();
        let record = BucketRecord {
            created_ms: 1,
            cors: None,
            versioning: Versioning::default(),
            lock: None,
            lifecycle: None,
        };
        {
            let db = file.database();
            let txn = db.as_ref().unwrap().begin_write().unwrap();
            let mut tables = Tables::open(&txn).unwrap();
            tables.put_bucket("bucket", &record).unwrap();
            drop(tables);
            txn.commit().unwrap();
        }
        file.reopen().unwrap();
        let snapshot = Snapshot::new(file.begin_read().unwrap());
        assert_eq!(snapshot.bucket("bucket").unwrap(), record);
        // A remaining reader prevents reopening.
        assert!(file.reopen().is_err());
        drop(snapshot);
        file.reopen().unwrap();
    }
}
