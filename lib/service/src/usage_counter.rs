//! The driver of the inventory, which runs [`draftstore_protocol::usage`] against the store.

use std::sync::Arc;
use std::time::SystemTime;

use draftstore_protocol::sweep::Slice;
use draftstore_protocol::usage::{CountedBucket, Inventory, InventoryKey};
use draftstore_storage::{
    Attributes, DraftBucket, DraftVersion, Error, ErrorKind, ListObjects, ListedObject, MainBucket, ObjectKey, Objects,
    PutDraft, ReadDraft,
};

use crate::{Clock, Store};

pub use draftstore_protocol::usage::{Census, Group, MAX_SEGMENTS, Usage};

/// The number of lists after which a count is saved.
const LISTS_BETWEEN_SAVES: u32 = 250;

/// The number of saves that are kept, so that a server can read the one that it has just listed.
const SAVES_KEPT: usize = 2;

/// The limits of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountLimits {
    /// The maximum number of lists of one sweep. The next sweep continues. 0 counts nothing.
    pub lists: u32,
    /// The number of segments of names by which tenants are told apart.
    pub tenant_segments: u8,
}

impl Default for CountLimits {
    fn default() -> Self {
        Self {
            lists: 1_000,
            tenant_segments: 1,
        }
    }
}

/// Counts the objects of all buckets, and saves the figures in the draft bucket.
#[derive(Debug, Clone)]
pub struct UsageCounter {
    store: Store,
    slice: Slice,
    limits: CountLimits,
    clock: Arc<dyn Clock>,
}

/// The figures after a count.
#[derive(Debug, Clone)]
pub struct UsageCounted {
    /// The last whole count of the slice, or `None` if the first one has not ended yet.
    pub last: Option<Census>,
    /// The number of lists that were made.
    pub lists: u32,
}

/// The error of a count. What was saved before stays.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// Another sweep counts the same slice, and has saved meanwhile.
    #[error("another sweep counts the same objects")]
    Taken,
    /// The store failed, or does not permit the count.
    #[error(transparent)]
    Store(#[from] Error),
}

