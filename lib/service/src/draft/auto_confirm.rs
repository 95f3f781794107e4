//! Drafts that confirm themselves: their profile agreed to it when their upload was issued.
//!
//! The agreement is sealed in the metadata that the upload signs, for the key of its draft. So it cannot be changed, added, or
//! moved to another draft. It names the profile. That profile counts as it is in the current policy: if it is gone, or does not
//! have `auto_confirm` any more, nothing is confirmed. The draft is confirmed under its object name, which is a part of its
//! key, and only if main has no object of that name.
//!
//! A confirm by the backend may race: both have one effect, as any two confirms of a draft to one name.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use draftstore_protocol::{DraftId, RESERVED_PREFIX};
use draftstore_storage::{Attributes, ETag, ObjectInfo, ObjectKey};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument as _;

use super::Drafts;
use super::confirm::ConfirmUpload;
use crate::caller::{Caller, Destination, Names, Profile, Scope, Tenant};
use crate::events::{Act, EventKind};
use crate::observer::AutoConfirmed;
use crate::secrets::{Binding, Purpose};
use crate::{Error, Missing};

/// The name of the caller of these confirms in logs and in the audit.
const CALLER: &str = "auto_confirm";

/// The metadata name of the sealed agreement.
const AGREED: &str = "draftstore-auto-confirm";

/// The maximum number of drafts that confirm themselves at the same time.
const MAX_CONCURRENT: usize = 16;

/// The maximum number of drafts that wait for their confirm, and of ended ones that a server remembers. Others are started by
/// their next notification or inspection.
const MAX_WAITING: usize = 10_000;

/// The time for which a draft that was confirmed or refused is not tried again. A page that asks for the state of a draft in
/// short intervals would have it confirmed each time.
const REST: Duration = Duration::from_secs(60);

/// The pauses before a confirm is tried again whose checks have not ended, or whose store failed.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
];

/// A source of the profiles of the current policy.
pub trait ProfileSource: fmt::Debug + Send + Sync {
    /// Returns the profile of this name, if there is one.
    fn named(&self, name: &str) -> Option<Profile>;
}

/// The drafts that confirm themselves on this server. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct AutoConfirms {
    profiles: Option<Arc<dyn ProfileSource>>,
    slots: Arc<Semaphore>,
    known: Arc<Mutex<Known>>,
}

/// One upload of a draft. The same bytes may be uploaded again, and are to be confirmed again then.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Upload {
    key: ObjectKey,
    etag: ETag,
    last_modified: SystemTime,
}

/// The uploads that this server confirms, or has confirmed or refused.
#[derive(Debug, Default)]
struct Known {
    running: HashSet<Upload>,
    /// The times at which the others ended.
    ended: HashMap<Upload, Instant>,
}

impl Known {
    /// Adds an upload that is to be confirmed now, or says why it is not.
    fn start(&mut self, draft: &Upload) -> Start {
        if self.ended.get(draft).is_some_and(|ended| ended.elapsed() < REST) {
            return Start::Ended;
        }
        if self.running.len() >= MAX_WAITING || !self.running.insert(draft.clone()) {
            return Start::Busy;
        }
        Start::Now
    }

    fn end(&mut self, draft: Upload) {
        if self.ended.len() >= MAX_WAITING {
            self.ended.retain(|_, ended| ended.elapsed() < REST);
        }
        if self.ended.len() >= MAX_WAITING {
            self.ended.clear();
        }
        self.ended.insert(draft, Instant::now());
    }
}

enum Start {
    Now,
    /// The upload is being confirmed, or too many others are.
    Busy,
    Ended,
}

/// A confirm in the background. However it ends, the upload may be confirmed again some time.
struct Running {
    confirms: AutoConfirms,
    draft: Upload,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.confirms.known().running.remove(&self.draft);
    }
}

