//! The checks of drafts.

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{CheckReason, CheckState, DraftName, ScanReport, ScanVerdict};

use super::{Api, Mapping};
use crate::errors::Failure;
use crate::gate::Admitted;

impl Mapping for v1::CheckDraftRequest {
    type Response = v1::CheckDraftResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let name = DraftName {
            object_name: self.object_name,
            draft_id: self.draft_id,
        };
        let checked = api.drafts(admitted).check(&name).await?;
        Ok(v1::CheckDraftResponse {
            object_name: checked.object_name,
            draft_id: checked.draft_id.map(|id| id.to_string()),
            etag: checked.etag.to_string(),
            checks: checked.state.map(state),
        })
    }
}

impl Mapping for v1::ReportScanRequest {
    type Response = v1::ReportScanResponse;

    async fn call(self, api: &Api, admitted: &Admitted) -> Result<Self::Response, Failure> {
        let verdict = match self.verdict() {
            v1::ScanVerdict::Unspecified => None,
            v1::ScanVerdict::Accepted => Some(ScanVerdict::Accepted),
            v1::ScanVerdict::Rejected => Some(ScanVerdict::Rejected),
        };
        let report = ScanReport {
            draft: DraftName {
                object_name: self.object_name,
                draft_id: self.draft_id,
            },
            etag: self.etag,
            verdict,
            reason: self.reason,
            webhook_id: self.webhook_id,
            webhook_timestamp: self.webhook_timestamp,
            webhook_signature: self.webhook_signature,
        };
        let recorded = api.drafts(admitted).report_scan(&report).await?;
        Ok(v1::ReportScanResponse { recorded })
    }
}

/// Returns the message of a state.
pub(super) fn state(state: CheckState) -> v1::DraftChecks {
    let of = |state: v1::CheckState| v1::DraftChecks {
        state: state.into(),
        ..v1::DraftChecks::default()
    };
    match state {
        CheckState::Uploaded => of(v1::CheckState::Uploaded),
        CheckState::Checking { since, checks } => v1::DraftChecks {
            checking_since: Some(Timestamp::from(since)),
            running: checks.into_iter().map(str::to_owned).collect(),
            ..of(v1::CheckState::Checking)
        },
        CheckState::Accepted { media_type } => v1::DraftChecks {
            content_type: media_type.map(|found| found.to_string()),
            ..of(v1::CheckState::Accepted)
        },
        CheckState::Rejected(reasons) => v1::DraftChecks {
            reasons: reasons.into_iter().map(reason).collect(),
            ..of(v1::CheckState::Rejected)
        },
    }
}

fn reason(reason: CheckReason) -> v1::CheckReason {
    v1::CheckReason {
        check: reason.check,
        code: reason.code,
        detail: reason.detail,
    }
}
