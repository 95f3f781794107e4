//! The bytes of objects: immutable files with random names. The index knows which object they belong to.
//!
//! Small blobs are stored in the index itself, so that they need no sync besides that of the commit.
//!
//! A blob is written once and synced with its directory. Only then may a committed record refer to it. It is unlinked
//! only after a commit that removed the last reference, and never while a reader holds a [`Lease`]. A crash between
//! those steps leaves files that nothing refers to; [`Blobs::open`] removes them.

mod id;
mod lease;
mod read;
mod receive;
mod remover;

pub(crate) use id::BlobId;
pub(crate) use lease::Lease;
pub(crate) use read::{BlobStream, Segment, for_each_block};
pub(crate) use receive::{BlobData, IncomingBody, PendingBlob, Received};

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::S3Result;

use crate::credentials::{private_dir, sync_dir};
use crate::error::{BackendError, out_of_space};
use crate::tasks::Tasks;
use remover::Remover;

/// Disk space kept free so that deletes and the index always have room to work, in bytes.
const RESERVE: u64 = 64 * 1024 * 1024;

/// The maximum size of a blob stored in the index, in bytes. There it makes a commit longer that other writes share.
/// As a file it would need two syncs that nothing shares, and an inode.
pub(crate) const MAX_INLINE: u64 = 16 * 1024;

/// The directory of blobs.
#[derive(Debug)]
pub(crate) struct Blobs {
    root: PathBuf,
    tasks: Tasks,
    in_use: Mutex<InUse>,
    remover: Remover,
}

#[derive(Debug, Default)]
struct InUse {
    leases: HashMap<BlobId, usize>,
    /// Unreferenced blobs, to be unlinked when their last lease ends.
    doomed: HashSet<BlobId>,
}

impl Blobs {
    /// Opens the directory, creating it if it does not exist, and removes every file that is not referenced.
    ///
    /// Blocks. The caller must hold the lock of the index, so that no other process writes here.
    pub(crate) fn open(
        root: PathBuf,
        tasks: Tasks,
        mut is_referenced: impl FnMut(BlobId) -> Result<bool, BackendError>,
    ) -> Result<Arc<Self>, BackendError> {
        private_dir(&root)?;
        let mut orphans = 0_u64;
        for shard in BlobId::shards() {
            let dir = root.join(shard);
            private_dir(&dir)?;
            for entry in std::fs::read_dir(&dir)? {
                let path = entry?.path();
                let id = path.file_name().and_then(|name| name.to_str()).and_then(BlobId::parse);
                if !id.map(&mut is_referenced).transpose()?.unwrap_or(false) {
                    std::fs::remove_file(&path)?;
                    orphans += 1;
                }
            }
        }
        sync_dir(&root)?;
        if orphans > 0 {
            tracing::info!(blobs = orphans, "removed orphaned blobs");
        }
        Ok(Arc::new(Self {
            remover: Remover::start(root.clone())?,
            root,
            tasks,
            in_use: Mutex::default(),
        }))
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.root.join(id.path())
    }

    fn shard_dir(&self, id: BlobId) -> PathBuf {
        self.root.join(id.shard())
    }

    fn open_blob(&self, id: BlobId) -> std::io::Result<File> {
        File::open(self.path(id))
    }

    /// Removes the files of blobs that no committed record refers to, at once or when their last lease ends.
    pub(crate) fn discard(&self, ids: impl IntoIterator<Item = BlobId>) {
        let mut in_use = self.in_use();
        for id in ids {
            if in_use.leases.contains_key(&id) {
                in_use.doomed.insert(id);
            } else {
                self.remover.remove(id);
            }
        }
    }

    fn in_use(&self) -> MutexGuard<'_, InUse> {
        // Every update is one insert or remove, so a panic between two updates leaves consistent state.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails if writing `len` bytes would leave less than the reserve free on the disk of `root`. Blocks.
pub(crate) fn check_room(root: &Path, len: u64) -> S3Result<()> {
    let stat = rustix::fs::statvfs(root).map_err(|errno| BackendError::Io(errno.into()).into_s3_error())?;
    if stat.f_bavail.saturating_mul(stat.f_frsize) < len.saturating_add(RESERVE) {
        return Err(out_of_space());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn write_larger_than_the_disk_is_rejected_before_it_is_received() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_room(dir.path(), 1).is_ok());
        let error = check_room(dir.path(), 1 << 60).unwrap_err();
        assert_eq!(error.status_code(), Some(http::StatusCode::INSUFFICIENT_STORAGE));
    }
}