impl AutoConfirms {
    pub(super) fn new(profiles: Option<Arc<dyn ProfileSource>>) -> Self {
        Self {
            profiles,
            slots: Arc::new(Semaphore::new(MAX_CONCURRENT)),
            known: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The content of an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Agreed {
    profile: String,
    tenant: Option<Tenant>,
}

impl Agreed {
    fn to_text(&self) -> String {
        let tenant = self.tenant.as_ref().map_or("", Tenant::as_str);
        format!("{tenant}\n{}", self.profile)
    }

    fn of_text(text: &str) -> Option<Self> {
        let (tenant, profile) = text.split_once('\n')?;
        let tenant = match tenant {
            "" => None,
            tenant => Some(tenant.parse().ok()?),
        };
        let profile = profile.to_owned();
        Some(Self { profile, tenant })
    }
}

impl Drafts {
    /// Adds the agreement to the attributes of an upload, if the caller's profile confirms its drafts.
    pub(super) fn agree_on_auto_confirm(&self, attributes: &mut Attributes, draft: &ObjectKey) {
        let profile = &self.caller.profile;
        let Some(name) = profile.name.as_ref().filter(|_| profile.auto_confirm) else {
            return;
        };
        let agreed = Agreed {
            profile: name.clone(),
            tenant: self.caller.tenant.clone(),
        };
        let secrets = self.shared.secrets.current();
        let sealed = secrets.seal(binding(&[draft.as_str()]), agreed.to_text().as_bytes());
        attributes.metadata.insert(AGREED.to_owned(), sealed);
    }

    /// Confirms a draft that may have arrived, if its upload agreed to it. Does nothing for other buckets and keys. Returns false
    /// if the confirm has not ended by `until`, or the store failed meanwhile: repeat the call, unless the confirm ends on this
    /// server.
    ///
    /// # Errors
    /// Returns an error of the store.
    pub async fn look_at(&self, bucket: &str, key: &str, until: Instant) -> Result<bool, Error> {
        let is_ours = bucket == self.draft_bucket().as_str();
        let is_draft = !key.starts_with(RESERVED_PREFIX) || DraftId::split(key).is_some();
        let (true, true, Ok(key)) = (is_ours, is_draft, ObjectKey::new(key)) else {
            return Ok(true);
        };
        let Some(draft) = self.head_draft(&key).await? else {
            return Ok(true);
        };
        self.courier().publish_uploaded(&key, &draft).await?;
        let Some(confirming) = self.start_auto_confirm(&key, &draft) else {
            return Ok(true);
        };
        // Without a result, another call has started the confirm, or it has panicked.
        Ok(matches!(timeout_at(until, confirming).await, Ok(Ok(true))))
    }

    /// Confirms a draft whose verdict may have changed, in the background, if its upload agreed to it.
    pub(crate) fn look_at_in_background(&self, key: &ObjectKey) {
        if self.shared.auto_confirms.profiles.is_none() {
            return;
        }
        let (drafts, key) = (self.clone(), key.clone());
        let looking = async move {
            match drafts.head_draft(&key).await {
                Ok(Some(draft)) => drop(drafts.start_auto_confirm(&key, &draft)),
                Ok(None) => {}
                Err(error) => not_looked_at(&key, &error.into()),
            }
        };
        self.shared.tasks.spawn(looking.in_current_span());
    }

    /// Publishes the event of a draft that has just arrived, and confirms the draft if its upload agreed to it, in the background.
    /// `act` is the stored note of the event, if there is one.
    pub(crate) fn arrived_in_background(&self, key: &ObjectKey, act: Option<Act>) {
        if act.is_none() && !self.courier().is_wanted(EventKind::DraftUploaded) {
            return self.look_at_in_background(key);
        }
        let (drafts, key) = (self.clone(), key.clone());
        let publishing = async move {
            let published = match drafts.head_draft(&key).await {
                Ok(Some(draft)) => drafts
                    .courier()
                    .publish_uploaded(&key, &draft)
                    .await
                    .map(|()| Some(draft)),
                Ok(None) => Ok(None),
                Err(error) => Err(error.into()),
            };
            match published {
                Ok(draft) => {
                    if let Some(act) = act {
                        drafts.courier().remove_note(&act).await;
                    }
                    if let Some(draft) = draft {
                        drop(drafts.start_auto_confirm(&key, &draft));
                    }
                }
                Err(error) => not_looked_at(&key, &error),
            }
        };
        self.shared.tasks.spawn(publishing.in_current_span());
    }

    /// Starts the confirm of an upload in the background. Returns `None` if that was not agreed on or has been
    /// done, or else what is sent at the end: true if nothing more is to be done.
    pub(super) fn start_auto_confirm(&self, key: &ObjectKey, draft: &ObjectInfo) -> Option<oneshot::Receiver<bool>> {
        self.auto_confirming(key, &draft.attributes.metadata)?;
        let confirms = &self.shared.auto_confirms;
        let (ended, end) = oneshot::channel();
        let draft = Upload {
            key: key.clone(),
            etag: draft.etag.clone(),
            last_modified: draft.last_modified,
        };
        match confirms.known().start(&draft) {
            Start::Now => {}
            Start::Busy => return Some(end),
            Start::Ended => return None,
        }
        let running = Running {
            confirms: confirms.clone(),
            draft: draft.clone(),
        };
        let drafts = self.clone();
        let confirming = async move {
            let is_done = drafts.auto_confirm(&draft).await;
            if is_done {
                drafts.shared.auto_confirms.known().end(draft);
            }
            drop(running);
            // The caller may have timed out.
            let _ = ended.send(is_done);
        };
        // The confirm itself is a task that a shutdown waits for. The pauses between two tries are not.
        tokio::spawn(confirming.in_current_span());
        Some(end)
    }

    /// Confirms an upload, with retries, and reports the result. Returns true if nothing more is to be done.
    async fn auto_confirm(&self, Upload { key, etag, .. }: &Upload) -> bool {
        let mut pauses = PAUSES.iter();
        loop {
            let Ok(slot) = self.shared.auto_confirms.slots.acquire().await else {
                return false;
            };
            let draft = match self.head_draft(key).await {
                Ok(Some(draft)) if draft.etag == *etag => Ok(draft),
                // Confirmed by another, discarded or expired; or uploaded again, which has a notification of its own.
                Ok(_) => return true,
                Err(error) => Err(Error::from(error)),
            };
            let (of, result) = match draft {
                Ok(draft) => {
                    let Some((drafts, confirm)) = self.auto_confirming(key, &draft.attributes.metadata) else {
                        return true;
                    };
                    let confirm = ConfirmUpload {
                        if_match: Some(draft.etag.quoted()),
                        ..confirm
                    };
                    // The event of the upload comes before that of its confirm.
                    let confirmed = match drafts.courier().publish_uploaded(key, &draft).await {
                        Ok(()) => drafts.confirm(&confirm).await.map(drop),
                        Err(error) => Err(error),
                    };
                    (Some((drafts, confirm)), confirmed)
                }
                Err(error) => (None, Err(error)),
            };
            if matches!(result, Err(Error::NotFound(Missing::Draft))) {
                return true;
            }
            let may_pass = result.as_ref().is_err_and(may_pass_later);
            if may_pass
                && !self.shared.tasks.is_closed()
                && let Some(pause) = pauses.next()
            {
                drop(slot);
                sleep(*pause).await;
                continue;
            }
            match &result {
                Ok(()) => {}
                // Anybody who may upload can cause it, and its verdict is logged already.
                Err(Error::Rejected(_)) => tracing::debug!(object.key = %key, "auto confirm of a rejected draft"),
                Err(error) => {
                    tracing::warn!(object.key = %key, error = error as &dyn std::error::Error, "auto confirm failed");
                }
            }
            if let (Some((drafts, confirm)), Some(observer)) = (of, &self.shared.observer) {
                observer.auto_confirmed(AutoConfirmed {
                    caller: Arc::clone(&drafts.caller),
                    object_name: confirm.object_name,
                    draft_id: confirm.draft_id,
                    result,
                });
            }
            return !may_pass;
        }
    }

    /// Returns the destination to which drafts of the caller's profile confirm themselves by the current policy, if there is one.
    pub(super) fn auto_confirm_destination(&self) -> Option<(String, Arc<Destination>)> {
        let profiles = self.shared.auto_confirms.profiles.as_ref()?;
        let profile = profiles.named(self.caller.profile.name.as_deref()?)?;
        profile
            .destinations
            .into_iter()
            .find(|(name, _)| Some(name) == profile.auto_confirm_destination.as_ref())
    }

    /// Returns the service for the caller that confirms this draft, and the request, if that was agreed on and the current
    /// policy still has it.
    fn auto_confirming(&self, key: &ObjectKey, metadata: &BTreeMap<String, String>) -> Option<(Self, ConfirmUpload)> {
        let profiles = self.shared.auto_confirms.profiles.as_ref()?;
        let sealed = metadata.get(AGREED)?;
        let content = self.shared.secrets.current().open(binding(&[key.as_str()]), sealed)?;
        let agreed = Agreed::of_text(&String::from_utf8(content).ok()?)?;
        let profile = profiles.named(&agreed.profile).filter(|profile| profile.auto_confirm)?;
        let caller = Caller {
            name: CALLER.to_owned(),
            principal: CALLER.to_owned(),
            scopes: [Scope::Confirm].into_iter().collect(),
            tenant: agreed.tenant,
            profile,
            names: Names::Any,
            drafts: None,
        };
        let (draft_id, named) = match DraftId::split(key.as_str()) {
            Some((id, named)) => (Some(id.to_string()), named),
            None => (None, key.as_str()),
        };
        let confirm = ConfirmUpload {
            object_name: caller.name_of(named)?.to_owned(),
            draft_id,
            destination: caller.profile.auto_confirm_destination.clone(),
            ..ConfirmUpload::default()
        };
        Some((self.for_caller(Arc::new(caller)), confirm))
    }
}

fn not_looked_at(key: &ObjectKey, error: &Error) {
    let error = error as &dyn std::error::Error;
    tracing::warn!(object.key = %key, error, "draft not looked at");
}

/// Returns true if the same confirm may succeed some time later.
fn may_pass_later(error: &Error) -> bool {
    matches!(
        error,
        Error::ChecksPending
            | Error::ScannerUnavailable(_)
            | Error::StoreUnavailable(_)
            | Error::PinMismatch { .. }
            | Error::Changed
    )
}

fn binding<'a>(parts: &'a [&'a str]) -> Binding<'a> {
    Binding {
        purpose: Purpose::AutoConfirm,
        parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_round_trips() {
        for tenant in [None, "acme/eu".parse().ok()] {
            let agreed = Agreed {
                profile: "avatars".to_owned(),
                tenant,
            };
            assert_eq!(Agreed::of_text(&agreed.to_text()), Some(agreed));
        }
        for bad in ["", "avatars", "../x\navatars"] {
            assert_eq!(Agreed::of_text(bad), None, "{bad:?}");
        }
    }
}
