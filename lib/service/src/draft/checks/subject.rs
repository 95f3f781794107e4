//! The subject of a check: one version of a draft under one set of checks, and its verdict in the store.

use std::ops::Range;

use bytes::Bytes;
use draftstore_inspection::{Declared, Findings, InspectError, RULES, Source, inspect};
use draftstore_protocol::checks::{Reason, Recorded, Scanning, VERDICT_METADATA, Verdict, verdict_key, verdict_parts};
use draftstore_storage::{
    Attributes, Error as StorageError, ErrorKind, MediaType, ObjectInfo, ObjectKey, Operation, PutDraft, ReadDraft,
};

use crate::caller::CheckSettings;
use crate::draft::{Drafts, found};
use crate::secrets::{Binding, Purpose};

/// The error of a range that the store has cut.
pub(super) const WRONG_LENGTH: &str = "a range of the draft has another length than requested";

/// One version of a draft under one set of checks.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) draft_key: ObjectKey,
    pub(super) draft: ObjectInfo,
    pub(super) settings: CheckSettings,
    /// The media types that the profile allows.
    allowed: Option<Vec<String>>,
    /// Everything that the verdict belongs to.
    parts: [String; 7],
    /// The key of the verdict, and those that former secrets give.
    keys: (ObjectKey, Vec<ObjectKey>),
}

impl Subject {
    /// Returns the subject for the checks of the caller's profile, or `None` if it has none.
    pub(super) fn new(drafts: &Drafts, draft_key: &ObjectKey, draft: &ObjectInfo) -> Option<Self> {
        let profile = &drafts.caller.profile;
        let settings = profile.checks.clone()?;
        let allowed = profile.content_types.as_ref().map(|types| types.as_slice().to_vec());
        let digested = serde_json::to_string(&(RULES, &settings, &allowed)).ok()?;
        let parts = verdict_parts(draft_key, draft, &digested);
        let texts = ["verdict"].into_iter().chain(parts.iter().map(String::as_str));
        let digests = drafts.shared.secrets.current().digests(&texts.collect::<Vec<_>>());
        let mut keys = digests.iter().map(verdict_key);
        let current = keys.next()?;
        Some(Self {
            draft_key: draft_key.clone(),
            draft: draft.clone(),
            settings,
            allowed,
            keys: (current, keys.collect()),
            parts,
        })
    }

    /// Returns the key of the verdict.
    pub(super) fn key(&self) -> &ObjectKey {
        &self.keys.0
    }

    /// Returns the need for scanners.
    pub(super) fn scanning(&self) -> Scanning {
        if self.settings.is_scanned() {
            Scanning::On
        } else {
            Scanning::Off
        }
    }

    /// Returns the recorded verdict. An object that is not sealed for these bytes and settings is unreadable, and logged.
    pub(super) async fn recorded(&self, drafts: &Drafts) -> Result<Recorded, StorageError> {
        let (current, former) = &self.keys;
        for key in std::iter::once(current).chain(former) {
            let store = &drafts.shared.store;
            let Some(object) = found(store.objects().head(store.buckets.draft.name(), key).await)? else {
                continue;
            };
            let verdict = self.open(drafts, &object);
            if verdict.is_none() {
                tracing::error!(object.key = %key, draft.key = %self.draft_key, "verdict unreadable");
            }
            return Ok(verdict.map_or(Recorded::Unreadable, Recorded::Verdict));
        }
        Ok(Recorded::Nothing)
    }

    fn open(&self, drafts: &Drafts, object: &ObjectInfo) -> Option<Verdict> {
        let sealed = object.attributes.metadata.get(VERDICT_METADATA)?;
        let parts = self.binding_parts();
        let opened = drafts.shared.secrets.current().open(binding(&parts), sealed)?;
        Verdict::of_text(std::str::from_utf8(&opened).ok()?)
    }

    /// Reads the draft, and decides.
    pub(super) async fn inspect(&self, drafts: &Drafts) -> Result<Verdict, StorageError> {
        let declared = MediaType::of_stored(self.draft.attributes.content_type.as_deref());
        let declared = Declared {
            media_type: Some(declared.essence()),
            allowed: self.allowed.as_deref(),
        };
        let settings = self.settings.inspection();
        match inspect(&settings, declared, self.draft.size, &mut self.source(drafts)).await {
            Ok(findings) => Ok(verdict(findings)),
            Err(InspectError::Source(error)) => Err(error),
            Err(InspectError::WrongLength) => Err(self.unusable(drafts, Operation::GetObject, WRONG_LENGTH)),
        }
    }

    /// Returns the bytes of this version.
    pub(super) fn source<'a>(&'a self, drafts: &'a Drafts) -> DraftSource<'a> {
        DraftSource { drafts, subject: self }
    }

    /// Returns the error of a call whose answer says nothing about this version.
    pub(super) fn unusable(&self, drafts: &Drafts, operation: Operation, why: &'static str) -> StorageError {
        StorageError {
            kind: ErrorKind::Unavailable,
            operation,
            bucket: drafts.draft_bucket().clone(),
            key: Some(self.draft_key.clone()),
            source: why.into(),
        }
    }

    pub(super) async fn record(&self, drafts: &Drafts, verdict: &Verdict) -> Result<(), StorageError> {
        let parts = self.binding_parts();
        let sealed = drafts.shared.secrets.current();
        let sealed = sealed.seal(binding(&parts), verdict.to_text().as_bytes());
        let attributes = Attributes {
            metadata: [(VERDICT_METADATA.to_owned(), sealed)].into(),
            ..Attributes::default()
        };
        let store = &drafts.shared.store;
        let put = PutDraft {
            bucket: &store.buckets.draft,
            key: self.key(),
            bytes: &[],
            attributes: &attributes,
            if_absent: true,
        };
        store.objects().put_draft(&put).await.map(|_| ())
    }

    fn binding_parts(&self) -> Vec<&str> {
        self.parts.iter().map(String::as_str).collect()
    }
}

/// The bytes of one version of a draft.
pub(super) struct DraftSource<'a> {
    drafts: &'a Drafts,
    subject: &'a Subject,
}

impl Source for DraftSource<'_> {
    type Error = StorageError;

    async fn read(&mut self, range: Range<u64>) -> Result<Bytes, StorageError> {
        let store = &self.drafts.shared.store;
        let read = ReadDraft {
            bucket: &store.buckets.draft,
            key: &self.subject.draft_key,
            etag: &self.subject.draft.etag,
            range,
        };
        store.objects().read_draft(&read).await.map(Bytes::from)
    }
}

fn binding<'a>(parts: &'a [&'a str]) -> Binding<'a> {
    Binding {
        purpose: Purpose::Verdict,
        parts,
    }
}

fn verdict(findings: Findings) -> Verdict {
    if findings.reasons.is_empty() {
        let media_type = findings.media_type.and_then(|found| found.parse().ok());
        return Verdict::Accepted { media_type };
    }
    let reason = |reason: draftstore_inspection::Reason| Reason {
        check: reason.check.as_str().to_owned(),
        code: reason.code.to_owned(),
        detail: reason.detail,
    };
    Verdict::Rejected(findings.reasons.into_iter().map(reason).collect())
}
