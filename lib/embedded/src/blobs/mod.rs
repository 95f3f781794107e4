//! The bytes of objects: immutable files under random names. Which object they belong to is the index's to know.
//!
//! A few bytes are no file: the index holds them itself, so that they cost no sync beside that of the commit.
//!
//! A blob is written once, synced with its directory, and only then may a committed record refer to it; it is
//! unlinked only after a commit that took the last reference away, and never while a reader holds a [`Lease`].
//! A crash between those steps leaves files that nothing refers to: [`Blobs::open`] removes them.

mod id;
mod lease;
mod read;
mod receive;
mod remover;

pub(crate) use id::BlobId;
pub(crate) use lease::Lease;
pub(crate) use read::{BlobStream, Segment, digest};
pub(crate) use receive::{Incoming, PendingBlob, Place, Received};

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::S3Result;

use crate::credentials::{private_dir, sync_dir};
use crate::failure::{Failure, out_of_space};
use crate::tasks::Tasks;
use remover::Remover;

/// Kept free on the disk, so that deletes and the index always have room to work. Bytes.
const RESERVE: u64 = 64 * 1024 * 1024;

/// What is no longer than this is kept in the index. There it makes the commit longer, which others share; as a file it
/// would need two syncs, which nobody shares, and an inode. Bytes.
pub(crate) const MAX_SMALL: u64 = 16 * 1024;

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
    /// Unreferenced, to be unlinked when their last lease ends.
    doomed: HashSet<BlobId>,
}

impl Blobs {
    /// Opens the directory, making it where missing, and removes every file for which `is_referenced` says no.
    /// Blocking; the caller holds the index's lock, so that no other process can be writing here.
    pub(crate) fn open(
        root: PathBuf,
        tasks: Tasks,
        mut is_referenced: impl FnMut(BlobId) -> Result<bool, Failure>,
    ) -> Result<Arc<Self>, Failure> {
        private_dir(&root)?;
        let mut strays = 0_u64;
        for shard in BlobId::shards() {
            let dir = root.join(shard);
            private_dir(&dir)?;
            for entry in std::fs::read_dir(&dir)? {
                let path = entry?.path();
                let id = path.file_name().and_then(|name| name.to_str()).and_then(BlobId::parse);
                if !id.map(&mut is_referenced).transpose()?.unwrap_or(false) {
                    std::fs::remove_file(&path)?;
                    strays += 1;
                }
            }
        }
        sync_dir(&root)?;
        if strays > 0 {
            tracing::info!(blobs = strays, "removed blobs that an interrupted write left behind");
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

    /// Lets the files of blobs that no committed record refers to any more go, now or when their readers are done.
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
        // Every update is one insert or remove: a panic between two of them leaves nothing half done.
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Refuses a write of `len` bytes for which the disk under `root` has no room beyond the reserve. Blocking.
pub(crate) fn check_room(root: &Path, len: u64) -> S3Result<()> {
    let stat = rustix::fs::statvfs(root).map_err(|errno| Failure::Io(errno.into()).into_s3_error())?;
    if stat.f_bavail.saturating_mul(stat.f_frsize) < len.saturating_add(RESERVE) {
        return Err(out_of_space());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_disk_holds_is_refused_before_it_is_received() {
        let dir = tempfile::tempdir().unwrap();
        assert!(check_room(dir.path(), 1).is_ok());
        let error = check_room(dir.path(), 1 << 60).unwrap_err();
        assert_eq!(error.status_code(), Some(http::StatusCode::INSUFFICIENT_STORAGE));
    }
}
