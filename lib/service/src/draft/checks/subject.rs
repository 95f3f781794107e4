//! The subject of a check: one version of a draft under one set of checks, and its verdict in the store.

use std::ops::Range;

use bytes::Bytes;
use draftstore_inspection::{Declared, Findings, InspectError, RULES, Source, inspect};
use draftstore_protocol::checks::{Reason, Recorded, Scanning, VERDICT_METADATA, Verdict, verdict_key, verdict_parts};
use draftstore_protocol::events::{ActEnd, Trace};
use draftstore_storage::{
    Attributes, Error as StorageError, ErrorKind, MediaType, ObjectInfo, ObjectKey, Operation, PutDraft, ReadDraft,
};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::caller::{CheckSettings, Checks, ContentTypes};
use crate::draft::acts::ActOnDraft;
use crate::draft::{Drafts, found};
use crate::events::{EventKind, Fields, TraceAt};
use crate::observer::CheckPart;
use crate::secrets::{Binding, Purpose};

/// The error of a range that the store has cut.
pub(super) const WRONG_LENGTH: &str = "a range of the draft has another length than requested";

impl Drafts {
    /// Returns the text of everything that the caller's profile has a verdict depend on, or `None` if it has no checks.
    pub(in crate::draft) fn check_settings(&self) -> Option<String> {
        let checks = self.caller.profile.checks.as_ref()?;
        let allowed = checks.content_types.as_ref().map(ContentTypes::as_slice);
        serde_json::to_string(&(RULES, &checks.settings, allowed)).ok()
    }
}

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
    keys: Vec<ObjectKey>,
}

impl Subject {
    /// Returns the subject for the checks of the caller's profile, or `None` if it has none.
    pub(super) fn new(drafts: &Drafts, draft_key: &ObjectKey, draft: &ObjectInfo) -> Option<Self> {
        let Checks {
            settings,
            content_types,
        } = drafts.caller.profile.checks.clone()?;
        let allowed = content_types.map(|types| types.as_slice().to_vec());
        let digested = drafts.check_settings()?;
        let parts = verdict_parts(draft_key, draft, &digested);
        let texts = ["verdict"].into_iter().chain(parts.iter().map(String::as_str));
        let digests = drafts.shared.secrets.current().digests(&texts.collect::<Vec<_>>());
        Some(Self {
            draft_key: draft_key.clone(),
            draft: draft.clone(),
            settings,
            allowed,
            keys: digests.iter().map(verdict_key).collect(),
            parts,
        })
    }

