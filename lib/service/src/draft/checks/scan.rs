//! The scans of a draft that the other checks accept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use draftstore_protocol::checks::{Reason, Scan, SilentScanner};
use draftstore_scanners::{Clamd, ScanError, Verdict as Scanned};
use draftstore_storage::{Error as StorageError, ErrorKind, Operation};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use super::subject::{DraftSource, Subject, WRONG_LENGTH};
use super::webhook::WEBHOOK;
use crate::caller::{ClamdCheck, TagCheck};
use crate::draft::Drafts;
use crate::observer::CheckPart;

/// The name of clamd in settings, reasons and errors.
const CLAMD: &str = "clamd";

/// The name of the check of a tag in settings, reasons and errors.
const TAG: &str = "tag";

/// The timeout of one step of a scan: to connect to a daemon, or to send it a piece of the draft.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum length of a scanner's text in a reason.
const MAX_SHOWN: usize = 100;

/// The slots for scans, of each scanner its own.
#[derive(Debug, Clone)]
pub(super) struct ScanSlots {
    each: usize,
    by_scanner: Arc<Mutex<HashMap<String, Arc<Semaphore>>>>,
}

/// The progress of the scans of one check.
#[derive(Debug, Default)]
pub(super) struct ScanProgress {
    /// The check whose scanner has no result yet.
    pub(super) unanswered: Option<Unanswered>,
    /// Set after clamd has found nothing.
    pub(super) is_clean_by_clamd: bool,
    /// The answers of the scanners with webhooks, by their names.
    pub(super) answers: BTreeMap<String, Scan>,
}

/// The check whose scanner has no result yet.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) check: &'static str,
    /// The last failure, unless the scan has failed in no way yet.
    pub(super) why: Option<String>,
}

impl ScanSlots {
    pub(super) fn new(each: usize) -> Self {
        Self {
            each,
            by_scanner: Arc::default(),
        }
    }

