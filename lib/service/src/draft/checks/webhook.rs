//! The scans of a draft by scanners with webhooks.

use std::collections::BTreeMap;

use draftstore_protocol::DraftId;
use draftstore_protocol::checks::{Reason, Scan, quorum};
use draftstore_storage::{Error as StorageError, MediaType, PresignGet};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::scan::{ScanProgress, Unanswered, shown};
use super::subject::Subject;
use crate::caller::{WebhookCheck, WebhookScanner};
use crate::draft::Drafts;
use crate::webhooks::{ScanReply, ScanRequest};

/// The name of the check in settings, reasons and errors.
pub(super) const WEBHOOK: &str = "webhook";

/// The body of a request to a scanner.
#[derive(Serialize)]
struct Question<'a> {
    r#type: &'static str,
    data: ScannedDraft<'a>,
}

/// One version of a draft, as a scanner needs it.
#[derive(Serialize)]
struct ScannedDraft<'a> {
    object_name: &'a str,
    draft_id: Option<String>,
    etag: String,
    size: u64,
    content_type: &'a str,
    /// The presigned URL of this version.
    url: &'a str,
    /// The headers that the download must have.
    headers: &'a BTreeMap<String, String>,
}

/// The body of a scanner's answer.
#[derive(Deserialize)]
struct Answer {
    verdict: Word,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Accepted,
    Rejected,
}

impl Subject {
    /// Asks the scanners that have not answered yet. What they accept is this version, if it is still there afterwards.
    pub(super) async fn scan_by_webhook(
        &self,
        drafts: &Drafts,
        check: &WebhookCheck,
        progress: &mut ScanProgress,
    ) -> Result<Scan, StorageError> {
        progress.unanswered.get_or_insert(Unanswered {
            check: WEBHOOK,
            why: None,
        });
        for scanner in &check.scanners {
            if !progress.answers.contains_key(&scanner.name)
                && let Some(scan) = self.reported(drafts, scanner).await?
            {
                progress.answers.insert(scanner.name.clone(), scan);
            }
        }
        let silent = check
            .scanners
            .iter()
            .filter(|one| !progress.answers.contains_key(&one.name));
        let asked = silent.map(|scanner| async move { (scanner, self.ask(drafts, check, scanner).await) });
        let mut asked: FuturesUnordered<_> = asked.collect();
        let mut failures = Vec::new();
        // Whoever answers after the others have decided is not waited for.
        while result(check, &progress.answers) == Scan::Pending
            && let Some((scanner, answer)) = asked.next().await
        {
            match answer? {
                Ok(scan) => drop(progress.answers.insert(scanner.name.clone(), scan)),
                Err(why) => failures.push(format!("{}: {why}", scanner.name)),
            }
        }
        drop(asked);
        self.still_there(drafts).await?;
        let scan = result(check, &progress.answers);
        if scan == Scan::Pending {
            progress.unanswered = Some(Unanswered {
                check: WEBHOOK,
                why: Some(failures.join("; ")),
            });
        }
        Ok(scan)
    }

    /// Sends the request to one scanner. Returns its verdict, or the reason why there is none.
    async fn ask(
        &self,
        drafts: &Drafts,
        check: &WebhookCheck,
        scanner: &WebhookScanner,
    ) -> Result<Result<Scan, String>, StorageError> {
        let Some(client) = &drafts.shared.webhooks else {
            return Ok(Err("this server sends no webhooks".to_owned()));
        };
        let checks = &drafts.shared.checks;
        let slots = checks.scans.of(format!("{WEBHOOK} {} {}", scanner.name, scanner.url));
        let _slot = checks.slot(&slots).await;
        let request = self.question(drafts, scanner).await?;
        Ok(match client.post(scanner, &check.private_hosts, request).await {
            Ok(reply) => answer(scanner, &reply),
            Err(why) => Err(why),
        })
    }

    async fn question(&self, drafts: &Drafts, scanner: &WebhookScanner) -> Result<ScanRequest, StorageError> {
        let shared = &drafts.shared;
        let get = PresignGet {
            bucket: drafts.draft_bucket(),
            key: &self.draft_key,
            version: self.draft.version_id.as_ref(),
            if_match: Some(&self.draft.etag),
            response_content_type: MediaType::OCTET_STREAM,
            response_content_disposition: "attachment",
            now: shared.clock.now(),
            expires_in: shared.checks.limits.timeout,
        };
        let signed = shared.store.presign().presign_get(&get).await?;
        let (draft_id, named) = match DraftId::split(self.draft_key.as_str()) {
            Some((id, named)) => (Some(id.to_string()), named),
            None => (None, self.draft_key.as_str()),
        };
        let object_name = drafts.caller.name_of(named).unwrap_or(named);
        let content_type = MediaType::of_stored(self.draft.attributes.content_type.as_deref());
        let url = signed.url.expose();
        let question = Question {
            r#type: "draft.scan",
            data: ScannedDraft {
                object_name,
                draft_id,
                etag: self.draft.etag.as_str().to_owned(),
                size: self.draft.size,
                content_type: content_type.essence(),
                url: &url,
                headers: &signed.headers,
            },
        };
        let parts = [WEBHOOK, scanner.name.as_str(), self.key().as_str()];
        let digests = shared.secrets.current().digests(&parts);
        Ok(ScanRequest {
            id: digests
                .first()
                .map(|digest| format!("scan_{}", digest.as_str()))
                .unwrap_or_default(),
            body: serde_json::to_vec(&question).unwrap_or_default(),
        })
    }
}

/// Returns the result by the answers so far.
fn result(check: &WebhookCheck, answers: &BTreeMap<String, Scan>) -> Scan {
    let answer = |scanner: &WebhookScanner| answers.get(&scanner.name).cloned().unwrap_or(Scan::Pending);
    quorum(check.needed(), &check.scanners.iter().map(answer).collect::<Vec<_>>())
}

/// Reads the verdict in an answer.
fn answer(scanner: &WebhookScanner, reply: &ScanReply) -> Result<Scan, String> {
    match reply.status {
        200 => {}
        202 => return Err("is still scanning".to_owned()),
        status => return Err(format!("answered with status {status}")),
    }
    let answer: Answer = serde_json::from_slice(&reply.body).map_err(|_| "the answer is no verdict".to_owned())?;
    Ok(match answer.verdict {
        Word::Accepted => Scan::Clean,
        Word::Rejected => Scan::Rejected(vec![rejection(scanner, &answer.reason)]),
    })
}

/// Returns the reason of a scanner to reject a draft.
pub(super) fn rejection(scanner: &WebhookScanner, reason: &str) -> Reason {
    Reason {
        check: WEBHOOK.to_owned(),
        code: "REFUSED_BY_SCANNER".to_owned(),
        detail: match shown(reason) {
            reason if reason.is_empty() => format!("The scanner {} refuses the file.", scanner.name),
            reason => format!("The scanner {} refuses the file: {reason}.", scanner.name),
        },
    }
}
