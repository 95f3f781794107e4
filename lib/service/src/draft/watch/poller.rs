//! The pollers, which look up watched drafts. Each serves all watches of a draft on this server, so that the number of
//! calls to the store does not grow with the number of watches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use draftstore_protocol::confirm::Origin;
use draftstore_protocol::sweep::expires_at;
use draftstore_storage::{ETag, Error as StorageError, ErrorKind, ObjectKey};
use futures::future::try_join_all;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::DraftState;
use crate::caller::Destinations;
use crate::draft::draft_ref::{DraftRef, Keys};
use crate::draft::{Drafts, found};

/// The pause after a change. Each further pause is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest time after which a change that another server makes is seen.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The finding of a poller about a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// The draft is uploaded. Its state is the same for all callers.
    Uploaded(DraftState),
    /// The draft is confirmed.
    Confirmed,
    /// The draft is not there.
    Absent {
        /// The versions of the draft from which main and the destinations hold an object under its name.
        confirmed: Vec<ETag>,
    },
}

/// The last observation of a poller.
#[derive(Debug, Clone, Default)]
pub(super) struct Observation {
    /// The number of polls that have begun.
    pub(super) begun: u64,
    /// The number of polls that have ended.
    pub(super) looks: u64,
    /// The result of the last poll, or `None` before the first one. A poller ends after an error.
    pub(super) seen: Option<Result<Seen, LookFailed>>,
}

/// The error of a failed poll, which all watches get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LookFailed {
    pub(super) kind: ErrorKind,
    pub(super) why: String,
}

impl From<StorageError> for LookFailed {
    fn from(error: StorageError) -> Self {
        Self {
            kind: error.kind,
            why: format!("{error}: {}", error.source),
        }
    }
}

/// Returns the failure of a poller that is gone, which is a bug.
pub(super) fn stopped() -> LookFailed {
    LookFailed {
        kind: ErrorKind::Unexpected,
        why: "a poller of drafts has stopped".to_owned(),
    }
}

/// The drafts that are watched on this server. Clones share them.
#[derive(Debug, Clone, Default)]
pub(in crate::draft) struct WatchedDrafts(Arc<Mutex<HashMap<ObjectKey, Vec<Arc<Watched>>>>>);

/// One draft that is watched, under one set of checks and destinations.
#[derive(Debug)]
struct Watched {
    checks: Option<String>,
    destinations: Destinations,
    observed: watch::Sender<Observation>,
    /// Notified when this server may have changed the draft.
    changed: Notify,
    is_confirmed: AtomicBool,
}

impl WatchedDrafts {
    fn by_key(&self) -> MutexGuard<'_, HashMap<ObjectKey, Vec<Arc<Watched>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls the draft at once, if it is watched.
    pub(in crate::draft) fn changed(&self, key: &ObjectKey) {
        for watched in self.by_key().get(key).into_iter().flatten() {
            watched.changed.notify_one();
        }
    }

    /// Tells all who watch the draft that it is confirmed.
    pub(in crate::draft) fn confirmed(&self, key: &ObjectKey) {
        for watched in self.by_key().get(key).into_iter().flatten() {
            watched.is_confirmed.store(true, Ordering::Relaxed);
            watched.changed.notify_one();
        }
    }

    fn remove(all: &mut HashMap<ObjectKey, Vec<Arc<Watched>>>, key: &ObjectKey, watched: &Arc<Watched>) {
        let Some(of_key) = all.get_mut(key) else { return };
        of_key.retain(|other| !Arc::ptr_eq(other, watched));
        if of_key.is_empty() {
            all.remove(key);
        }
    }
}

impl Drafts {
    /// Returns the observations of a draft, by a poller that is started if there is none.
    pub(super) fn observe(&self, draft: &DraftRef) -> watch::Receiver<Observation> {
        let (checks, destinations) = (self.check_settings(), self.destinations_of_drafts());
        let mut all = self.shared.watched.by_key();
        let of_key = all.entry(draft.key.clone()).or_default();
        let is_same = |watched: &&Arc<Watched>| watched.checks == checks && watched.destinations == destinations;
        if let Some(watched) = of_key.iter().find(is_same) {
            return watched.observed.subscribe();
        }
        let (send, observed) = watch::channel(Observation::default());
        let watched = Arc::new(Watched {
            checks,
            destinations,
            observed: send,
            changed: Notify::new(),
            is_confirmed: AtomicBool::new(false),
        });
        of_key.push(Arc::clone(&watched));
        let poller = Poller {
            // A poller is nobody's call: it holds no place of its caller's.
            drafts: self.for_caller(Arc::clone(&self.caller)),
            draft: draft.clone(),
            watched,
        };
        tokio::spawn(poller.run());
        observed
    }
}

