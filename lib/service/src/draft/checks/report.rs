//! The reports of scanners that answer the request of a webhook later.

use draftstore_protocol::checks::{Recorded, Scan, Verdict, answer_parts, verdict_key};
use draftstore_storage::{ETag, Error as StorageError, ErrorKind, ObjectKey};

use super::Subject;
use super::webhook::rejection;
use crate::caller::WebhookScanner;
use crate::draft::Drafts;
use crate::draft::draft_ref::DraftName;
use crate::limits::MAX_REASON_CHARS;
use crate::secrets::Purpose;
use crate::violation::Violations;
use crate::webhooks::SignedReport;
use crate::{Error, Scope, Violation};

/// A report of a scanner, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct ScanReport {
    /// The draft, as the request to the scanner named it.
    pub draft: DraftName,
    /// The version that was scanned.
    pub etag: String,
    /// The result, or `None` if the report has none.
    pub verdict: Option<ScanVerdict>,
    /// The reason of a rejection.
    pub reason: String,
    /// The ID of the message.
    pub webhook_id: String,
    /// The time of the message, in Unix seconds.
    pub webhook_timestamp: String,
    /// The signatures of the message.
    pub webhook_signature: String,
}

/// The result of a scanner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanVerdict {
    /// The scanner accepts the bytes.
    Accepted,
    /// The scanner rejects the bytes.
    Rejected,
}

impl ScanVerdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

impl Drafts {
    /// Records the verdict of a scanner of the caller's profile. Returns false if nothing waits for it: the profile asks no
    /// scanner, the draft is gone or was uploaded again, or the scanner has reported the other verdict before. Idempotent: the
    /// first verdict of a scanner on a version counts.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, such as a signature by none of the scanners, or
    /// an error of the store.
    pub async fn report_scan(&self, report: &ScanReport) -> Result<bool, Error> {
        self.caller.require(Scope::Inspect)?;
        let named = self.parse_draft(&report.draft)?;
        let mut broken = Violations::default();
        let etag = broken.take(etag(&report.etag));
        let verdict = broken.take(
            report
                .verdict
                .ok_or_else(|| Violation::new("verdict", "must be SCAN_VERDICT_ACCEPTED or SCAN_VERDICT_REJECTED")),
        );
        if report.reason.chars().count() > MAX_REASON_CHARS {
            let rule = format!("must have at most {MAX_REASON_CHARS} characters");
            broken.take::<()>(Err(Violation::new("reason", rule)));
        }
        let (Some(etag), Some(verdict), []) = (etag, verdict, broken.as_slice()) else {
            return Err(Error::Invalid(broken.into_vec()));
        };
        let Some(check) = self
            .caller
            .profile
            .checks
            .as_ref()
            .and_then(|checks| checks.settings.webhook.as_ref())
        else {
            return Ok(false);
        };
        let Some(scanner) = check
            .scanners
            .iter()
            .find(|scanner| self.has_signed(scanner, report, verdict))
        else {
            let rule = "must be that of a scanner of the profile, and at most 5 minutes old";
            return Err(Error::Invalid(vec![Violation::new("webhook_signature", rule)]));
        };
        let draft = self.head_draft(&named.key).await?;
        let subject = draft
            .filter(|draft| draft.etag == etag)
            .and_then(|draft| Subject::new(self, &named.key, &draft));
        let Some(subject) = subject else {
            return Ok(false);
        };
        let verdict = match verdict {
            ScanVerdict::Accepted => Verdict::Accepted { media_type: None },
            ScanVerdict::Rejected => Verdict::Rejected(vec![rejection(scanner, &report.reason)]),
        };
        let (parts, keys) = subject.answer(self, scanner);
        match subject
            .put(self, &keys[0], (Purpose::ScanAnswer, parts.as_slice()), &verdict)
            .await
        {
            Ok(()) => {
                self.look_at_in_background(&named.key);
                Ok(true)
            }
            Err(error) if error.kind == ErrorKind::PreconditionFailed => {
                let before = subject.reported(self, scanner).await?;
                let is_clean = matches!(verdict, Verdict::Accepted { .. });
                Ok(before.is_some_and(|scan| (scan == Scan::Clean) == is_clean))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns true if a scanner has signed a report. The signed text has a line for each field.
    fn has_signed(&self, scanner: &WebhookScanner, report: &ScanReport, verdict: ScanVerdict) -> bool {
        let draft_id = report.draft.draft_id.as_deref().unwrap_or_default();
        let lines = [
            &report.draft.object_name,
            draft_id,
            &report.etag,
            verdict.as_str(),
            &report.reason,
        ];
        let signed = SignedReport {
            id: &report.webhook_id,
            timestamp: &report.webhook_timestamp,
            signature: &report.webhook_signature,
            body: lines.join("\n"),
        };
        let now = self.shared.clock.now();
        let client = self.shared.webhooks.as_ref();
        client.is_some_and(|client| client.verify(scanner, &signed, now))
    }
}

impl Subject {
    /// Returns what an answer of a scanner is bound to, and its keys, the current secret's first.
    fn answer(&self, drafts: &Drafts, scanner: &WebhookScanner) -> (Vec<String>, Vec<ObjectKey>) {
        let parts = answer_parts(&scanner.name, self.parts());
        let texts: Vec<_> = std::iter::once("answer")
            .chain(parts.iter().map(String::as_str))
            .collect();
        let digests = drafts.shared.secrets.current().digests(&texts);
        (parts, digests.iter().map(verdict_key).collect())
    }

    /// Returns the verdict that a scanner has reported. A verdict that cannot be read is ignored.
    pub(super) async fn reported(
        &self,
        drafts: &Drafts,
        scanner: &WebhookScanner,
    ) -> Result<Option<Scan>, StorageError> {
        let (parts, keys) = self.answer(drafts, scanner);
        match self
            .find(drafts, &keys, (Purpose::ScanAnswer, parts.as_slice()))
            .await?
        {
            Recorded::Verdict(Verdict::Accepted { .. }) => Ok(Some(Scan::Clean)),
            Recorded::Verdict(Verdict::Rejected(reasons)) => Ok(Some(Scan::Rejected(reasons))),
            Recorded::Nothing | Recorded::Unreadable => Ok(None),
        }
    }
}

fn etag(text: &str) -> Result<ETag, Violation> {
    text.parse()
        .map_err(|_| Violation::new("etag", "must be the ETag in the request to the scanner"))
}
