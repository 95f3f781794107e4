//! Leases of readers on blobs, so that an overwrite or a delete does not remove bytes that are being read.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{BlobId, Blobs};

/// A hold on blobs: their files are not removed while it lives. On Unix open file descriptors would have the same
/// effect, but an object of ten thousand parts would need ten thousand of them.
#[derive(Debug)]
pub(crate) struct Lease {
    blobs: Arc<Blobs>,
    ids: Vec<BlobId>,
    /// The bytes of the blobs that are stored in the index.
    inline: HashMap<BlobId, Bytes>,
}

impl Blobs {
    /// Holds the files `ids` and the bytes `inline`. Files may already have been removed before the lease was taken: the
    /// caller must then verify in a *fresh* snapshot of the index that they are still referenced.
    pub(crate) fn lease(self: &Arc<Self>, ids: Vec<BlobId>, inline: HashMap<BlobId, Bytes>) -> Lease {
        let mut in_use = self.in_use();
        for id in &ids {
            *in_use.leases.entry(*id).or_insert(0) += 1;
        }
        drop(in_use);
        Lease {
            blobs: Arc::clone(self),
            ids,
            inline,
        }
    }
}

impl Lease {
    pub(super) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(super) fn inline(&self, id: BlobId) -> Option<&Bytes> {
        self.inline.get(&id)
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
