//! The file of a blob that is being received. It is synced in the background while it grows, so that the sync at its end has
//! little left to do: hashing and the disk then work at the same time. All functions block.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::{Arc, mpsc};

use super::{PendingBlob, check_room};
use crate::credentials::{private_file, sync_dir};
use crate::error::BackendError;

/// The number of bytes between two syncs in the background. Each waits for the disk once more, which fewer bytes would not
/// be worth.
const SYNC_INTERVAL: u64 = 32 * 1024 * 1024;

pub(super) struct BlobWriter {
    blob: PendingBlob,
    file: Option<Arc<File>>,
    len: u64,
    expected_len: u64,
    /// The bytes that are not covered by a sync in the background.
    unsynced: u64,
    /// The result of the sync in the background.
    syncing: Option<mpsc::Receiver<io::Result<()>>>,
}

impl BlobWriter {
    pub(super) fn new(blob: PendingBlob, expected_len: u64) -> Self {
        Self {
            blob,
            file: None,
            len: 0,
            expected_len,
            unsynced: 0,
            syncing: None,
        }
    }

    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), BackendError> {
        let mut file = self.file()?;
        file.write_all(block)?;
        self.len += block.len() as u64;
        self.unsynced += block.len() as u64;
        if self.unsynced >= SYNC_INTERVAL {
            self.sync_in_background(file)?;
        }
        Ok(())
    }

    /// Syncs the file and its directory.
    ///
    /// # Errors
    /// Returns the error of this sync, or of one in the background: the system reports a lost write once.
    pub(super) fn sync(&mut self) -> Result<(), BackendError> {
        self.file()?.sync_all()?;
        if let Some(syncing) = self.syncing.take() {
            syncing.recv().unwrap_or_else(|_| Err(sync_stopped()))?;
        }
        sync_dir(&self.blob.blobs.shard_dir(self.blob.id()))?;
        Ok(())
    }

    /// Returns the blob and its length.
    pub(super) fn into_written(self) -> (PendingBlob, u64) {
        (self.blob, self.len)
    }

    fn file(&mut self) -> Result<Arc<File>, BackendError> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        check_room(&self.blob.blobs.root, self.expected_len)?;
        let path = self.blob.blobs.path(self.blob.id());
        let file = Arc::new(private_file().write(true).create_new(true).open(path)?);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Starts to sync what has been written, unless the sync before is still under way.
    fn sync_in_background(&mut self, file: Arc<File>) -> Result<(), BackendError> {
        match self.syncing.as_ref().map(mpsc::Receiver::try_recv) {
            Some(Err(mpsc::TryRecvError::Empty)) => return Ok(()),
            Some(Err(mpsc::TryRecvError::Disconnected)) => return Err(sync_stopped().into()),
            Some(Ok(synced)) => synced?,
            None => {}
        }
        let (sender, syncing) = mpsc::sync_channel(1);
        self.blob.blobs.tasks.spawn_blocking(move || {
            // Nobody waits for the sync of an upload that was given up.
            let _ = sender.send(file.sync_data());
        });
        self.syncing = Some(syncing);
        self.unsynced = 0;
        Ok(())
    }
}

fn sync_stopped() -> io::Error {
    io::Error::other("a sync in the background has stopped")
}
