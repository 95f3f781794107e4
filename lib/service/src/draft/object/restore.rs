//! Restores of versions, which run [`draftstore_protocol::kept`] against the store.

use std::collections::BTreeMap;

use draftstore_protocol::confirm::{MarkerDigest, settlement_key};
use draftstore_protocol::events::Trace;
use draftstore_protocol::kept::{
    Expected, ReplacedId, Restore, RestoreAnswer, RestoreEffect, RestoreError, RestoreStep, Restored, Restoring,
    Version,
};
use draftstore_storage as storage;
use draftstore_storage::{
    Condition, CopyInMain, CopyVersion, ETag, ErrorKind, IfDestination, ObjectInfo, ObjectKey, VersionId,
};

use super::replaced::replaced_id;
use super::transfer::options_of;

use crate::draft::acts::ActInMain;
use crate::draft::{Drafts, found};
use crate::events::{Act, EventKind, Fields, TraceAt, object_fields};
use crate::fields::{etag, version_id};
use crate::limits::MAX_PAGE_SIZE;
use crate::violation::Violations;
use crate::{Error, Scope};

/// A request to restore a version of an object, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct RestoreVersion {
    /// The name of the object.
    pub object_name: String,
    /// The ID of the version. `None` undoes a delete.
    pub version_id: Option<String>,
    /// The expected `ETag` of the current object.
    pub if_match: Option<String>,
}

/// The current object after a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRestored {
    /// The version of the bytes.
    pub etag: ETag,
    /// The size in bytes.
    pub size: u64,
    /// The ID of the current version.
    pub version_id: Option<VersionId>,
    /// The ID of the version that the restore replaced.
    pub replaced_version_id: Option<VersionId>,
    /// `true` if the version was the current one already.
    pub replayed: bool,
}

/// A restore in progress.
#[derive(Debug)]
struct Running {
    key: ObjectKey,
    version: Option<VersionId>,
    request: MarkerDigest,
    /// The version that is restored.
    source: Option<ObjectInfo>,
    /// The key of the copy to restore, where it takes the place of a version.
    copy: Option<ObjectKey>,
    /// The copy of the object that the last copy was to replace.
    replaced: Option<ReplacedId>,
    /// The act, if an endpoint wants its event.
    act: Option<Act>,
}

