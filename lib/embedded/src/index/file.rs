//! The database's file. A write that the disk failed leaves redb refusing every further one until the file is
//! opened anew: with room on the disk again, that is done here, and nobody has to start the process again for it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase as _};
use s3s::s3_error;

use super::tables;
use crate::failure::Failure;

/// Pages kept in memory. Bytes; redb's own default is a gibibyte.
const CACHE: usize = 16 * 1024 * 1024;
/// Of the tables and of the records' encoding. Raised when a record changes its shape, or a table is added.
const FORMAT: u64 = 2;
/// Formats that are this one but for a table that they lack: 1 had none for small blobs.
const LACK_TABLES: std::ops::Range<u64> = 1..2;
/// To open the file anew, the last reader of the old opening has to end; readers take milliseconds.
const READERS_ATTEMPTS: usize = 50;
const READERS_PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct DatabaseFile {
    path: PathBuf,
    /// `None` while it could not be opened anew.
    db: RwLock<Option<Database>>,
    /// Every reader holds a clone: redb itself would let the file be opened again, and written, under them.
    readers: Arc<()>,
}

/// A read transaction. The file is not opened anew before it ends.
pub(super) struct Reading {
    pub(super) txn: ReadTransaction,
    _reader: Arc<()>,
}

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

impl DatabaseFile {
    /// Opens or makes it. Blocking, as is everything here.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let db = RwLock::new(Some(open(path)?));
        Ok(Self {
            path: path.to_owned(),
            db,
            readers: Arc::default(),
        })
    }

    /// Opens the file anew. To be called with nothing of the old opening at hand.
    pub(super) fn reopen(&self) -> Result<(), Failure> {
        crate::blobs::check_room(self.path.parent().unwrap_or(&self.path), 0)?;
        let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
        let mut attempts = 0..READERS_ATTEMPTS;
        while Arc::strong_count(&self.readers) > 1 {
            attempts.next().ok_or_else(unavailable)?;
            std::thread::sleep(READERS_PAUSE);
        }
        *db = None;
        *db = Some(open(&self.path).map_err(|error| match error {
            OpenError::Failed(error) => Failure::Index(error),
            OpenError::Locked | OpenError::Format(_) => unavailable(),
        })?);
        tracing::info!("the embedded store's index was opened anew after a failed write");
        Ok(())
    }

    pub(super) fn begin_read(&self) -> Result<Reading, Failure> {
        let db = self.get();
        let txn = db.as_ref().ok_or_else(unavailable)?.begin_read()?;
        Ok(Reading {
            txn,
            _reader: Arc::clone(&self.readers),
        })
    }

    /// The database, if it is open; to be held no longer than a transaction.
    pub(super) fn get(&self) -> RwLockReadGuard<'_, Option<Database>> {
        self.db.read().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn unavailable() -> Failure {
    s3_error!(
        ServiceUnavailable,
        "The store's index cannot be opened. Please try again."
    )
    .into()
}

fn open(path: &Path) -> Result<Database, OpenError> {
    let opened = redb::Builder::new().set_cache_size(CACHE).create(path);
    let db = opened.map_err(|error| {
        if matches!(error, DatabaseError::DatabaseAlreadyOpen) {
            OpenError::Locked
        } else {
            OpenError::Failed(Box::new(error.into()))
        }
    })?;
    match tables::create(&db, FORMAT, LACK_TABLES).map_err(|error| OpenError::Failed(Box::new(error)))? {
        FORMAT => Ok(db),
        other => Err(OpenError::Format(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BucketRecord, Snapshot, Tables};
    use super::*;

    #[test]
    fn format_that_lacks_a_table_becomes_this_one_and_others_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        for (number, is_read) in [(0, false), (1, true), (FORMAT, true), (FORMAT + 1, false)] {
            let _ = std::fs::remove_file(&path);
            tables::create(&redb::Database::create(&path).unwrap(), number, 0..0).unwrap();
            // And once more, as whatever it has become.
            for _ in 0..2 {
                match DatabaseFile::open(&path) {
                    Ok(file) => assert!(is_read && file.begin_read().unwrap().txn.open_table(tables::SMALL).is_ok()),
                    Err(OpenError::Format(found)) => assert!(!is_read && found == number),
                    Err(other) => panic!("{number}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn opening_anew_keeps_what_was_committed() {
        let dir = tempfile::tempdir().unwrap();
        let file = DatabaseFile::open(&dir.path().join("index")).unwrap();
        let record = BucketRecord {
            created_ms: 1,
            cors: None,
        };
        {
            let db = file.get();
            let txn = db.as_ref().unwrap().begin_write().unwrap();
            let mut tables = Tables::open(&txn).unwrap();
            tables.put_bucket("bucket", &record).unwrap();
            drop(tables);
            txn.commit().unwrap();
        }
        file.reopen().unwrap();
        let snapshot = Snapshot::new(file.begin_read().unwrap());
        assert_eq!(snapshot.bucket("bucket").unwrap(), record);
        // While somebody reads on, the old opening stays.
        assert!(file.reopen().is_err());
        drop(snapshot);
        file.reopen().unwrap();
    }
}
