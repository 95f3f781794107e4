//! The subject of a check: one version of a draft under one set of checks, and its verdict in the store.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use draftstore_inspection::{Declared, Findings, InspectError, RULES, Source, inspect};
use draftstore_protocol::checks::{Reason, VERDICT_METADATA, Verdict, verdict_key, verdict_parts};
use draftstore_scanners::{Clamd, ScanError, Unavailable, Verdict as Scanned};
use draftstore_storage::{
    Attributes, Error as StorageError, ErrorKind, MediaType, ObjectInfo, ObjectKey, Operation, PutDraft, ReadDraft,
};

use super::CLAMD;
use crate::caller::{CheckSettings, ClamdCheck};
use crate::draft::{Drafts, found};
use crate::secrets::{Binding, Purpose};

/// The timeout of one step of a scan: to connect to a daemon, or to send it a piece of the draft.
const SCANNER_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of a name of malware in a reason.
const MAX_MALWARE_NAME: usize = 100;

/// The reason why an inspection has no verdict.
#[derive(Debug)]
pub(super) enum InspectionFailed {
    /// A read of the draft failed.
    Store(StorageError),
    /// No daemon scanned the draft.
    Scanner(Unavailable),
}

/// One version of a draft under one set of checks.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) draft_key: ObjectKey,
    draft: ObjectInfo,
    settings: CheckSettings,
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

    /// Returns the recorded verdict. An object that is not sealed for these bytes and settings is none.
    pub(super) async fn recorded(&self, drafts: &Drafts) -> Result<Option<Verdict>, StorageError> {
        let (current, former) = &self.keys;
        for key in std::iter::once(current).chain(former) {
            let store = &drafts.shared.store;
            let object = found(store.objects().head(store.buckets.draft.name(), key).await)?;
            if let Some(verdict) = object.and_then(|object| self.open(drafts, &object)) {
                return Ok(Some(verdict));
            }
        }
        Ok(None)
    }

    fn open(&self, drafts: &Drafts, object: &ObjectInfo) -> Option<Verdict> {
        let sealed = object.attributes.metadata.get(VERDICT_METADATA)?;
        let parts = self.binding_parts();
        let opened = drafts.shared.secrets.current().open(binding(&parts), sealed)?;
        Verdict::of_text(std::str::from_utf8(&opened).ok()?)
    }

    /// Reads the draft, and decides. A draft that the other checks reject is not scanned.
    pub(super) async fn inspect(&self, drafts: &Drafts) -> Result<Verdict, InspectionFailed> {
        let declared = MediaType::of_stored(self.draft.attributes.content_type.as_deref());
        let declared = Declared {
            media_type: Some(declared.essence()),
            allowed: self.allowed.as_deref(),
        };
        let mut source = DraftSource { drafts, subject: self };
        let settings = self.settings.inspection();
        let findings = match inspect(&settings, declared, self.draft.size, &mut source).await {
            Ok(findings) => findings,
            Err(InspectError::Source(error)) => return Err(InspectionFailed::Store(error)),
            Err(InspectError::WrongLength) => return Err(InspectionFailed::Store(self.wrong_length(drafts))),
        };
        match &self.settings.clamd {
            Some(clamd) if findings.reasons.is_empty() => Ok(match self.scan(drafts, clamd, &mut source).await? {
                Some(reason) => Verdict::Rejected(vec![reason]),
                None => verdict(findings),
            }),
            Some(_) | None => Ok(verdict(findings)),
        }
    }

    /// Has the draft scanned, and returns the reason to reject it, if there is one.
    async fn scan(
        &self,
        drafts: &Drafts,
        check: &ClamdCheck,
        source: &mut DraftSource<'_>,
    ) -> Result<Option<Reason>, InspectionFailed> {
        let clamd = Clamd {
            addresses: check.addresses.clone(),
            max_size: check.max_bytes,
            timeout: SCANNER_TIMEOUT,
            // So that a daemon that hangs leaves time for another one.
            scan_timeout: drafts.shared.checks.limits.timeout / 2,
        };
        let (code, detail) = match clamd.scan(self.draft.size, source).await {
            Ok(Scanned::Clean) => return Ok(None),
            Ok(Scanned::Found(name)) => ("MALWARE", format!("The file contains {}.", malware_name(&name))),
            Ok(Scanned::TooLargeToScan) => (
                "TOO_LARGE_TO_SCAN",
                "The file is larger than what can be scanned for malware.".to_owned(),
            ),
            Err(ScanError::Source(error)) => return Err(InspectionFailed::Store(error)),
            Err(ScanError::WrongLength) => return Err(InspectionFailed::Store(self.wrong_length(drafts))),
            Err(ScanError::Unavailable(unavailable)) => return Err(InspectionFailed::Scanner(unavailable)),
        };
        Ok(Some(Reason {
            check: CLAMD.to_owned(),
            code: code.to_owned(),
            detail,
        }))
    }

    fn wrong_length(&self, drafts: &Drafts) -> StorageError {
        StorageError {
            kind: ErrorKind::Unavailable,
            operation: Operation::GetObject,
            bucket: drafts.draft_bucket().clone(),
            key: Some(self.draft_key.clone()),
            source: "a range of the draft has another length than requested".into(),
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
struct DraftSource<'a> {
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

/// Returns a name of a daemon's signature in the form in which a page may show it.
fn malware_name(name: &str) -> String {
    let plain = |character: &char| character.is_ascii_alphanumeric() || "._-/:".contains(*character);
    name.chars().filter(plain).take(MAX_MALWARE_NAME).collect()
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
