//! The usage of all buckets, from the inventories that sweeps keep in the draft bucket.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use draftstore_protocol::sweep::Slice;
use draftstore_protocol::usage::{Census, Group, Inventory, Usage};
use draftstore_storage::{ErrorKind, ObjectKey};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use tokio::sync::Mutex;

use super::Drafts;
use super::page::{Listing, Position};
use crate::caller::{Names, Tenant};
use crate::secrets::Purpose;
use crate::usage_counter::{Save, read_save, saves};
use crate::violation::Violations;
use crate::{Error, Scope};

/// The maximum number of inventories that are read at the same time.
const MAX_CONCURRENT_READS: usize = 8;

/// The number of attempts to read inventories that sweeps replace meanwhile.
const ATTEMPTS: u32 = 3;

/// A request for a page of the usage, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct GetUsage {
    /// The maximum number of groups.
    pub page_size: Option<i32>,
    /// The token to continue with: [`UsagePage::next_page_token`] of the previous page.
    pub page_token: Option<String>,
}

/// A page of the usage, in the order of tenants.
#[derive(Debug, Clone)]
pub struct UsagePage {
    /// The figures of each group of objects.
    pub groups: Vec<(Group, Usage)>,
    /// The token of the next page. `None` on the last page.
    pub next_page_token: Option<String>,
    /// The time at which the count began. Later changes may be missing.
    pub counted_from: SystemTime,
    /// The time at which the count ended.
    pub counted_until: SystemTime,
    /// `false` if there are more groups than one inventory holds.
    pub is_complete: bool,
}

/// The figures of all slices, and the saves that they were read from.
#[derive(Debug)]
pub(super) struct Merged {
    saves: Vec<ObjectKey>,
    groups: BTreeMap<Group, Usage>,
    is_complete: bool,
    from: SystemTime,
    until: SystemTime,
    segments: u8,
}

/// The figures that were read last. They are read again when a sweep has saved new ones.
pub(super) type MergedCache = Arc<Mutex<Option<Arc<Merged>>>>;

impl Drafts {
    /// Returns the number of objects and bytes of each tenant that the caller may see, as counted by the sweep.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::RestrictedNames`] to a caller that
    /// may use some names only, [`Error::UsageNotCounted`] if no count has ended yet or none tells the caller's tenant apart, or an
    /// error of the store.
    pub async fn usage(&self, request: &GetUsage) -> Result<UsagePage, Error> {
        self.caller.require(Scope::Inspect)?;
        if self.caller.names != Names::Any {
            return Err(Error::RestrictedNames);
        }
        let mut broken = Violations::default();
        let listing = Listing {
            purpose: Purpose::UsagePage,
            prefix: "",
            delimiter: "",
        };
        let page = self.page(listing, request.page_size, request.page_token.as_deref(), &mut broken);
        if !broken.as_slice().is_empty() {
            return Err(Error::Invalid(broken.into_vec()));
        }
        let merged = self.merged().await?;
        let tenant = self.caller.tenant.as_ref();
        let own;
        let groups = match tenant {
            Some(tenant) if segments(tenant) > merged.segments.into() => {
                return Err(Error::UsageNotCounted);
            }
            Some(tenant) => {
                own = of_tenant(&merged.groups, tenant);
                &own
            }
            None => &merged.groups,
        };
        let after = page.begin.and_then(|begin| begin.after);
        let after: Option<Group> = after.and_then(|after| serde_json::from_str(&after).ok());
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = groups.range((after, Bound::Unbounded));
        let groups = rest.by_ref().take(page.size.into());
        let groups: Vec<_> = groups.map(|(group, usage)| (group.clone(), *usage)).collect();
        let position = |(last, _): &(Group, Usage)| Position {
            range: 0,
            after: serde_json::to_string(last).ok(),
        };
        let last = groups.last().filter(|_| rest.next().is_some());
        Ok(UsagePage {
            next_page_token: last.map(|last| self.page_token(listing, &position(last))),
            groups,
            counted_from: merged.from,
            counted_until: merged.until,
            is_complete: merged.is_complete,
        })
    }