    /// Returns the slots of a scanner, and removes those that are not in use.
    pub(super) fn of(&self, scanner: String) -> Arc<Semaphore> {
        let mut by_scanner = self.by_scanner.lock().unwrap_or_else(PoisonError::into_inner);
        by_scanner.retain(|_, slots| Arc::strong_count(slots) > 1);
        let slots = by_scanner.entry(scanner);
        Arc::clone(slots.or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

impl Subject {
    /// Has the draft scanned, by one kind of scanner after another.
    pub(super) async fn scan(&self, drafts: &Drafts, progress: &mut ScanProgress) -> Result<Scan, StorageError> {
        let settings = &self.settings;
        if let Some(check) = settings.clamd.as_ref().filter(|_| !progress.is_clean_by_clamd) {
            let part = drafts.begin_part(CheckPart::Clamd);
            let mut source = self.source(drafts);
            let scanning = self.scan_by_clamd(drafts, check, &mut source, &mut progress.unanswered);
            let scanned = scanning.instrument(part.span.clone()).await;
            part.end((&scanned).into(), source.bytes);
            match scanned? {
                Scan::Clean => progress.is_clean_by_clamd = true,
                other @ (Scan::Rejected(_) | Scan::Pending) => return Ok(other),
            }
            progress.unanswered = None;
        }
        if let Some(check) = &settings.tag {
            let part = drafts.begin_part(CheckPart::Tag);
            let scanning = self.scan_by_tag(drafts, check, &mut progress.unanswered);
            let scanned = scanning.instrument(part.span.clone()).await;
            part.end((&scanned).into(), 0);
            match scanned? {
                Scan::Clean => progress.unanswered = None,
                other @ (Scan::Rejected(_) | Scan::Pending) => return Ok(other),
            }
        }
        match &settings.webhook {
            Some(check) => {
                let part = drafts.begin_part(CheckPart::Webhook);
                let scanning = self.scan_by_webhook(drafts, check, progress);
                let scanned = scanning.instrument(part.span.clone()).await;
                part.end((&scanned).into(), 0);
                scanned
            }
            None => Ok(Scan::Clean),
        }
    }

    /// Returns the scanner of a check that has no result, by its name in the policy file.
    pub(super) fn silent_scanner(&self, check: &'static str, progress: &ScanProgress) -> SilentScanner {
        let name = match (check, &self.settings.tag, &self.settings.webhook) {
            (TAG, Some(tag), _) => format!("the scanner of the tag {}", tag.key),
            (WEBHOOK, _, Some(webhook)) => {
                let scanners = webhook.scanners.iter().map(|scanner| scanner.name.as_str());
                let silent = scanners.filter(|name| !progress.answers.contains_key(*name));
                silent.collect::<Vec<_>>().join(", ")
            }
            _ => check.to_owned(),
        };
        SilentScanner { check, name }
    }

    /// Fails if the draft has another version by now.
    pub(super) async fn still_there(&self, drafts: &Drafts) -> Result<(), StorageError> {
        let store = &drafts.shared.store;
        let draft = store
            .objects()
            .head(store.buckets.draft.name(), &self.draft_key)
            .await?;
        if draft == self.draft {
            return Ok(());
        }
        Err(StorageError {
            kind: ErrorKind::PreconditionFailed,
            ..self.unusable(drafts, Operation::HeadObject, "the draft was uploaded again")
        })
    }

    /// Reads the tag between two lookups of the draft, the first of which found it to be this version.
    async fn scan_by_tag(
        &self,
        drafts: &Drafts,
        check: &TagCheck,
        unanswered: &mut Option<Unanswered>,
    ) -> Result<Scan, StorageError> {
        let store = &drafts.shared.store;
        let (objects, bucket) = (store.objects(), store.buckets.draft.name());
        let version = self.draft.version_id.as_ref();
        let tags = objects.tags(bucket, &self.draft_key, version).await?;
        self.still_there(drafts).await?;
        let value = tags.get(&check.key);
        let is_in = |values: &[String]| value.is_some_and(|value| values.contains(value));
        if is_in(&check.accepted) {
            return Ok(Scan::Clean);
        }
        if is_in(&check.refused) {
            let value = shown(value.map(String::as_str).unwrap_or_default());
            return Ok(Scan::Rejected(vec![Reason {
                check: TAG.to_owned(),
                code: "REFUSED_BY_SCANNER".to_owned(),
                detail: format!("The scanner says {value}."),
            }]));
        }
        let why = value.map_or_else(
            || format!("the draft has no tag {}", check.key),
            |value| format!("the tag {} is {:?}, which is no verdict", check.key, shown(value)),
        );
        *unanswered = Some(Unanswered {
            check: TAG,
            why: Some(why),
        });
        Ok(Scan::Pending)
    }

    async fn scan_by_clamd(
        &self,
        drafts: &Drafts,
        check: &ClamdCheck,
        source: &mut DraftSource<'_>,
        unanswered: &mut Option<Unanswered>,
    ) -> Result<Scan, StorageError> {
        unanswered.get_or_insert(Unanswered {
            check: CLAMD,
            why: None,
        });
        let clamd = Clamd {
            addresses: check.addresses.clone(),
            max_size: check.max_bytes,
            timeout: STEP_TIMEOUT,
            // So that a daemon that hangs leaves time for another one.
            scan_timeout: drafts.shared.checks.limits.timeout / 2,
        };
        let addresses: Vec<_> = check.addresses.iter().map(ToString::to_string).collect();
        let slots = drafts.shared.checks.scans.of(addresses.join(" "));
        let slot = drafts.shared.checks.slot(&slots).await;
        let scanned = clamd.scan(self.draft.size, source).await;
        drop(slot);
        let (code, detail) = match scanned {
            Ok(Scanned::Clean) => return Ok(Scan::Clean),
            Ok(Scanned::Found(name)) => ("MALWARE", format!("The file contains {}.", shown(&name))),
            Ok(Scanned::TooLargeToScan) => (
                "TOO_LARGE_TO_SCAN",
                "The file is larger than what can be scanned for malware.".to_owned(),
            ),
            Err(ScanError::Source(error)) => return Err(error),
            Err(ScanError::WrongLength) => return Err(self.unusable(drafts, Operation::GetObject, WRONG_LENGTH)),
            Err(ScanError::Unavailable(unavailable)) => {
                *unanswered = Some(Unanswered {
                    check: CLAMD,
                    why: Some(unavailable.to_string()),
                });
                return Ok(Scan::Pending);
            }
        };
        Ok(Scan::Rejected(vec![Reason {
            check: CLAMD.to_owned(),
            code: code.to_owned(),
            detail,
        }]))
    }
}

/// Returns a name or a value of a scanner in the form in which a page may show it.
pub(super) fn shown(text: &str) -> String {
    let plain = |character: &char| character.is_ascii_alphanumeric() || "._-/:".contains(*character);
    text.chars().filter(plain).take(MAX_SHOWN).collect()
}
