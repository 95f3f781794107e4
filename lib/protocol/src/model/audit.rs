//! The invariants, as assertions on every act and every answer.

use std::collections::BTreeMap;

use draftstore_storage::{
    ETag, ErrorKind, MediaType, ObjectInfo, ObjectKey, StoredAttributes, VersionCopied, VersionId,
};

use super::checking::{accepts, found_type};
use super::spec::{Checks, LIFETIME, Promises, Spec};
use super::store::{Content, MIXED, Object, SimStore, Upload, agreed};
use crate::confirm::{ConfirmError, Existing, Kept};
use crate::{DraftId, RESERVED_PREFIX};

/// The violation of an invariant.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

/// An object that a confirm made in main.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about what has happened")]
struct Write {
    main_key: ObjectKey,
    draft_key: ObjectKey,
    etag: ETag,
    content: Content,
    version: Option<VersionId>,
    /// The idempotency key of the confirm, if it had one.
    idempotency_key: Option<String>,
    existing: Existing,
    checks: Checks,
    /// Set after a confirm reported success with this object.
    promised: bool,
    /// Set after a restore or a transfer reported success with this object.
    restored: bool,
    /// Set if a restore or a transfer made the object, so that nobody undoes it.
    is_final: bool,
    undone: bool,
}

/// An object that a transfer has made, and what it has replaced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) source: &'a ObjectKey,
    pub(super) destination: &'a ObjectKey,
    pub(super) may_replace: bool,
    /// The version that the call has seen.
    pub(super) over: Option<&'a ETag>,
    pub(super) before: Option<&'a Object>,
    pub(super) after: &'a Object,
}

/// The judge of the invariants, which records every act.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Audit {
    promises: Promises,
    writes: Vec<Write>,
    current: BTreeMap<ObjectKey, usize>,
    /// The draft and version of all uploaded bytes.
    versions: BTreeMap<Content, (ObjectKey, ETag)>,
    /// The drafts that a check has rejected, each with the moment from which a sweep may delete it.
    rejected: Vec<(ObjectKey, ETag, u64)>,
}

impl Write {
    /// Returns true if the object was made with the idempotency key of this request by another one.
    fn is_of_other_request(&self, spec: &Spec) -> bool {
        let same_key = spec.idempotency_key.is_some() && self.idempotency_key == spec.idempotency_key;
        same_key && (self.draft_key != spec.draft_key || self.existing != spec.existing)
    }
}

impl Audit {
    pub(super) fn new(promises: Promises) -> Self {
        Self {
            promises,
            writes: Vec::new(),
            current: BTreeMap::new(),
            versions: BTreeMap::new(),
            rejected: Vec::new(),
        }
    }

    /// Records the upload of a draft.
    pub(super) fn uploaded(&mut self, key: &ObjectKey, draft: &Object) {
        self.versions
            .insert(draft.content, (key.clone(), draft.info.etag.clone()));
    }

    /// Records the copy of a confirm. Checks I2, I7 and I12, and that it has the headers
    /// that were agreed on, and the media type that the checks found.
    pub(super) fn copied(
        &mut self,
        spec: &Spec,
        over: Option<&ETag>,
        before: Option<&Object>,
        after: &Object,
    ) -> Result<(), Broken> {
        if let Some(before) = before.filter(|before| before.content != after.content) {
            let expected = match &spec.existing {
                Existing::Keep => false,
                Existing::Replace(expected) => expected.as_ref().is_none_or(|etag| *etag == before.info.etag),
            };
            let asked = (expected || self.is_swapped(before)) && over == Some(&before.info.etag);
            if !asked {
                return broken(format!("I2: {} changed from {before:?} to {after:?}", spec.main_key));
            }
        }
        if after.content == MIXED {
            return broken(format!("I7: {} holds parts of different versions", spec.main_key));
        }
        let is_accepted = accepts(after.content, spec.checks);
        let is_swapped = self.promises.shows_swapped_copies && self.is_swapped(after);
        if !is_accepted && !is_swapped {
            return broken(format!(
                "I12: {} got bytes that the checks {} have not accepted: {after:?}",
                spec.main_key, spec.checks
            ));
        }
        let found = found_type(after.content, spec.checks).unwrap_or_else(|| MediaType::OCTET_STREAM.clone());
        let StoredAttributes {
            content_type, headers, ..
        } = &after.info.attributes;
        let agreed = StoredAttributes::from(agreed()).headers;
        if *headers != agreed || content_type.as_deref() != Some(found.as_str()) && !is_swapped {
            return broken(format!(
                "{} has headers that were not agreed on: {after:?}",
                spec.main_key
            ));
        }
        self.current.insert(spec.main_key.clone(), self.writes.len());
        self.writes.push(Write {
            main_key: spec.main_key.clone(),
            draft_key: spec.draft_key.clone(),
            etag: after.info.etag.clone(),
            content: after.content,
            version: after.info.version_id.clone(),
            idempotency_key: spec.idempotency_key.clone(),
            existing: spec.existing.clone(),
            checks: spec.checks,
            promised: false,
            restored: false,
            is_final: false,
            undone: false,
        });
        Ok(())
    }

