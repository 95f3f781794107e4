//! Deletion of a draft before it expires.

use std::time::Duration;

use draftstore_protocol::DraftId;
use draftstore_protocol::events::Trace;
use draftstore_storage::{DraftVersion, ETag, ErrorKind, ObjectInfo, ObjectKey};

use super::Drafts;
use super::acts::ActOnDraft;
use super::draft_ref::{DraftName, Keys};
use crate::events::{EventKind, Fields, NewAct, TraceAt};
use crate::{Error, Scope};

/// The time before its end at which a sweep may take a draft for expired: twice that by which clocks may differ.
const SKEW: Duration = Duration::from_secs(2 * 3600);

impl Drafts {
    /// Deletes the current version of a draft. Returns `false` if there is none. Idempotent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::PinMismatch`] if the draft was
    /// uploaded again concurrently and is kept, or an error of the store.
    pub async fn discard(&self, name: &DraftName) -> Result<bool, Error> {
        self.caller.require(Scope::Discard)?;
        let keys = self.keys(self.parse_draft(name)?, None);
        let _locked = self.lock([&keys]).await;
        let Some(draft) = self.head_draft(&keys.draft).await? else {
            return Ok(false);
        };
        let act = ActOnDraft {
            kind: EventKind::DraftDiscarded,
            key: &keys.draft,
            draft: &draft,
            fields: Fields::new(),
            traces: discarded(&keys, &draft),
        };
        let act = self.begin_on_draft(act).await?;
        let version = DraftVersion {
            key: keys.draft,
            etag: draft.etag,
        };
        let store = &self.shared.store;
        let deleted = store.objects().delete_draft(&store.buckets.draft, &version).await;
        let discarded = match deleted {
            Ok(()) => {
                self.shared.watched.changed(&version.key);
                Ok(true)
            }
            Err(error) if error.kind == ErrorKind::PreconditionFailed => Err(Error::PinMismatch { pin: "object_name" }),
            Err(error) => Err(error.into()),
        };
        self.end_act(act, &discarded, None).await;
        discarded
    }

    /// Forgets a discard or a sweep that crashed before it deleted this version of a draft, which was confirmed instead and is
    /// about to be deleted. Returns false if that failed: the draft must stay then. A confirm under the draft's own name in main
    /// needs no call: the object shows it.
    pub(super) async fn forget_deletes(&self, keys: &Keys, draft: &ETag) -> bool {
        let own_name = DraftId::split(keys.draft.as_str()).map_or(keys.draft.as_str(), |(_, name)| name);
        if self.place.is_none() && own_name == keys.main.as_str() {
            return true;
        }
        let version = [keys.draft.as_str(), draft.as_str()];
        let delete = |kind| NewAct {
            kind,
            bucket: self.draft_bucket(),
            tenant: self.caller.tenant.as_ref(),
            object_name: own_name,
            act: &version,
            fields: Fields::new(),
            traces: Vec::new(),
        };
        let mut forgotten = self.courier().forget(&delete(EventKind::DraftDiscarded)).await;
        if forgotten.is_ok() && self.may_have_expired(&keys.draft) {
            forgotten = self.courier().forget_of_sweep(&delete(EventKind::DraftExpired)).await;
        }
        if let Err(error) = &forgotten {
            let error = error as &dyn std::error::Error;
            tracing::warn!(object.key = %keys.draft, error, "confirmed draft left to the sweep");
        }
        forgotten.is_ok()
    }

    /// Returns false if no sweep can have found that the draft has expired.
    fn may_have_expired(&self, draft: &ObjectKey) -> bool {
        DraftId::in_key(draft).is_none_or(|id| id.expires_at() <= self.shared.clock.now() + SKEW)
    }
}

/// Returns the traces of a discard: the draft is gone, and not because it was confirmed under its name. A confirm under
/// another name forgets the discard.
fn discarded(keys: &Keys, draft: &ObjectInfo) -> Vec<TraceAt> {
    vec![
        TraceAt::in_draft(&keys.draft, Trace::Absent),
        TraceAt::in_main(&keys.main, Trace::of_no_confirm(&draft.etag)),
    ]
}