    /// Returns the names of the checks.
    pub(super) fn checks(&self) -> Vec<&'static str> {
        self.settings.names()
    }

    /// Returns the key of the verdict.
    pub(super) fn key(&self) -> &ObjectKey {
        &self.keys[0]
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
        self.find(drafts, &self.keys, (Purpose::Verdict, self.parts())).await
    }

    /// Returns the verdict under the first of these keys that has an object.
    pub(super) async fn find(
        &self,
        drafts: &Drafts,
        keys: &[ObjectKey],
        sealed: (Purpose, &[String]),
    ) -> Result<Recorded, StorageError> {
        for key in keys {
            let store = &drafts.shared.store;
            let Some(object) = found(store.objects().head(store.buckets.draft.name(), key).await)? else {
                continue;
            };
            let verdict = open(drafts, &object, sealed);
            if verdict.is_none() {
                tracing::error!(object.key = %key, draft.key = %self.draft_key, "verdict unreadable");
            }
            return Ok(verdict.map_or(Recorded::Unreadable, Recorded::Verdict));
        }
        Ok(Recorded::Nothing)
    }

    /// Reads the draft, and decides.
    pub(super) async fn inspect(&self, drafts: &Drafts) -> Result<Verdict, StorageError> {
        let declared = MediaType::of_stored(self.draft.attributes.content_type.as_deref());
        let declared = Declared {
            media_type: Some(declared.essence()),
            allowed: self.allowed.as_deref(),
        };
        let settings = self.settings.inspection();
        let part = drafts.begin_part(CheckPart::Inspection);
        let mut source = self.source(drafts);
        let inspecting = inspect(&settings, declared, self.draft.size, &mut source);
        let inspected = match inspecting.instrument(part.span.clone()).await {
            Ok(findings) => Ok(verdict(findings)),
            Err(InspectError::Source(error)) => Err(error),
            Err(InspectError::WrongLength) => Err(self.unusable(drafts, Operation::GetObject, WRONG_LENGTH)),
        };
        part.end((&inspected).into(), source.bytes);
        inspected
    }

    /// Returns the bytes of this version.
    pub(super) fn source<'a>(&'a self, drafts: &'a Drafts) -> DraftSource<'a> {
        DraftSource {
            drafts,
            subject: self,
            bytes: 0,
        }
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

    /// Records the verdict, if there is none, and publishes its event.
    pub(super) async fn record(&self, drafts: &Drafts, verdict: &Verdict) -> Result<(), StorageError> {
        let sealed = seal(drafts, (Purpose::Verdict, self.parts()), verdict);
        let (kind, fields) = match verdict {
            Verdict::Accepted { .. } => (EventKind::DraftAccepted, Fields::new()),
            Verdict::Rejected(reasons) => {
                let reasons: Vec<_> = reasons.iter().map(reason_of).collect();
                (EventKind::DraftRejected, vec![("reasons", Some(json!(reasons)))])
            }
        };
        let act = ActOnDraft {
            kind,
            key: &self.draft_key,
            draft: &self.draft,
            fields,
            traces: vec![TraceAt::in_draft(self.key(), Trace::of_verdict(&sealed))],
        };
        let act = drafts.begin_on_draft(act).await?;
        let recorded = put(drafts, self.key(), sealed).await;
        let end = match &recorded {
            Ok(()) => ActEnd::Happened,
            Err(error) if error.kind == ErrorKind::PreconditionFailed => ActEnd::Refused,
            Err(_) => ActEnd::Unclear,
        };
        drafts.courier().end(act, end, Fields::new()).await;
        recorded
    }

    /// Records a verdict under a key, if nothing is there.
    pub(super) async fn put(
        &self,
        drafts: &Drafts,
        key: &ObjectKey,
        sealed: (Purpose, &[String]),
        verdict: &Verdict,
    ) -> Result<(), StorageError> {
        put(drafts, key, seal(drafts, sealed, verdict)).await
    }

    /// Returns everything that the verdict belongs to.
    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// The bytes of one version of a draft.
pub(super) struct DraftSource<'a> {
    drafts: &'a Drafts,
    subject: &'a Subject,
    /// The number of bytes that were read.
    pub(super) bytes: u64,
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
        let bytes = Bytes::from(store.objects().read_draft(&read).await?);
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

fn seal(drafts: &Drafts, (purpose, parts): (Purpose, &[String]), verdict: &Verdict) -> String {
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let binding = Binding { purpose, parts: &parts };
    let secrets = drafts.shared.secrets.current();
    secrets.seal(binding, verdict.to_text().as_bytes())
}

async fn put(drafts: &Drafts, key: &ObjectKey, sealed: String) -> Result<(), StorageError> {
    let attributes = Attributes {
        metadata: [(VERDICT_METADATA.to_owned(), sealed)].into(),
        ..Attributes::default()
    };
    let store = &drafts.shared.store;
    let put = PutDraft {
        bucket: &store.buckets.draft,
        key,
        bytes: &[],
        attributes: &attributes,
        if_absent: true,
    };
    store.objects().put_draft(&put).await.map(|_| ())
}

fn open(drafts: &Drafts, object: &ObjectInfo, (purpose, parts): (Purpose, &[String])) -> Option<Verdict> {
    let sealed = object.attributes.metadata.get(VERDICT_METADATA)?;
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let binding = Binding { purpose, parts: &parts };
    let opened = drafts.shared.secrets.current().open(binding, sealed)?;
    Verdict::of_text(std::str::from_utf8(&opened).ok()?)
}

fn reason_of(reason: &Reason) -> Value {
    json!({"check": reason.check, "code": reason.code, "detail": reason.detail})
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