    /// Returns true if the object has other bytes than the version that its marker names.
    fn is_swapped(&self, main: &Object) -> bool {
        let named = main.info.attributes.metadata.get("draftstore-source-etag");
        let version = self.versions.get(&main.content);
        version.is_none_or(|(_, etag)| named.is_none_or(|named| named != etag.as_str()))
    }

    /// Records that a confirm or an atomic batch undid its copy. Checks that nobody was answered by it (I1, I14).
    pub(super) fn undone(&mut self, main_key: &ObjectKey) -> Result<(), Broken> {
        let Some(write) = self.current.remove(main_key).map(|write| &mut self.writes[write]) else {
            return broken(format!("I2: {main_key} was deleted, and no confirm had made it"));
        };
        write.undone = true;
        if write.promised {
            return broken(format!(
                "I1: {main_key} was taken back after a confirm was answered by it"
            ));
        }
        if write.restored {
            return broken(format!(
                "I14: {main_key} was taken back after a restore or a transfer was answered by it"
            ));
        }
        Ok(())
    }

    /// Records that a delete removed an object in main. Checks that it is the version that was looked up, and the one
    /// that the caller insists on (I14).
    pub(super) fn removed(
        &mut self,
        main_key: &ObjectKey,
        expected: [&ETag; 2],
        object: &Object,
    ) -> Result<(), Broken> {
        if self.current.remove(main_key).is_none() {
            return broken(format!("I2: {main_key} was deleted, and no confirm had made it"));
        }
        if expected.iter().any(|etag| **etag != object.info.etag) {
            return broken(format!(
                "I14: {main_key} was deleted unseen: {object:?}, and not {expected:?}"
            ));
        }
        Ok(())
    }

    /// Checks that somebody may undo an object whose delete was refused for that.
    pub(super) fn told_held(&self, main_key: &ObjectKey, seen: Option<usize>) -> Result<(), Broken> {
        if seen.is_some_and(|seen| self.writes[seen].is_final) {
            return broken(format!("{main_key} was answered to be held, and nobody undoes it"));
        }
        Ok(())
    }

    /// Checks that an object is gone with whose delete a caller was answered, and was the one that the call has seen (I14).
    pub(super) fn told_deleted(
        &self,
        main_key: &ObjectKey,
        main: &ObjectInfo,
        seen: Option<usize>,
    ) -> Result<(), Broken> {
        if seen.is_some() && self.place(main_key) == seen {
            return broken(format!(
                "I14: {main_key} was answered to be deleted, and is there: {main:?}"
            ));
        }
        Ok(())
    }

    /// Records that a restore made an older version the current one. Checks that it replaced what the call has seen, and
    /// nothing else (I14).
    pub(super) fn restored(
        &mut self,
        main_key: &ObjectKey,
        version: &VersionId,
        seen: Option<&ETag>,
        before: Option<&Object>,
        after: &Object,
    ) -> Result<(), Broken> {
        let replaced = before.filter(|before| before.content != after.content);
        if replaced.is_some_and(|before| Some(&before.info.etag) != seen) {
            return broken(format!(
                "I14: {main_key} was replaced unseen: {before:?}, and not {seen:?}"
            ));
        }
        // A copy in the place of a version has an ID of its own.
        let is_it = |write: &&Write| {
            let is_version = write.version.is_none() || write.version.as_ref() == Some(version);
            write.main_key == *main_key && is_version && write.content == after.content
        };
        let Some(original) = self.writes.iter().find(is_it) else {
            return broken(format!("I2: {main_key} got bytes that it never had: {after:?}"));
        };
        let write = Write {
            etag: after.info.etag.clone(),
            version: after.info.version_id.clone(),
            promised: false,
            restored: false,
            is_final: !self.is_swapped(after),
            undone: false,
            ..original.clone()
        };
        self.current.insert(main_key.clone(), self.writes.len());
        self.writes.push(write);
        Ok(())
    }

