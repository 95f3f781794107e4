//! The state of a schedule, and the acts of clients.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use draftstore_storage::{ETag, ErrorKind, ObjectKey, UploadId};

use super::audit::Audit;
use super::checking::Parts;
use super::restoring::VersionCopy;
use super::spec::{Checks, Profile, REMOVALS, SERVERS, Spec, TIMEOUT, is_unique};
use super::store::{Content, SimStore, upload_id};
use super::task::Task;
use super::transferring::CopyInside;
use crate::checks::{NoVerdict, Verdict};
use crate::confirm::{ConfirmError, DraftDeletes, Effect, Kept, Plan, Removals};
use crate::upload::{ends_at, has_ended};

/// The result of a confirm.
pub(super) type Outcome = Result<Kept, ConfirmError<ErrorKind>>;

/// An act whose answer was lost, and that takes effect later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Late {
    Effect(Box<Spec>, Effect),
    Deletes(DraftDeletes),
    Delete(ObjectKey, ETag),
    Restore(VersionCopy),
    Transfer(CopyInside),
    Verdict(ObjectKey, Verdict),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) profile: Profile,
    pub(super) store: SimStore,
    pub(super) audit: Audit,
    /// The running tasks, each with its server.
    pub(super) tasks: Vec<(usize, Task)>,
    /// The number of slices of the draft bucket, each with its own sweep.
    pub(super) sweepers: u16,
    /// The drafts that the confirms of each server left to be deleted.
    pub(super) removals: Vec<Removals>,
    /// The settings of checks that new confirms have.
    pub(super) checks: Checks,
    /// The verdicts that checks of each server ended with, for the confirms that wait for them.
    pub(super) verdicts: BTreeMap<(usize, Parts), Result<Verdict, NoVerdict<ErrorKind>>>,
    /// Acts whose answers were lost, and that take effect later.
    pub(super) limbo: Vec<Late>,
    /// An earlier state of the store.
    pub(super) snapshot: Option<SimStore>,
    /// The confirms that ended, with their answers. There is no answer if the server was killed.
    pub(super) ended: Vec<(Spec, Option<Outcome>)>,
    next_content: Content,
    pub(super) next_batch: u128,
    /// The history, if it is recorded.
    pub(super) trace: Option<Vec<String>>,
}

impl World {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            profile,
            store: SimStore::new(profile.honours),
            audit: Audit::new(profile.promises),
            tasks: Vec::new(),
            sweepers: 1,
            removals: vec![Removals::new(REMOVALS); SERVERS],
            checks: 0,
            verdicts: BTreeMap::new(),
            limbo: Vec::new(),
            snapshot: None,
            ended: Vec::new(),
            next_content: 1,
            next_batch: 1,
            trace: None,
        }
    }

    pub(super) fn record(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(what());
        }
    }

    pub(super) fn begin(&mut self, server: usize, task: Task) {
        self.tasks.push((server, task));
    }

    pub(super) fn put(&mut self, key: &ObjectKey, size: u64) {
        self.upload(key, size, is_unique(key));
    }

    /// Uploads with a form, which has no condition that a unique draft is new.
    pub(super) fn post(&mut self, key: &ObjectKey, size: u64) {
        self.upload(key, size, false);
    }

    fn upload(&mut self, key: &ObjectKey, size: u64, once: bool) {
        let content = self.fresh_content();
        let put = self.store.put(key, content, size, once);
        self.record(|| format!("put {key}: {content}, {size} bytes: {put:?}"));
        self.saw_upload(key);
    }

    /// Begins the upload of a named draft, or of a unique one with this lifetime.
    pub(super) fn begin_upload(&mut self, key: &ObjectKey, size: u64, lifetime: u64) {
        let ends_at = ends_at(self.now(), Duration::from_secs(lifetime));
        self.record(|| format!("begin upload {key}, {lifetime} s"));
        self.store.begin_upload(key, size, ends_at);
    }

    /// Lets the service check if an upload has ended. If not, its call to complete the upload is in progress.
    pub(super) fn pass_completion(&mut self, place: usize) {
        let now = self.now();
        let upload = &mut self.store.uploads[place];
        let passed = !has_ended(now, upload.ends_at);
        if passed {
            upload.completing = Some(self.store.now);
        }
        let key = upload.key.clone();
        self.record(|| format!("ask to complete upload {key}: {passed}"));
    }

    /// Completes the upload, unless the call timed out before.
    pub(super) fn complete_upload(&mut self, place: usize) {
        let upload = &self.store.uploads[place];
        if upload.completing.is_none_or(|since| since + TIMEOUT < self.store.now) {
            return;
        }
        let content = self.fresh_content();
        let key = self.store.complete_upload(place, content);
        self.record(|| format!("complete upload {key}: {content}"));
        self.saw_upload(&key);
    }

    /// Completes an upload whose client is gone, if it has not ended and there is no draft. All its parts are there.
    pub(super) fn complete_for_client(&mut self, id: &UploadId) -> bool {
        let place = self.store.uploads.iter().position(|upload| upload_id(upload.id) == *id);
        let is_due = |place: &usize| {
            let upload = &self.store.uploads[*place];
            !has_ended(self.now(), upload.ends_at) && !self.store.draft.contains_key(&upload.key)
        };
        let Some(place) = place.filter(is_due) else {
            return false;
        };
        let content = self.fresh_content();
        let key = self.store.complete_upload(place, content);
        self.record(|| format!("complete upload {key} for its client: {content}"));
        self.saw_upload(&key);
        true
    }

    pub(super) fn discard(&mut self, key: &ObjectKey) {
        self.record(|| format!("discard {key}"));
        self.store.draft.remove(key);
    }

    /// Changes the settings of checks. Confirms that have begun keep theirs.
    pub(super) fn change_checks(&mut self, checks: Checks) {
        self.record(|| format!("checks are now {checks}"));
        self.checks = checks;
    }

    pub(super) fn pass_time(&mut self, seconds: u64) {
        self.record(|| format!("{seconds} s pass"));
        self.store.now += seconds;
    }

    pub(super) fn plan(&self, spec: &Spec) -> Plan {
        Plan::new(self.profile.believed(), is_unique(&spec.draft_key))
    }

    pub(super) fn now(&self) -> SystemTime {
        self.store.time()
    }

    pub(super) fn fresh_content(&mut self) -> Content {
        self.next_content += 1;
        self.next_content
    }

    fn saw_upload(&mut self, key: &ObjectKey) {
        if let Some(draft) = self.store.draft.get(key) {
            self.audit.uploaded(key, draft);
        }
    }
}
