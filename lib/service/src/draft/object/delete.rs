//! Deletes of confirmed objects, which run [`draftstore_protocol::kept`] against the store.

use std::collections::{BTreeMap, HashSet};

use draftstore_protocol::confirm::settlement_key;
use draftstore_protocol::events::{ActEnd, Trace};
use draftstore_protocol::kept::{Answer, Delete, Deleted, Deletion, Effect, ReplacedId, Step};
use draftstore_storage as storage;
use draftstore_storage::{Condition, ETag, ErrorKind, KeptVersion, ObjectInfo, ObjectKey, Operation, VersionId};
use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};

use crate::draft::acts::ActInMain;
use crate::draft::confirm::{Locked, main_lock};
use crate::draft::{Drafts, found};
use crate::events::{Act, EventKind, Fields, TraceAt, object_fields};
use crate::fields::etag;
use crate::limits::MAX_DELETED_TOGETHER;
use crate::violation::Violations;
use crate::{Error, KeptUntil, Scope, Violation};

/// The maximum number of objects of one call that are looked up or deleted concurrently.
const MAX_CONCURRENT: usize = 16;

/// The maximum number of objects of one call whose events are sent or stored concurrently. Each may wait for a slow endpoint.
const MAX_TOLD_TOGETHER: usize = 100;

/// A request to delete a confirmed object, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct DeleteObject {
    /// The name of the object.
    pub object_name: String,
    /// The expected `ETag` of the object.
    pub if_match: Option<String>,
}

/// The result of a delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDeleted {
    /// The version that was deleted. `None` if there was no object, or another call deleted or moved it meanwhile.
    pub etag: Option<ETag>,
    /// The ID of the version that was deleted, or of its copy, if there is one.
    pub version_id: Option<VersionId>,
    /// The time until which the bytes are kept, as a version or as a copy, so that the delete can be undone. `None` if they are
    /// not.
    pub undo_until: Option<KeptUntil>,
}

/// A delete in progress.
#[derive(Debug)]
struct Running {
    key: ObjectKey,
    deletion: Deletion<storage::Error>,
    step: Step<storage::Error>,
    /// The object, as the delete last saw it.
    main: Option<ObjectInfo>,
    /// The act, if an endpoint wants its event.
    act: Option<Act>,
    /// The copy of the object that the last delete was to remove.
    replaced: Option<ReplacedId>,
}

/// A validated request.
#[derive(Debug)]
struct Checked {
    key: ObjectKey,
    if_match: Option<ETag>,
}

impl Drafts {
    /// Deletes a confirmed object in the version that is there, or in the given one. Idempotent.
    ///
    /// # Errors
    /// Returns
    /// - [`Error::Invalid`], which names every field that breaks a rule.
    /// - [`Error::PinMismatch`] if the object has another version than the given one.
    /// - [`Error::Changed`] if another call replaced the object meanwhile.
    /// - [`Error::DeletesNotPermitted`] if the store does not let the server delete in main.
    /// - [`Error::Busy`] if an atomic batch may still undo the object.
    /// - [`Error::StoreUnavailable`] if the store failed.
    pub async fn delete_object(&self, request: &DeleteObject) -> Result<ObjectDeleted, Error> {
        self.caller.require(Scope::Manage)?;
        let checked = self.check_delete(request)?;
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock_main([&checked.key]).await;
        let mut running = self.deletion(&checked);
        running.run(self, true).await;
        self.end(running).await
    }

    /// Deletes several objects, and returns the result of each in the order of the request. The objects are looked up one
    /// by one, and deleted in one call where the store honours its conditions.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`] if there are no objects or too many, or if an object is listed twice.
    pub async fn delete_objects(&self, requests: &[DeleteObject]) -> Result<Vec<Result<ObjectDeleted, Error>>, Error> {
        self.caller.require(Scope::Manage)?;
        let invalid = |field: String, rule: String| Err(Error::Invalid(vec![Violation::new(field, rule)]));
        if !(1..=MAX_DELETED_TOGETHER).contains(&requests.len()) {
            return invalid("objects".to_owned(), format!("must be 1 to {MAX_DELETED_TOGETHER}"));
        }
        let checked: Vec<_> = requests.iter().map(|request| self.check_delete(request)).collect();
        let mut seen = HashSet::new();
        for (place, one) in checked.iter().enumerate() {
            if one.as_ref().is_ok_and(|one| !seen.insert(&one.key)) {
                return invalid(format!("objects[{place}]"), "must not be listed twice".to_owned());
            }
        }
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock_main(checked.iter().flatten().map(|one| &one.key)).await;
        let running = checked.iter().flatten().map(|one| self.deletion(one)).collect();
        let mut ended = self.run_deletions(running).await.into_iter();
        let outcomes: Vec<_> = checked
            .into_iter()
            .map(|one| {
                let ended = one.map(|_| ended.next());
                async move {
                    match ended? {
                        Some(running) => self.end(running).await,
                        None => Err(Error::Internal("a delete has no outcome".into())),
                    }
                }
            })
            .collect();
        Ok(stream::iter(outcomes).buffered(MAX_TOLD_TOGETHER).collect().await)
    }