    /// Records that a transfer made an object. Checks that it replaced what the call has seen and may replace, and nothing
    /// else (I14).
    pub(super) fn placed(&mut self, placed: &Placed<'_>) -> Result<(), Broken> {
        let Placed {
            source,
            destination,
            may_replace,
            over,
            before,
            after,
        } = *placed;
        let replaced = before.filter(|before| before.content != after.content);
        if let Some(before) = replaced.filter(|before| !may_replace || over != Some(&before.info.etag)) {
            return broken(format!(
                "I14: {destination} was replaced unseen: {before:?}, and not {over:?}"
            ));
        }
        let is_it = |write: &&Write| write.main_key == *source && write.content == after.content;
        let Some(original) = self.writes.iter().rfind(is_it) else {
            return broken(format!(
                "I2: {destination} got bytes that {source} never had: {after:?}"
            ));
        };
        let in_place = source == destination;
        let write = Write {
            main_key: destination.clone(),
            etag: after.info.etag.clone(),
            version: after.info.version_id.clone(),
            idempotency_key: original.idempotency_key.clone().filter(|_| in_place),
            promised: original.promised && in_place,
            restored: false,
            is_final: !self.is_swapped(after),
            undone: false,
            ..original.clone()
        };
        self.current.insert(destination.clone(), self.writes.len());
        self.writes.push(write);
        Ok(())
    }

    /// Records that a transfer reported success. Checks that main had the object.
    pub(super) fn told_transferred(&mut self, destination: &ObjectKey, main: &ObjectInfo) -> Result<(), Broken> {
        let made = VersionCopied {
            etag: main.etag.clone(),
            version_id: main.version_id.clone(),
        };
        self.told_restored(destination, &made)
    }

    /// Records that a restore reported success. Checks that main had the object.
    pub(super) fn told_restored(&mut self, main_key: &ObjectKey, restored: &VersionCopied) -> Result<(), Broken> {
        let VersionCopied { etag, version_id } = restored;
        let is_it =
            |write: &&mut Write| write.main_key == *main_key && write.etag == *etag && write.version == *version_id;
        let Some(write) = self.writes.iter_mut().find(is_it) else {
            return broken(format!(
                "I14: {etag} was never in {main_key}, and was answered to be there"
            ));
        };
        write.restored = true;
        Ok(())
    }

    /// Records that a check rejected a draft.
    pub(super) fn rejected(&mut self, key: &ObjectKey, etag: &ETag, remove_at: u64) {
        self.rejected.push((key.clone(), etag.clone(), remove_at));
    }

    /// Records that a confirm or a sweep deleted a draft. Checks I3.
    pub(super) fn deleted(&self, store: &SimStore, key: &ObjectKey, draft: &Object) -> Result<(), Broken> {
        let id = DraftId::in_key(key);
        if id.is_none() && key.as_str().starts_with(RESERVED_PREFIX) {
            return Ok(());
        }
        let expired = id.map_or(store.now >= draft.completed + LIFETIME, |id| {
            store.time() >= id.expires_at()
        });
        let made_from_it = |write: &Write| write.draft_key == *key && write.content == draft.content && !write.undone;
        let confirmed = self.writes.iter().any(made_from_it);
        let is_it = |(of, etag, remove_at): &(ObjectKey, ETag, u64)| {
            of == key && *etag == draft.info.etag && store.now >= *remove_at
        };
        let rejected = self.rejected.iter().any(is_it);
        if expired || confirmed || rejected || (id.is_none() && !self.promises.named_drafts_are_safe) {
            return Ok(());
        }
        broken(format!(
            "I3: {key} was deleted, neither confirmed nor expired nor rejected: {draft:?}"
        ))
    }

    /// Records that a sweep aborted an upload in progress. Checks I3.
    pub(super) fn aborted(store: &SimStore, upload: &Upload) -> Result<(), Broken> {
        let expired = DraftId::in_key(&upload.key).map_or(store.now >= upload.initiated + LIFETIME, |id| {
            store.time() >= id.expires_at()
        });
        if expired {
            return Ok(());
        }
        broken(format!(
            "I3: an upload to {} was aborted, and had not expired",
            upload.key
        ))
    }

