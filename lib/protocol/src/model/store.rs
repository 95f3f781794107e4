//! A store in memory, which honours some conditions and ignores others. Every call is one atomic act.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_storage::{
    Attributes, BucketName, Capabilities, Condition, DeleteFailure, DraftVersion, ETag, ErrorKind, ListObjects,
    ListUploads, ListedObject, ListedUpload, ObjectHeader, ObjectInfo, ObjectKey, ObjectPage, StagedCopy, StagedPart,
    StoredAttributes, Support, UploadCursor, UploadId, UploadPage, VersionCopied, VersionId,
};

use super::audit::{Broken, broken};
use crate::REPLACED_PREFIX;
use crate::confirm::{Agreement, MarkerDigest};
use crate::kept::ReplacedId;

/// The number of objects and uploads on a page. It is small, so that lists have several pages.
pub(super) const PAGE: usize = 3;

/// An ID of uploaded bytes, different for every upload.
pub(super) type Content = u64;

/// The bytes of a copy whose parts came from different versions.
pub(super) const MIXED: Content = Content::MAX;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Object {
    pub(super) content: Content,
    pub(super) info: ObjectInfo,
    /// The time of completion, whatever `last_modified` says.
    pub(super) completed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Upload {
    pub(super) id: u64,
    pub(super) key: ObjectKey,
    pub(super) initiated: u64,
    /// The end of the upload, as the service sets it.
    pub(super) ends_at: SystemTime,
    /// The time at which the service last allowed a completion, which may still be in progress.
    pub(super) completing: Option<u64>,
    /// The contents of the parts of a staged copy.
    pub(super) parts: Vec<Content>,
    pub(super) size: u64,
    pub(super) attributes: StoredAttributes,
}

impl Upload {
    /// Returns true if a staged copy is in the bucket of this destination. `None` is main.
    pub(super) fn is_in(&self, bucket: Option<&BucketName>) -> bool {
        destination_bucket(&self.key).as_ref() == bucket
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SimStore {
    pub(super) honours: Capabilities,
    /// The current time in seconds.
    pub(super) now: u64,
    pub(super) draft: BTreeMap<ObjectKey, Object>,
    pub(super) main: BTreeMap<ObjectKey, Object>,
    pub(super) uploads: Vec<Upload>,
    pub(super) staged: Vec<Upload>,
    /// True if main keeps what is replaced or deleted there.
    pub(super) keeps_versions: bool,
    /// True if the servers keep copies of what they replace or delete.
    pub(super) keeps_replaced: bool,
    /// The versions in main that are not the current ones, the newest last.
    pub(super) older: BTreeMap<ObjectKey, Vec<Object>>,
    next_version: u64,
    pub(super) next_upload: u64,
}

/// The reason why the store did nothing.
pub(super) type Refused = ErrorKind;

impl SimStore {
    pub(super) fn new(honours: Capabilities) -> Self {
        Self {
            honours,
            now: 10_000,
            draft: BTreeMap::new(),
            main: BTreeMap::new(),
            uploads: Vec::new(),
            staged: Vec::new(),
            keeps_versions: false,
            keeps_replaced: false,
            older: BTreeMap::new(),
            next_version: 0,
            next_upload: 0,
        }
    }

    pub(super) fn time(&self) -> SystemTime {
        time(self.now)
    }

    /// Stores an object in one piece, for a client.
    pub(super) fn put(&mut self, key: &ObjectKey, content: Content, size: u64, once: bool) -> Result<(), Refused> {
        if once && self.honours.honours(Condition::UploadOnce) && self.draft.contains_key(key) {
            return Err(ErrorKind::PreconditionFailed);
        }
        let object = self.object(content, size, plain(content), self.now, uploaded());
        self.draft.insert(key.clone(), object);
        Ok(())
    }

    /// Reads a range of a version. An answer of another version is not taken, whatever the store honours.
    pub(super) fn read(&self, key: &ObjectKey, etag: &ETag) -> Result<Content, Refused> {
        let draft = self.draft.get(key).ok_or(ErrorKind::NotFound)?;
        if draft.info.etag != *etag {
            return Err(ErrorKind::PreconditionFailed);
        }
        Ok(draft.content)
    }

    pub(super) fn begin_upload(&mut self, key: &ObjectKey, size: u64, ends_at: SystemTime) {
        let upload = self.upload(key, size, uploaded());
        self.uploads.push(Upload { ends_at, ..upload });
    }

    /// Completes an upload. The object has the date of the upload's begin, as on AWS and Garage.
    pub(super) fn complete_upload(&mut self, place: usize, content: Content) -> ObjectKey {
        let upload = self.uploads.remove(place);
        let etag = parts_of(content, 2);
        let object = self.object(content, upload.size, etag, upload.initiated, upload.attributes);
        self.draft.insert(upload.key.clone(), object);
        upload.key
    }

    pub(super) fn copy(
        &mut self,
        from: &ObjectKey,
        from_etag: &ETag,
        to: &ObjectKey,
        to_etag: Option<&ETag>,
        attributes: &Attributes,
    ) -> Result<ETag, Refused> {
        let draft = self
            .source(&self.draft, from, from_etag, Condition::CopySource)?
            .clone();
        self.insert_copy(&draft, to, to_etag, attributes)
    }

    /// Copies an object inside main.
    pub(super) fn copy_in_main(
        &mut self,
        from: &ObjectKey,
        from_etag: &ETag,
        to: &ObjectKey,
        to_etag: Option<&ETag>,
        attributes: &Attributes,
    ) -> Result<ETag, Refused> {
        let source = self.source(&self.main, from, from_etag, Condition::CopySource)?.clone();
        self.insert_copy(&source, to, to_etag, attributes)
    }

    fn insert_copy(
        &mut self,
        source: &Object,
        to: &ObjectKey,
        to_etag: Option<&ETag>,
        attributes: &Attributes,
    ) -> Result<ETag, Refused> {
        self.check_main(to, to_etag, [Condition::CopyToAbsent, Condition::CopyOver])?;
        let etag = plain(source.content);
        let attributes = attributes.clone().into();
        let object = self.object(source.content, source.info.size, etag.clone(), self.now, attributes);
        self.insert(to, object);
        Ok(etag)
    }

    /// Copies a version of an object in main, or a copy in its place, over its current one.
    pub(super) fn restore(
        &mut self,
        key: &ObjectKey,
        version: &VersionId,
        to_etag: Option<&ETag>,
        attributes: &Attributes,
    ) -> Result<VersionCopied, Refused> {
        let source = self.version(key, version).ok_or(ErrorKind::NotFound)?.clone();
        let etag = self.insert_copy(&source, key, to_etag, attributes)?;
        let version_id = self.main.get(key).and_then(|object| object.info.version_id.clone());
        Ok(VersionCopied { etag, version_id })
    }

    /// Returns a version of an object in main, or a copy in its place.
    pub(super) fn version(&self, key: &ObjectKey, version: &VersionId) -> Option<&Object> {
        if let Ok(copy) = version.as_str().parse::<ReplacedId>() {
            return self.main.get(&copy.key(key));
        }
        let is_it = |object: &&Object| object.info.version_id.as_ref() == Some(version);
        self.versions(key).find(is_it)
    }

    /// Returns the versions of an object in main, the newest first.
    pub(super) fn versions(&self, key: &ObjectKey) -> impl Iterator<Item = &Object> {
        let older = self.older.get(key).into_iter().flatten().rev();
        self.main.get(key).into_iter().chain(older)
    }

    /// Returns the IDs of the versions that a restore of an object can name, the newest first.
    pub(super) fn restorable(&self, key: &ObjectKey) -> impl Iterator<Item = VersionId> {
        let versions = self.versions(key).filter_map(|object| object.info.version_id.clone());
        versions.chain(self.copies(key).map(|(id, _)| VersionId::new(id.to_string())))
    }

    /// Returns the copies of an object that servers have kept, the newest first.
    fn copies(&self, key: &ObjectKey) -> impl Iterator<Item = (ReplacedId, &Object)> {
        let prefix = ReplacedId::prefix(key);
        self.main
            .iter()
            .filter(move |(copy, _)| copy.as_str().starts_with(&prefix))
            .filter_map(|(copy, object)| Some((ReplacedId::in_key(copy)?, object)))
    }

    /// Returns the keys in main that callers know.
    pub(super) fn names(&self) -> impl Iterator<Item = &ObjectKey> {
        let is_name = |key: &&ObjectKey| !key.as_str().starts_with(REPLACED_PREFIX);
        self.main.keys().filter(is_name)
    }

    /// Returns the keys in main whose objects were replaced or deleted, and can be restored.
    pub(super) fn restorable_names(&self) -> Vec<ObjectKey> {
        let copied = self.main.keys().filter_map(|copy| {
            let (name, _) = copy.as_str().strip_prefix(REPLACED_PREFIX)?.rsplit_once('/')?;
            ObjectKey::new(name).ok()
        });
        let mut names: Vec<_> = self.older.keys().cloned().chain(copied).collect();
        names.dedup();
        names
    }

    /// Checks that what an act has removed from main is still a version there, or has its copy (I14).
    pub(super) fn check_kept(&self, key: &ObjectKey, before: Option<&Object>) -> Result<(), Broken> {
        let Some(before) = before else { return Ok(()) };
        let is_it = |object: &Object| object.content == before.content;
        let is_kept = !(self.keeps_versions || self.keeps_replaced)
            || self.versions(key).any(is_it)
            || self.copies(key).any(|(_, copy)| is_it(copy));
        if is_kept {
            return Ok(());
        }
        broken(format!("I14: {key} lost its object, and has no copy of it: {before:?}"))
    }

    /// Returns true if an object or a version in main has these bytes.
    pub(super) fn has_anywhere(&self, content: Content) -> bool {
        let mut all = self.main.values().chain(self.older.values().flatten());
        all.any(|object| object.content == content)
    }

    /// Makes an object the current one in main.
    fn insert(&mut self, key: &ObjectKey, mut object: Object) {
        if self.keeps_versions {
            self.next_version += 1;
            object.info.version_id = Some(VersionId::new(self.next_version.to_string()));
        }
        let replaced = self.main.insert(key.clone(), object);
        self.keep(key, replaced.as_ref());
    }

    /// Keeps an object that was replaced or deleted in main.
    fn keep(&mut self, key: &ObjectKey, object: Option<&Object>) {
        if self.keeps_versions {
            self.older.entry(key.clone()).or_default().extend(object.cloned());
        }
    }

    pub(super) fn begin_staging(&mut self, to: &ObjectKey, size: u64, attributes: &Attributes) -> u64 {
        let upload = self.upload(to, size, attributes.clone().into());
        let id = upload.id;
        self.staged.push(upload);
        id
    }

    pub(super) fn stage_part(&mut self, id: u64, from: &ObjectKey, from_etag: &ETag) -> Result<(), Refused> {
        let content = self
            .source(&self.draft, from, from_etag, Condition::PartSource)?
            .content;
        self.add_part(id, content)
    }

    pub(super) fn stage_part_in_main(&mut self, id: u64, from: &ObjectKey, from_etag: &ETag) -> Result<(), Refused> {
        let content = self.source(&self.main, from, from_etag, Condition::PartSource)?.content;
        self.add_part(id, content)
    }

    fn add_part(&mut self, id: u64, content: Content) -> Result<(), Refused> {
        let upload = self.staged.iter_mut().find(|upload| upload.id == id);
        upload.ok_or(ErrorKind::NotFound)?.parts.push(content);
        Ok(())
    }

    pub(super) fn complete_staged(
        &mut self,
        staged: &StagedCopy,
        to: &ObjectKey,
        to_etag: Option<&ETag>,
    ) -> Result<ETag, Refused> {
        let place = self
            .staged
            .iter()
            .position(|upload| upload_id(upload.id) == staged.upload_id);
        let place = place.ok_or(ErrorKind::NotFound)?;
        self.check_main(to, to_etag, [Condition::CompleteToAbsent, Condition::CompleteOver])?;
        let upload = self.staged.remove(place);
        let first = upload.parts.first().copied().unwrap_or(MIXED);
        let is_one = upload.parts.len() == staged.parts.len() && upload.parts.iter().all(|part| *part == first);
        let content = if is_one { first } else { MIXED };
        let etag = parts_of(content, 3);
        let object = self.object(content, upload.size, etag.clone(), self.now, upload.attributes);
        self.insert(to, object);
        Ok(etag)
    }

    pub(super) fn abort_staged(&mut self, id: &UploadId) {
        self.staged.retain(|upload| upload_id(upload.id) != *id);
    }

    pub(super) fn delete_draft(
        &mut self,
        version: &DraftVersion,
        condition: Condition,
    ) -> Result<Option<Object>, Refused> {
        let honoured = self.honours.honours(condition);
        delete(&mut self.draft, &version.key, &version.etag, honoured)
    }

    pub(super) fn undo(&mut self, key: &ObjectKey, etag: &ETag) -> Result<Option<Object>, Refused> {
        let honoured = self.honours.honours(Condition::Delete);
        let deleted = delete(&mut self.main, key, etag, honoured)?;
        self.keep(key, deleted.as_ref());
        Ok(deleted)
    }

    pub(super) fn list(&self, request: &ListObjects) -> ObjectPage {
        let prefix = request.prefix.as_deref().unwrap_or_default();
        let after = request
            .continuation
            .as_deref()
            .or(request.start_after.as_deref())
            .unwrap_or_default();
        let matching = self
            .draft
            .iter()
            .filter(|(key, _)| key.as_str().starts_with(prefix) && key.as_str() > after);
        let listed = |(key, object): (&ObjectKey, &Object)| ListedObject {
            key: key.clone(),
            etag: object.info.etag.clone(),
            size: object.info.size,
            last_modified: object.info.last_modified,
            storage_class: None,
        };
        let mut objects: Vec<_> = matching.map(listed).collect();
        let next = (objects.len() > PAGE).then(|| objects[PAGE - 1].key.to_string());
        objects.truncate(PAGE);
        ObjectPage {
            objects,
            prefixes: Vec::new(),
            next,
            store_time: Some(self.time()),
        }
    }

    /// Lists uploads. A cursor is the number of the last listed upload.
    pub(super) fn list_uploads(&self, uploads: &[Upload], request: &ListUploads) -> UploadPage {
        let prefix = request.prefix.as_deref().unwrap_or_default();
        let after = request
            .after
            .as_ref()
            .and_then(|after| after.key_marker.parse::<u64>().ok());
        let matching = uploads
            .iter()
            .filter(|upload| upload.key.as_str().starts_with(prefix) && after.is_none_or(|after| upload.id > after));
        let mut found: Vec<_> = matching.collect();
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let next = found.last().filter(|_| more).map(|last| UploadCursor {
            key_marker: last.id.to_string(),
            upload_id_marker: None,
        });
        let listed = |upload: &&Upload| ListedUpload {
            key: upload.key.clone(),
            upload_id: upload_id(upload.id),
            initiated: time(upload.initiated),
        };
        UploadPage {
            uploads: found.iter().map(listed).collect(),
            next,
            store_time: Some(self.time()),
        }
    }

    fn source<'o>(
        &self,
        bucket: &'o BTreeMap<ObjectKey, Object>,
        key: &ObjectKey,
        etag: &ETag,
        condition: Condition,
    ) -> Result<&'o Object, Refused> {
        let source = bucket.get(key).ok_or(ErrorKind::NotFound)?;
        let is_noticed =
            self.honours.honours(condition) || self.honours.of(condition) == Support::NotAtomic && !etag.may_be_md5();
        if is_noticed && source.info.etag != *etag {
            return Err(ErrorKind::PreconditionFailed);
        }
        Ok(source)
    }

    fn check_main(&self, key: &ObjectKey, etag: Option<&ETag>, [absent, over]: [Condition; 2]) -> Result<(), Refused> {
        let there = self.main.get(key).map(|object| &object.info.etag);
        match (etag, there) {
            (None, Some(_)) if self.honours.honours(absent) => Err(ErrorKind::PreconditionFailed),
            (Some(_), None) if self.honours.honours(over) => Err(ErrorKind::NotFound),
            (Some(etag), Some(there)) if self.honours.honours(over) && etag != there => {
                Err(ErrorKind::PreconditionFailed)
            }
            (_, _) => Ok(()),
        }
    }

    fn object(&self, content: Content, size: u64, etag: ETag, modified: u64, attributes: StoredAttributes) -> Object {
        Object {
            content,
            info: ObjectInfo {
                etag_is_md5: etag.may_be_md5(),
                etag,
                size,
                last_modified: time(modified),
                checksum_sha256: None,
                version_id: None,
                attributes,
            },
            completed: self.now,
        }
    }

    fn upload(&mut self, key: &ObjectKey, size: u64, attributes: StoredAttributes) -> Upload {
        self.next_upload += 1;
        Upload {
            id: self.next_upload,
            key: key.clone(),
            initiated: self.now,
            ends_at: time(self.now),
            completing: None,
            parts: Vec::new(),
            size,
            attributes,
        }
    }
}

fn delete(
    bucket: &mut BTreeMap<ObjectKey, Object>,
    key: &ObjectKey,
    etag: &ETag,
    honoured: bool,
) -> Result<Option<Object>, Refused> {
    match bucket.get(key) {
        Some(object) if honoured && object.info.etag != *etag => Err(ErrorKind::PreconditionFailed),
        _ => Ok(bucket.remove(key)),
    }
}

/// Returns the attributes of every upload: some that were agreed on, and some that the uploader added.
fn uploaded() -> StoredAttributes {
    let mut stored = StoredAttributes::from(agreed());
    Agreement::authenticate(&mut stored, |_, _| vec![record_digest()]);
    stored.content_type = Some("image/png;,text/html".to_owned());
    for (header, value) in [
        (ObjectHeader::ContentEncoding, "gzip"),
        (ObjectHeader::Expires, "Thu, 31 Dec 2026 23:59:59 GMT"),
    ] {
        stored.headers.insert(header, value.to_owned());
    }
    stored
}

/// Returns the attributes that were agreed on when the upload was issued.
pub(super) fn agreed() -> Attributes {
    let mut attributes = Attributes::default();
    let cache_control = attributes.headers.set(ObjectHeader::CacheControl, "max-age=60");
    cache_control.expect("a valid value");
    Agreement::record(&mut attributes, |_, _| record_digest());
    attributes
}

fn record_digest() -> MarkerDigest {
    MarkerDigest::new([0; 32])
}

/// Returns the bucket of a destination that the name is at. `None` is main.
pub(super) fn destination_bucket(main_key: &ObjectKey) -> Option<BucketName> {
    let is_far = main_key.as_str() == "shared";
    is_far.then(|| "archive".parse().expect("a name"))
}

pub(super) fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(super) fn upload_id(id: u64) -> UploadId {
    UploadId::new(id.to_string())
}

pub(super) fn staged(id: u64, size: u64) -> StagedCopy {
    let part = |number| StagedPart {
        number,
        etag: plain(u64::from(number)),
        etag_is_md5: true,
    };
    StagedCopy {
        upload_id: upload_id(id),
        parts: vec![part(1), part(2)],
        size,
    }
}

/// Returns the `ETag` of bytes that were uploaded in one piece.
pub(super) fn plain(content: Content) -> ETag {
    format!("{content:032x}").parse().expect("an ETag")
}

fn parts_of(content: Content, parts: u8) -> ETag {
    format!("{content:032x}-{parts}").parse().expect("an ETag")
}

pub(super) fn failure(version: &DraftVersion, kind: ErrorKind) -> DeleteFailure {
    DeleteFailure {
        key: version.key.clone(),
        kind,
        code: "the model says so".to_owned(),
    }
}
