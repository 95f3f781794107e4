//! The calls of the contract, on its own messages: what both fronts have in common.

mod confirm;
mod drafts;
mod issue;
mod multipart;
mod store;
mod tickets;

use std::sync::Arc;

use draftstore_auth::Authenticator;
use draftstore_proto::v1;
use draftstore_service::draft::{DraftName, SignRequest};
use draftstore_service::{Caller, Drafts, Error, Policy, Violation};

use crate::ConfirmBudget;
use crate::audit::{self, About as _};

/// One method an rpc. Each puts down in the audit what came of it. Clones share it.
#[derive(Debug, Clone)]
pub struct Api {
    calls: Arc<Calls>,
}

/// What the methods do.
#[derive(Debug, Clone)]
struct Calls {
    drafts: Drafts,
    authenticator: Authenticator,
    confirms: ConfirmBudget,
}

impl Api {
    /// The calls, answered by this service, without tickets.
    pub fn new(drafts: Drafts) -> Self {
        Self::of(Calls {
            drafts,
            authenticator: Authenticator::none(),
            confirms: ConfirmBudget::default(),
        })
    }

    fn of(calls: Calls) -> Self {
        Self { calls: Arc::new(calls) }
    }

    /// The same, where tickets are minted that this one takes, and held to the profiles of its policy.
    #[must_use]
    pub fn minting_for(self, authenticator: Authenticator) -> Self {
        Self::of(Calls {
            authenticator,
            ..Arc::unwrap_or_clone(self.calls)
        })
    }

    /// How long URLs and drafts live.
    pub(crate) fn policy(&self) -> Policy {
        self.calls.drafts.policy()
    }

    /// The same, with each caller's confirms counted.
    #[must_use]
    pub fn with_confirm_budget(self, confirms: ConfirmBudget) -> Self {
        Self::of(Calls {
            confirms,
            ..Arc::unwrap_or_clone(self.calls)
        })
    }

    pub(crate) fn draft_bucket(&self) -> String {
        self.calls.drafts.draft_bucket().to_string()
    }

    /// The unique draft of a whole key.
    pub(crate) fn of_whole_key(&self, caller: &Arc<Caller>, key: &str) -> Result<DraftName, Error> {
        self.calls.drafts(caller).of_whole_key(key)
    }

    /// Where the store has a draft.
    pub(crate) fn whole_key(&self, caller: &Arc<Caller>, draft: &DraftName) -> Result<String, Error> {
        self.calls.drafts(caller).whole_key(draft)
    }

    /// A URL of the draft without what would allow to read it.
    pub(crate) async fn bare_url(&self, caller: &Arc<Caller>, draft: &DraftName) -> Result<String, Error> {
        self.calls.drafts(caller).bare_url(draft).await
    }
}

macro_rules! audited {
    ($($rpc:literal $method:ident $request:ty => $answer:ty;)*) => {
        impl Api {
            $(pub(crate) async fn $method(&self, caller: &Arc<Caller>, request: $request) -> Result<$answer, Error> {
                if !audit::is_on() {
                    return self.calls.$method(caller, request).await;
                }
                let about = request.about();
                let result = self.calls.$method(caller, request).await;
                audit::decided($rpc, caller, &about, &result);
                result
            })*
        }
    };
}

audited! {
    "CreateDraftBucket" create_draft_bucket v1::CreateDraftBucketRequest => v1::CreateDraftBucketResponse;
    "GetUploadURL" get_upload_url v1::GetUploadUrlRequest => v1::GetUploadUrlResponse;
    "BatchGetUploadURLs" batch_get_upload_urls v1::BatchGetUploadUrLsRequest => v1::BatchGetUploadUrLsResponse;
    "GetDownloadURL" get_download_url v1::GetDownloadUrlRequest => v1::GetDownloadUrlResponse;
    "ConfirmUpload" confirm_upload v1::ConfirmUploadRequest => v1::ConfirmUploadResponse;
    "BatchConfirmUploads" batch_confirm_uploads v1::BatchConfirmUploadsRequest => v1::BatchConfirmUploadsResponse;
    "InspectDraft" inspect_draft v1::InspectDraftRequest => v1::InspectDraftResponse;
    "DiscardDraft" discard_draft v1::DiscardDraftRequest => v1::DiscardDraftResponse;
    "ListDrafts" list_drafts v1::ListDraftsRequest => v1::ListDraftsResponse;
    "ListObjects" list_objects v1::ListObjectsRequest => v1::ListObjectsResponse;
    "CreateMultipartUpload" create_multipart_upload
        v1::CreateMultipartUploadRequest => v1::CreateMultipartUploadResponse;
    "SignParts" sign_parts v1::SignPartsRequest => v1::SignPartsResponse;
    "ListParts" list_parts v1::ListPartsRequest => v1::ListPartsResponse;
    "CompleteMultipartUpload" complete_multipart_upload
        v1::CompleteMultipartUploadRequest => v1::CompleteMultipartUploadResponse;
    "AbortMultipartUpload" abort_multipart_upload v1::AbortMultipartUploadRequest => v1::AbortMultipartUploadResponse;
    "CreateTicket" create_ticket v1::CreateTicketRequest => v1::CreateTicketResponse;
    "SignRequest" sign_request SignRequest => String;
}

impl Calls {
    fn drafts(&self, caller: &Arc<Caller>) -> Drafts {
        self.drafts.for_caller(Arc::clone(caller))
    }
}

fn unknown(field: &str, rule: &str) -> Error {
    Error::Invalid(vec![Violation::new(field, rule)])
}

/// No store holds objects of 2^63 bytes.
pub(crate) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
