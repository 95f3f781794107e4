//! A reader's hold on blobs, so that an overwrite or a delete does not take the bytes from under it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{BlobId, Blobs};

/// While it lives, the files of its blobs stay. Open descriptors would do the same on Unix, but an object of
/// ten thousand parts would need as many of them.
#[derive(Debug)]
pub(crate) struct Lease {
    blobs: Arc<Blobs>,
    ids: Vec<BlobId>,
    /// Those that are no files.
    small: HashMap<BlobId, Bytes>,
}

impl Blobs {
    /// Holds `ids`, and `small` besides. It promises nothing about files that were gone already: after taking it, the caller
    /// must see in a *fresh* snapshot of the index that they are still referred to.
    pub(crate) fn lease(self: &Arc<Self>, ids: Vec<BlobId>, small: HashMap<BlobId, Bytes>) -> Lease {
        let mut in_use = self.in_use();
        for id in &ids {
            *in_use.leases.entry(*id).or_insert(0) += 1;
        }
        drop(in_use);
        Lease {
            blobs: Arc::clone(self),
            ids,
            small,
        }
    }
}

impl Lease {
    pub(super) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(super) fn small(&self, id: BlobId) -> Option<&Bytes> {
        self.small.get(&id)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut in_use = self.blobs.in_use();
        for id in &self.ids {
            let Some(holders) = in_use.leases.get_mut(id) else {
                continue;
            };
            *holders -= 1;
            if *holders == 0 {
                in_use.leases.remove(id);
                if in_use.doomed.remove(id) {
                    self.blobs.remover.remove(*id);
                }
            }
        }
    }
}
