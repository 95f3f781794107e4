//! Deletion of a draft before it expires.

use draftstore_protocol::events::Trace;
use draftstore_storage::{DraftVersion, ErrorKind, ObjectInfo};

use super::Drafts;
use super::acts::ActOnDraft;
use super::draft_ref::{DraftName, Keys};
use crate::events::{EventKind, Fields, TraceAt};
use crate::{Error, Scope};

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
}

/// Returns the traces of a discard: the draft is gone, and not because it was confirmed under its name.
fn discarded(keys: &Keys, draft: &ObjectInfo) -> Vec<TraceAt> {
    vec![
        TraceAt::in_draft(&keys.draft, Trace::Absent),
        TraceAt::in_main(&keys.main, Trace::of_no_confirm(&draft.etag)),
    ]
}