    /// Returns the figures of the last count of all slices.
    async fn merged(&self) -> Result<Arc<Merged>, Error> {
        let store = &self.shared.store;
        for _ in 0..ATTEMPTS {
            let (saves, _) = saves(store.objects(), &store.buckets.draft, None).await?;
            let sets = complete_sets(saves);
            let keys: Vec<_> = sets.iter().flatten().map(|(_, save)| save.key.clone()).collect();
            // Held while the inventories are read, so that concurrent calls read them once.
            let mut cached = self.shared.usage.lock().await;
            if let Some(merged) = cached.as_ref().filter(|merged| merged.saves == keys) {
                return Ok(Arc::clone(merged));
            }
            let mut newest: Option<Merged> = None;
            match self.read_sets(&sets, &mut newest).await {
                Ok(()) => {}
                Err(error) if error.kind == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            }
            let merged = newest.ok_or(Error::UsageNotCounted)?;
            let merged = Arc::new(Merged { saves: keys, ..merged });
            *cached = Some(Arc::clone(&merged));
            return Ok(merged);
        }
        Err(Error::StoreUnavailable(
            "the inventories are replaced while they are read".into(),
        ))
    }

    /// Reads the sets of inventories, and keeps the figures of the newest.
    async fn read_sets(
        &self,
        sets: &[Vec<Save>],
        newest: &mut Option<Merged>,
    ) -> Result<(), draftstore_storage::Error> {
        let store = &self.shared.store;
        for set in sets {
            let reads = set
                .iter()
                .map(|(_, save)| read_save(store.objects(), &store.buckets.draft, save));
            let reads: Vec<_> = reads.collect();
            let inventories: Vec<_> = stream::iter(reads).buffered(MAX_CONCURRENT_READS).try_collect().await?;
            let inventories: Option<Vec<Inventory>> = inventories.into_iter().collect();
            let merged = inventories.as_deref().and_then(merge);
            if let Some(merged) = merged
                && newest.as_ref().is_none_or(|newest| newest.from < merged.from)
            {
                *newest = Some(merged);
            }
        }
        Ok(())
    }
}

/// Returns the last saves of every number of slices of which all have one.
fn complete_sets(saves: Vec<Save>) -> Vec<Vec<Save>> {
    let mut sets: BTreeMap<u16, BTreeMap<u16, Save>> = BTreeMap::new();
    for save in saves {
        let (index, of) = Slice::place(save.0.slice);
        sets.entry(of).or_default().insert(index, save);
    }
    let complete = sets.into_iter().filter(|(of, slices)| slices.len() == usize::from(*of));
    complete.map(|(_, slices)| slices.into_values().collect()).collect()
}

/// Adds up the last counts of all slices. Returns `None` if one has none.
fn merge(inventories: &[Inventory]) -> Option<Merged> {
    let counts: Option<Vec<&Census>> = inventories.iter().map(Inventory::last).collect();
    let counts = counts?;
    let mut merged = Merged {
        saves: Vec::new(),
        groups: BTreeMap::new(),
        is_complete: counts.iter().all(|census| census.counts.beyond() == Usage::default()),
        from: counts.iter().map(|census| census.began_at()).min()?,
        until: counts.iter().map(|census| census.ended_at()).max()?,
        segments: inventories.iter().map(Inventory::segments).min()?,
    };
    for census in counts {
        for (group, usage) in census.counts.groups() {
            merged.groups.entry(group.clone()).or_default().add(usage);
        }
    }
    Some(merged)
}

/// Returns the figures of a tenant, with those of the tenants whose names begin with its own.
fn of_tenant(groups: &BTreeMap<Group, Usage>, tenant: &Tenant) -> BTreeMap<Group, Usage> {
    let mut of_tenant: BTreeMap<Group, Usage> = BTreeMap::new();
    for (group, usage) in groups {
        if group.tenant == tenant.as_str() || group.tenant.starts_with(tenant.prefix()) {
            let group = Group {
                tenant: tenant.to_string(),
                ..group.clone()
            };
            of_tenant.entry(group).or_default().add(*usage);
        }
    }
    of_tenant
}

fn segments(tenant: &Tenant) -> usize {
    tenant.as_str().split('/').count()
}