    /// Checks that an atomic batch was kept as a whole or not at all. Objects of earlier confirms do not count.
    pub(super) fn settled(answers: &[&Result<Kept, ConfirmError<ErrorKind>>]) -> Result<(), Broken> {
        let kept = answers
            .iter()
            .any(|answer| matches!(answer, Ok(kept) if !kept.replayed));
        let refused = answers.iter().any(|answer| answer.is_err());
        if kept && refused {
            return broken(format!("an atomic batch was kept in part: {answers:?}"));
        }
        Ok(())
    }

    /// Records that a confirm reported success. Checks I1.
    pub(super) fn confirmed(&mut self, spec: &Spec, kept: &Kept) -> Result<(), Broken> {
        let made_it = |write: &Write| {
            let is_version = write.etag == kept.main.etag && write.version == kept.main.version_id;
            write.main_key == spec.main_key && is_version
        };
        let Some(place) = self.writes.iter().rposition(made_it) else {
            return broken(format!("I1: {} was never in {}", kept.main.etag, spec.main_key));
        };
        let write = &self.writes[place];
        if write.undone {
            return broken(format!(
                "I1: {} was answered for after it was taken back",
                spec.main_key
            ));
        }
        if write.content == MIXED {
            return broken(format!("I7: {} was answered for, and is a mixture", spec.main_key));
        }
        if !accepts(write.content, write.checks) {
            return broken(format!(
                "I12: {} was answered for, and was not accepted by its checks",
                spec.main_key
            ));
        }
        if write.draft_key != spec.draft_key {
            return broken(format!("I1: {} was made from {}", spec.main_key, write.draft_key));
        }
        let version = self.versions.get(&write.content);
        let is_of = |etag: &ETag| version.is_some_and(|(key, of)| *key == spec.draft_key && of == etag);
        let other_size = spec.pins.content_length.is_some_and(|bytes| bytes != kept.main.size);
        if other_size || spec.pins.if_match.as_ref().is_some_and(|etag| !is_of(etag)) {
            return broken(format!(
                "I1: {} does not hold the bytes that were pinned",
                spec.main_key
            ));
        }
        if version.is_none_or(|(key, _)| *key != write.draft_key) {
            return broken(format!(
                "I1: {} holds bytes that were never in its draft",
                spec.main_key
            ));
        }
        if self
            .writes
            .iter()
            .filter(|write| made_it(write))
            .all(|write| write.is_of_other_request(spec))
        {
            return broken(format!("I5: {spec:?} was answered as another request with its key was"));
        }
        self.writes[place].promised = true;
        Ok(())
    }

    /// Returns true if another request with the same idempotency key ever made an object under the name.
    pub(super) fn has_reused_key(&self, spec: &Spec) -> bool {
        let mut under_name = self.writes.iter().filter(|write| write.main_key == spec.main_key);
        under_name.any(|write| write.is_of_other_request(spec))
    }

    /// Returns true if main has an object now that was made with the idempotency key of this request.
    pub(super) fn has_key(&self, spec: &Spec) -> bool {
        spec.idempotency_key.is_some()
            && self
                .current(&spec.main_key)
                .is_some_and(|write| write.idempotency_key == spec.idempotency_key)
    }

    /// Returns true if main still has the object with which a confirm of this draft reported success.
    pub(super) fn is_kept(&self, spec: &Spec) -> bool {
        self.kept(spec).is_some()
    }

    /// Returns the object with which a confirm of this draft reported success, if main still has it.
    pub(super) fn kept(&self, spec: &Spec) -> Option<usize> {
        let is_kept = |write: &Write| write.promised && write.draft_key == spec.draft_key;
        self.place(&spec.main_key).filter(|place| is_kept(&self.writes[*place]))
    }

    /// Returns the object that main has under this key.
    pub(super) fn place(&self, main_key: &ObjectKey) -> Option<usize> {
        self.current.get(main_key).copied()
    }

    /// Returns the bytes that main has under this key now, if they came from this draft.
    pub(super) fn kept_from(&self, main_key: &ObjectKey, draft_key: &ObjectKey) -> Option<Content> {
        let write = self.current(main_key).filter(|write| write.draft_key == *draft_key)?;
        Some(write.content)
    }

    fn current(&self, main_key: &ObjectKey) -> Option<&Write> {
        self.current.get(main_key).map(|write| &self.writes[*write])
    }
}

pub(super) fn broken<T>(what: String) -> Result<T, Broken> {
    Err(Broken(what))
}