/// The poller of one draft. It ends with the last watch of the draft.
struct Poller {
    drafts: Drafts,
    draft: DraftRef,
    watched: Arc<Watched>,
}

/// Removes the poller, also after a panic, so that another one can begin.
impl Drop for Poller {
    fn drop(&mut self) {
        let mut all = self.drafts.shared.watched.by_key();
        WatchedDrafts::remove(&mut all, &self.draft.key, &self.watched);
    }
}

impl Poller {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.watched.observed.send_if_modified(|observed| {
                observed.begun += 1;
                false
            });
            let seen = self.look().await.map_err(LookFailed::from);
            let is_last = matches!(seen, Err(_) | Ok(Seen::Confirmed));
            let seen = Some(seen);
            let (mut is_new, mut arrived) = (false, false);
            self.watched.observed.send_modify(|observed| {
                is_new = observed.seen != seen;
                let was_absent = matches!(observed.seen, Some(Ok(Seen::Absent { .. })));
                arrived = was_absent && matches!(seen, Some(Ok(Seen::Uploaded(_))));
                observed.looks += 1;
                observed.seen = seen;
            });
            if is_last {
                return;
            }
            if arrived {
                self.drafts.arrived_in_background(&self.draft.key, None);
            }
            pause = if is_new {
                FIRST_PAUSE
            } else {
                (pause * 2).min(LONGEST_PAUSE)
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.watched.changed.notified() => {}
                () = self.watched.observed.closed() => {}
            }
            if self.ends() {
                return;
            }
        }
    }

    /// Removes the poller if it has no watch any more, so that no other joins it. Returns true if it ends.
    fn ends(&self) -> bool {
        let mut all = self.drafts.shared.watched.by_key();
        let ends = self.watched.observed.receiver_count() == 0;
        if ends {
            WatchedDrafts::remove(&mut all, &self.draft.key, &self.watched);
        }
        ends
    }

    async fn look(&self) -> Result<Seen, StorageError> {
        if self.watched.is_confirmed.load(Ordering::Relaxed) {
            return Ok(Seen::Confirmed);
        }
        let (drafts, key) = (&self.drafts, &self.draft.key);
        let Some(found) = drafts.head_draft(key).await? else {
            let confirmed = drafts.confirmed_versions(&self.draft).await?;
            return Ok(Seen::Absent { confirmed });
        };
        // The draft that was confirmed to main may stay until a sweep, where its delete failed, or would not be safe.
        if drafts.confirmed_here(&self.draft).await?.as_ref() == Some(&found.etag) {
            return Ok(Seen::Confirmed);
        }
        Ok(Seen::Uploaded(DraftState::Uploaded {
            expires_at: expires_at(&drafts.shared.policy, self.draft.id, &found.etag, found.last_modified),
            checks: drafts.check_state(key, &found).await?,
            etag: found.etag,
            size: found.size,
        }))
    }
}

impl Drafts {
    /// Returns the versions of a draft from which main, or a destination of its caller, holds an object for good under the name
    /// of the draft.
    pub(in crate::draft) async fn confirmed_versions(&self, draft: &DraftRef) -> Result<Vec<ETag>, StorageError> {
        let mut caller = (*self.caller).clone();
        caller.profile.destinations = self.destinations_of_drafts();
        let main = self.for_caller(Arc::new(caller));
        let mut places = main.elsewhere(&main);
        places.retain(|place| place.check_length(&draft.name).is_ok());
        places.push(main);
        let found = try_join_all(places.iter().map(|place| place.confirmed_here(draft))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns the destinations to which the caller's drafts may be confirmed: those that it may name, and that to which drafts of
    /// its profile confirm themselves.
    fn destinations_of_drafts(&self) -> Destinations {
        let mut destinations = self.caller.profile.destinations.clone();
        destinations.extend(self.auto_confirm_destination());
        destinations
    }

    /// Returns the version of a draft from which main, or the destination of this service, holds an object for good.
    async fn confirmed_here(&self, draft: &DraftRef) -> Result<Option<ETag>, StorageError> {
        let store = &self.shared.store;
        let keys = Keys {
            draft: draft.key.clone(),
            main: self.main_key(&draft.name),
        };
        let Some(main) = found(store.objects().head(store.buckets.main.name(), &keys.main).await)? else {
            return Ok(None);
        };
        let Some(etag) = Origin::of(&main.attributes.metadata).and_then(|origin| origin.draft_etag.parse().ok()) else {
            return Ok(None);
        };
        Ok(self.was_confirmed(&keys, &etag, &main).await?.then_some(etag))
    }
}