impl UsageCounter {
    /// Creates a counter of a slice of the store's buckets. The clock is used only if the store's responses have no date.
    pub fn new(store: Store, slice: Slice, limits: CountLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            slice,
            limits,
            clock,
        }
    }

    /// Continues the count of an earlier sweep, or begins one, until it ends or the limit of lists is reached. Returns `None` if
    /// the limit is 0.
    ///
    /// Safe to run at the same time as other counts: only one of them saves.
    ///
    /// # Errors
    /// Returns [`CountError`] if another sweep counts the slice, or the store fails.
    pub async fn count(&self) -> Result<Option<UsageCounted>, CountError> {
        if self.limits.lists == 0 {
            return Ok(None);
        }
        let (objects, buckets) = (self.store.objects(), &self.store.buckets);
        let (mut saves, began) = saves(objects, &buckets.draft, Some(self.slice)).await?;
        let unfinished = match saves.last() {
            Some((_, save)) => read_save(objects, &buckets.draft, save).await?,
            None => None,
        };
        let destinations = buckets.destinations.iter().map(|bucket| bucket.name().to_string());
        let mut inventory = Inventory::resume(
            unfinished,
            self.limits.tenant_segments,
            destinations.collect(),
            began.unwrap_or_else(|| self.clock.now()),
        );
        let mut lists = 0;
        while let Some((bucket, request)) = inventory.next_list(self.slice) {
            if lists >= self.limits.lists {
                break;
            }
            if lists > 0 && lists % LISTS_BETWEEN_SAVES == 0 {
                self.save(&inventory, &mut saves).await?;
            }
            let bucket = match bucket {
                CountedBucket::Draft => Some(buckets.draft.name()),
                CountedBucket::Main => Some(buckets.main.name()),
                CountedBucket::Destination(place) => buckets.destinations.get(place).map(MainBucket::name),
            };
            // The inventory has the same list.
            let Some(bucket) = bucket else { break };
            let page = objects.list(bucket, &request).await?;
            let now = page.store_time.unwrap_or_else(|| self.clock.now());
            inventory.on_page(self.slice, page, now);
            lists += 1;
        }
        self.save(&inventory, &mut saves).await?;
        let last = inventory.last().cloned();
        Ok(Some(UsageCounted { last, lists }))
    }

    /// Saves the inventory under the next generation, unless another server has, and deletes the earlier saves.
    async fn save(&self, inventory: &Inventory, saves: &mut Vec<Save>) -> Result<(), CountError> {
        let (objects, draft) = (self.store.objects(), &self.store.buckets.draft);
        let last = saves.last().map_or(0, |(place, _)| place.generation);
        let place = InventoryKey {
            slice: self.slice,
            generation: last + 1,
        };
        let (key, bytes) = (place.key(), inventory.to_bytes());
        let put = PutDraft {
            bucket: draft,
            key: &key,
            bytes: &bytes,
            attributes: Attributes::NONE,
            if_absent: true,
        };
        let etag = match objects.put_draft(&put).await {
            Ok(etag) => etag,
            Err(error) if error.kind == ErrorKind::PreconditionFailed => return Err(CountError::Taken),
            Err(error) => return Err(error.into()),
        };
        let save = ListedObject {
            key,
            etag,
            size: bytes.len() as u64,
            last_modified: SystemTime::UNIX_EPOCH,
            storage_class: None,
        };
        saves.push((place, save));
        let old = saves.len().saturating_sub(SAVES_KEPT);
        for (_, save) in saves.drain(..old) {
            let version = DraftVersion {
                key: save.key,
                etag: save.etag,
            };
            if let Err(error) = objects.delete_draft(draft, &version).await {
                tracing::debug!(object.key = %version.key, error = %error, "old inventory left to the sweep");
            }
        }
        Ok(())
    }
}

/// A saved inventory, and its place.
pub(crate) type Save = (InventoryKey, ListedObject);

/// Lists the saves of a slice, or of all slices, in the order of slices and generations. Returns the time of the store's clock
/// too, if the store sent it.
pub(crate) async fn saves(
    objects: &dyn Objects,
    draft: &DraftBucket,
    slice: Option<Slice>,
) -> Result<(Vec<Save>, Option<SystemTime>), Error> {
    let mut request = ListObjects {
        prefix: Some(InventoryKey::prefix(slice)),
        ..ListObjects::default()
    };
    let mut saves = Vec::new();
    loop {
        let page = objects.list(draft.name(), &request).await?;
        let place = |save: ListedObject| Some((InventoryKey::in_key(&save.key)?, save));
        saves.extend(page.objects.into_iter().filter_map(place));
        request.continuation = page.next;
        if request.continuation.is_none() {
            return Ok((saves, page.store_time));
        }
    }
}

/// Reads a saved inventory. Returns `None` if it has another format, or is larger than any inventory.
///
/// Fails with kind `NotFound` if it was replaced meanwhile.
pub(crate) async fn read_save(
    objects: &dyn Objects,
    draft: &DraftBucket,
    save: &ListedObject,
) -> Result<Option<Inventory>, Error> {
    if save.size == 0 || save.size > ReadDraft::MAX_BYTES {
        return Ok(None);
    }
    let read = ReadDraft {
        bucket: draft,
        key: &save.key,
        etag: &save.etag,
        range: 0..save.size,
    };
    let bytes = objects.read_draft(&read).await?;
    Ok(parsed(&save.key, &bytes))
}

fn parsed(key: &ObjectKey, bytes: &[u8]) -> Option<Inventory> {
    match Inventory::from_bytes(bytes) {
        Ok(inventory) => Some(inventory),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(object.key = %key, error, "inventory not readable");
            None
        }
    }
}