    fn check_delete(&self, request: &DeleteObject) -> Result<Checked, Error> {
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let if_match = broken.take_optional(request.if_match.as_deref().map(|text| etag("if_match", text)));
        match (name, broken.as_slice()) {
            (Some(name), []) => Ok(Checked {
                key: self.main_key(&name),
                if_match,
            }),
            _ => Err(Error::Invalid(broken.into_vec())),
        }
    }

    fn deletion(&self, checked: &Checked) -> Running {
        let (deletion, effect) = Deletion::start(Delete {
            if_match: checked.if_match.clone(),
            now: self.shared.clock.now(),
            proves_copies: self.shared.store.profile.capabilities().honours(Condition::CopyMd5),
        });
        Running {
            key: checked.key.clone(),
            deletion,
            step: Step::Perform(effect),
            main: None,
            act: None,
            replaced: None,
        }
    }

    /// Runs several deletes. Those that are ready are deleted together, before any continues.
    async fn run_deletions(&self, mut all: Vec<Running>) -> Vec<Running> {
        let together = self.shared.store.profile.capabilities().honours(Condition::DeleteMany);
        loop {
            let looks: Vec<_> = all.iter_mut().map(|one| one.run(self, !together).boxed()).collect();
            stream::iter(looks)
                .buffer_unordered(MAX_CONCURRENT)
                .collect::<()>()
                .await;
            if all.iter().all(|one| one.ready().is_none()) {
                return all;
            }
            let begins: Vec<_> = all.iter_mut().map(|one| one.begin(self).boxed()).collect();
            stream::iter(begins)
                .buffer_unordered(MAX_CONCURRENT)
                .collect::<Vec<_>>()
                .await;
            let ready: Vec<KeptVersion> = all.iter().filter_map(Running::ready).collect();
            if ready.is_empty() {
                continue;
            }
            let mut outcomes = self.delete_together(&ready).await;
            for one in &mut all {
                if one.ready().is_some() {
                    let lost = || Err(self.failed(&one.key, ErrorKind::Unavailable, "the answer lacks this key"));
                    let outcome = outcomes.remove(&one.key).unwrap_or_else(lost);
                    one.step = one.deletion.on(Answer::Deleted(outcome));
                }
            }
        }
    }

    async fn delete_together(
        &self,
        ready: &[KeptVersion],
    ) -> BTreeMap<ObjectKey, Result<Option<VersionId>, storage::Error>> {
        let store = &self.shared.store;
        match store.objects().delete_objects(&store.buckets.main, ready).await {
            Ok(outcomes) => {
                let outcomes = outcomes.into_iter().map(|one| {
                    let failed = |kind| self.failed(&one.key, kind, "one of several objects was not deleted");
                    let marker = one.marker.map_err(failed);
                    (one.key, marker)
                });
                outcomes.collect()
            }
            Err(error) => {
                let failed = |object: &KeptVersion| {
                    let error = self.failed(&object.key, error.kind, &error.to_string());
                    (object.key.clone(), Err(error))
                };
                ready.iter().map(failed).collect()
            }
        }
    }

    fn failed(&self, key: &ObjectKey, kind: ErrorKind, why: &str) -> storage::Error {
        storage::Error {
            kind,
            operation: Operation::DeleteObjects,
            bucket: self.shared.store.buckets.main.name().clone(),
            key: Some(key.clone()),
            source: why.into(),
        }
    }

    async fn perform_delete(&self, key: &ObjectKey, effect: Effect) -> Answer<storage::Error> {
        let store = &self.shared.store;
        let (draft, main) = (&store.buckets.draft, &store.buckets.main);
        match effect {
            Effect::HeadMain => Answer::Head(found(store.objects().head(main.name(), key).await)),
            Effect::HeadSettlement { batch } => {
                Answer::Head(found(store.objects().head(draft.name(), &settlement_key(batch)).await))
            }
            Effect::Delete { main_etag } => {
                let object = KeptVersion {
                    key: key.clone(),
                    etag: main_etag,
                };
                Answer::Deleted(store.objects().delete_object(main, &object).await)
            }
        }
    }