impl Drafts {
    /// Makes a version of an object the current one again, by a copy in the store, with its storage class, and the retention
    /// and the legal hold that it still has. Without a version, undoes a delete: makes the newest version the current one.
    /// Idempotent.
    ///
    /// # Errors
    /// Returns
    /// - [`Error::Invalid`], which names every field that breaks a rule.
    /// - [`Error::NotFound`] if there is no such version.
    /// - [`Error::NoVersions`] if main has no versioning.
    /// - [`Error::PinMismatch`] if the current object is not the given one.
    /// - [`Error::AlreadyExists`] if there is no delete to undo.
    /// - [`Error::Changed`] if another call changed the object meanwhile.
    /// - [`Error::TooLarge`] if the version is larger than one copy can be.
    /// - [`Error::Busy`] if an atomic batch may still undo the object.
    /// - [`Error::StoreUnavailable`] if the store failed.
    pub async fn restore_version(&self, request: &RestoreVersion) -> Result<VersionRestored, Error> {
        self.caller.require(Scope::Manage)?;
        let mut broken = Violations::default();
        let name = broken.take(self.object_name(&request.object_name));
        let version = broken.take_optional(request.version_id.as_deref().map(version_id));
        let if_match = broken.take_optional(request.if_match.as_deref().map(|text| etag("if_match", text)));
        let (Some(name), []) = (name, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let key = self.main_key(&name);
        let expected = match (if_match, &version) {
            (Some(etag), _) => Expected::Version(etag),
            (None, None) => Expected::Nothing,
            (None, Some(_)) => Expected::Any,
        };
        // Without versioning, the version `null` is the object itself.
        if version
            .as_ref()
            .is_some_and(|version| version.as_str() == VersionId::NULL)
        {
            self.require_versions().await?;
        }
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock_main([&key]).await;
        let named = version.as_ref().map_or("", VersionId::as_str);
        let pinned = match &expected {
            Expected::Version(etag) => etag.as_str(),
            Expected::Any | Expected::Nothing => "",
        };
        let secrets = self.shared.secrets.current();
        let mut request = secrets.digests(&["restore", key.as_str(), named, pinned]);
        let mut running = Running {
            key,
            version,
            request: request.swap_remove(0),
            source: None,
            copy: None,
            replaced: None,
            act: None,
        };
        let restored = self.run_restore(&mut running, expected).await?;
        let replaced = restored.replaced.and_then(|main| main.version_id);
        let copy = running.replaced.filter(|_| !restored.replayed);
        Ok(VersionRestored {
            etag: restored.current.etag,
            size: restored.size,
            version_id: restored.current.version_id,
            replaced_version_id: copy.map(|copy| VersionId::new(copy.to_string())).or(replaced),
            replayed: restored.replayed,
        })
    }

    async fn run_restore(&self, running: &mut Running, expected: Expected) -> Result<Restored, Error> {
        let (mut restoring, effect) = Restoring::start(Restore {
            request: running.request.clone(),
            expected,
            now: self.shared.clock.now(),
            proves_copies: self.shared.store.profile.capabilities().honours(Condition::CopyMd5),
        });
        let mut step = RestoreStep::Perform(effect);
        let restored = loop {
            match step {
                RestoreStep::Perform(effect) => step = restoring.on(running.perform(self, effect).await?),
                RestoreStep::Finish(Err(RestoreError::NotFound)) => break Err(self.no_such_version().await),
                RestoreStep::Finish(Err(error @ (RestoreError::AlreadyExists | RestoreError::PinMismatch))) => {
                    self.require_restorable().await?;
                    break Err(error.into());
                }
                RestoreStep::Finish(restored) => break restored.map_err(Error::from),
            }
        };
        let object = restored.as_ref().ok().and_then(|restored| running.result(restored));
        if let (Ok(_), None) = (&restored, &running.act) {
            let act = ActInMain {
                kind: EventKind::ObjectRestored,
                key: &running.key,
                done_to: running.request.as_str(),
                fields: object.as_ref().map(object_fields).unwrap_or_default(),
                traces: Vec::new(),
            };
            self.publish_left_in_main(act).await?;
        }
        self.end_act(running.act.take(), &restored, object.as_ref()).await;
        restored
    }

    /// Returns the newest version that is no delete marker, or the newest copy where main has no versions.
    async fn newest_version(&self, key: &ObjectKey) -> Result<Option<VersionId>, Error> {
        if self.has_copies().await? {
            return self.newest_replaced(key).await;
        }
        let mut after = None;
        loop {
            let page = self.versions_of(key, after.as_ref(), MAX_PAGE_SIZE).await?;
            let newest = page.versions.into_iter().find(|version| version.bytes.is_some());
            match (newest, page.next) {
                (Some(version), _) => return Ok(Some(version.version_id)),
                (None, None) => return Ok(None),
                (None, next) => after = next,
            }
        }
    }

    async fn head_version(
        &self,
        key: &ObjectKey,
        version: Option<VersionId>,
    ) -> Result<Option<Version>, storage::Error> {
        let Some(id) = version else { return Ok(None) };
        let store = &self.shared.store;
        match store.objects().describe(&store.buckets.main, key, Some(&id)).await {
            Ok(described) => Ok(Some(Version {
                // A copy in the store takes over the tags by itself.
                options: options_of(&described, BTreeMap::new()),
                info: described.info,
                id,
            })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Running {
    async fn perform(
        &mut self,
        drafts: &Drafts,
        effect: RestoreEffect,
    ) -> Result<RestoreAnswer<storage::Error>, Error> {
        let (store, key) = (&drafts.shared.store, &self.key);
        let (draft, main) = (&store.buckets.draft, &store.buckets.main);
        let removes = effect.removes().cloned();
        Ok(match effect {
            RestoreEffect::HeadMain => RestoreAnswer::Head(found(store.objects().head(main.name(), key).await)),
            RestoreEffect::HeadSettlement { batch } => {
                RestoreAnswer::Head(found(store.objects().head(draft.name(), &settlement_key(batch)).await))
            }
            RestoreEffect::FindSource => {
                let version = match &self.version {
                    Some(version) => Some(version.clone()),
                    None => drafts.newest_version(&self.key).await?,
                };
                let source = match version.as_ref().and_then(replaced_id) {
                    Some(copy) => self.find_copy(drafts, copy).await,
                    None => drafts.head_version(&self.key, version).await,
                };
                if let Ok(Some(source)) = &source {
                    self.source = Some(source.info.clone());
                }
                RestoreAnswer::Source(source)
            }
            RestoreEffect::Copy {
                version_id,
                main_etag,
                attributes,
            } => {
                if let Err(error) = self.begin(drafts, removes.as_ref()).await {
                    return Ok(RestoreAnswer::Copied(Err(error)));
                }
                let if_destination = main_etag.as_ref().map_or(IfDestination::Absent, IfDestination::Matches);
                RestoreAnswer::Copied(
                    if let Some((key, info)) = self.copy.as_ref().zip(self.source.as_ref()) {
                        let copy = CopyInMain {
                            bucket: main,
                            source_key: key,
                            source_etag: &info.etag,
                            key: &self.key,
                            if_destination,
                            attributes: &attributes,
                            source_has_tags: !attributes.options.tags.is_empty(),
                        };
                        drafts.copy_whole(&copy, info.size).await
                    } else {
                        let copy = CopyVersion {
                            bucket: main,
                            key: &self.key,
                            version_id: &version_id,
                            if_destination,
                            attributes: &attributes,
                        };
                        store.objects().copy_version(&copy).await
                    },
                )
            }
        })
    }

    /// Keeps a copy of the object that the restore replaces, and writes its event down, before its copy.
    async fn begin(&mut self, drafts: &Drafts, removes: Option<&ETag>) -> Result<(), storage::Error> {
        self.replaced = match removes {
            Some(etag) => drafts.keep_replaced(&self.key, etag).await?,
            None => None,
        };
        if self.act.is_some() {
            return Ok(());
        }
        let act = ActInMain {
            kind: EventKind::ObjectRestored,
            key: &self.key,
            done_to: self.request.as_str(),
            fields: Fields::new(),
            traces: vec![TraceAt::in_main(&self.key, Trace::of_restore(&self.request))],
        };
        self.act = drafts.begin_in_main(act).await?;
        Ok(())
    }

    /// Returns the object that a restore has made.
    fn result(&self, restored: &Restored) -> Option<ObjectInfo> {
        Some(ObjectInfo {
            etag: restored.current.etag.clone(),
            version_id: restored.current.version_id.clone(),
            ..self.source.clone()?
        })
    }

    /// Looks up a copy that takes the place of a version.
    async fn find_copy(&mut self, drafts: &Drafts, copy: ReplacedId) -> Result<Option<Version>, storage::Error> {
        let key = copy.key(&self.key);
        let Some(source) = drafts.find_source(&key, &key).await? else {
            return Ok(None);
        };
        self.copy = Some(key);
        Ok(Some(Version {
            id: VersionId::new(copy.to_string()),
            info: source.info,
            options: source.options,
        }))
    }
}