    /// Returns the result of a delete that has ended, after its event.
    async fn end(&self, running: Running) -> Result<ObjectDeleted, Error> {
        let Step::Finish(deleted) = running.step else {
            return Err(Error::Internal("a delete has not ended".into()));
        };
        let deleted = deleted.map_err(Error::from);
        let end = match &deleted {
            Ok(Deleted::Now { .. }) => ActEnd::Happened,
            // Another call deleted or moved the object, and has an event of its own.
            Ok(Deleted::Before) => ActEnd::Refused,
            Err(error) => ActEnd::from(error),
        };
        self.courier().end(running.act, end, Fields::new()).await;
        let (main, marker) = match deleted? {
            Deleted::Before => {
                return Ok(ObjectDeleted {
                    etag: None,
                    version_id: None,
                    undo_until: None,
                });
            }
            Deleted::Now { main, marker } => (main, marker),
        };
        let lifetime = self.shared.policy.replaced_lifetime();
        if let Some((copy, lifetime)) = running.replaced.zip(lifetime) {
            return Ok(ObjectDeleted {
                etag: Some(main.etag),
                version_id: Some(VersionId::new(copy.to_string())),
                undo_until: Some(KeptUntil::Time(copy.kept_until(lifetime))),
            });
        }
        let undo_until = if is_kept(main.version_id.as_ref(), marker.as_ref()) {
            let now = self.shared.clock.now();
            Some(self.shared.store.keeps_version_until(&running.key, now).await)
        } else {
            None
        };
        Ok(ObjectDeleted {
            etag: Some(main.etag),
            version_id: main.version_id,
            undo_until,
        })
    }

    /// Acquires the locks of these names in main.
    ///
    /// On every store: two copies of the same bytes have one `ETag`, so that no condition notices that only attributes were
    /// changed, and of a move and a delete of one object both would succeed.
    pub(super) async fn lock_main(&self, keys: impl IntoIterator<Item = &ObjectKey>) -> Locked {
        self.shared.locks.lock(keys.into_iter().map(main_lock).collect()).await
    }
}

impl Running {
    /// Runs until the delete has ended, or is ready to delete if that is left to another call.
    async fn run(&mut self, drafts: &Drafts, deletes: bool) {
        while let Step::Perform(effect) = &self.step {
            let is_delete = matches!(effect, Effect::Delete { .. });
            let effect = effect.clone();
            if let Some(etag) = effect.removes() {
                match drafts.keep_replaced(&self.key, etag).await {
                    Ok(copy) => self.replaced = copy,
                    Err(error) => {
                        self.step = self.deletion.on(Answer::Deleted(Err(error)));
                        continue;
                    }
                }
            }
            if is_delete && !deletes {
                return;
            }
            if is_delete && !self.begin(drafts).await {
                continue;
            }
            let is_look = matches!(effect, Effect::HeadMain);
            let answer = drafts.perform_delete(&self.key, effect).await;
            if let (true, Answer::Head(Ok(main))) = (is_look, &answer) {
                self.main.clone_from(main);
            }
            self.step = self.deletion.on(answer);
        }
    }

    /// Writes the event down of a delete that is ready. Returns false if it cannot, which fails the delete.
    async fn begin(&mut self, drafts: &Drafts) -> bool {
        let (Some(version), None) = (self.ready(), &self.act) else {
            return true;
        };
        let act = ActInMain {
            kind: EventKind::ObjectDeleted,
            key: &self.key,
            done_to: version.etag.as_str(),
            fields: self.main.as_ref().map(object_fields).unwrap_or_default(),
            traces: vec![TraceAt::in_main(&self.key, Trace::Absent)],
        };
        match drafts.begin_in_main(act).await {
            Ok(act) => {
                self.act = act;
                true
            }
            Err(error) => {
                self.step = self.deletion.on(Answer::Deleted(Err(error)));
                false
            }
        }
    }

    /// Returns the version to delete, if the next step is to delete it.
    fn ready(&self) -> Option<KeptVersion> {
        match &self.step {
            Step::Perform(Effect::Delete { main_etag }) => Some(KeptVersion {
                key: self.key.clone(),
                etag: main_etag.clone(),
            }),
            Step::Perform(Effect::HeadMain | Effect::HeadSettlement { .. }) | Step::Finish(_) => None,
        }
    }
}

/// Returns `true` if the version is still in the store, below a delete marker. With versioning suspended, a marker takes
/// the place of a version without an ID.
fn is_kept(version: Option<&VersionId>, marker: Option<&VersionId>) -> bool {
    let has_own_id = |id: &VersionId| id.as_str() != VersionId::NULL;
    version.is_some_and(has_own_id) || marker.is_some_and(has_own_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_kept_unless_a_marker_takes_its_place() {
        let id = VersionId::new;
        for (version, marker, kept) in [
            (None, None, false),
            (Some("null"), None, false),
            (Some("null"), Some("null"), false),
            (Some("null"), Some("2"), true),
            (Some("1"), Some("null"), true),
            (Some("1"), None, true),
        ] {
            assert_eq!(
                is_kept(version.map(id).as_ref(), marker.map(id).as_ref()),
                kept,
                "{version:?} {marker:?}"
            );
        }
    }
}
