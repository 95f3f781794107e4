//! The state of the checks of a draft, as callers see it.

use std::time::SystemTime;

use draftstore_protocol::DraftId;
use draftstore_protocol::checks::{NoVerdict, Reason, Recorded, Verdict};
use draftstore_storage::{ETag, Error as StorageError, ErrorKind, MediaType, ObjectInfo, ObjectKey};

use super::{Subject, UNREADABLE};
use crate::draft::Drafts;
use crate::draft::draft_ref::DraftName;
use crate::{Error, Missing, Scope};

/// The state of the checks of one version of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckState {
    /// The draft is uploaded, and nothing has checked it.
    Uploaded,
    /// This server checks the draft. Another server does not know of it, and returns [`CheckState::Uploaded`].
    Checking {
        /// The time at which the checks began.
        since: SystemTime,
        /// The names of the checks.
        checks: Vec<&'static str>,
    },
    /// Every check accepts the draft.
    Accepted {
        /// The media type that the bytes have, if a check looked for it.
        media_type: Option<MediaType>,
    },
    /// A check rejects the draft, which cannot be confirmed.
    Rejected(Vec<Reason>),
}

/// The response to a check of a draft.
#[derive(Debug, Clone)]
pub struct DraftChecked {
    /// The object name under which the draft was uploaded.
    pub object_name: String,
    /// The ID of a unique draft.
    pub draft_id: Option<DraftId>,
    /// The version that the state is of.
    pub etag: ETag,
    /// The state of the checks, or `None` if the caller's profile has none.
    pub state: Option<CheckState>,
}

impl Drafts {
    /// Starts the checks of a draft, unless they run or have ended, and returns their state. Waits for quick ones.
    /// Idempotent.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if the draft does not
    /// exist, [`Error::ScannerUnavailable`], or an error of the store.
    pub async fn check(&self, name: &DraftName) -> Result<DraftChecked, Error> {
        self.caller.require(Scope::Inspect)?;
        let named = self.parse_draft(name)?;
        let draft = self.find_draft(&named.key).await?;
        let draft = draft.ok_or(Error::NotFound(Missing::Draft))?;
        drop(self.start_auto_confirm(&named.key, &draft));
        let state = match self.verdict(&named.key, &draft).await {
            Ok(verdict) => Some(verdict.into()),
            Err(NoVerdict::Pending) => self.check_state(&named.key, &draft).await?,
            Err(NoVerdict::ScannerUnavailable(scanner)) => return Err(Error::ScannerUnavailable(scanner)),
            Err(NoVerdict::Store(error)) => return Err(error.into()),
        };
        Ok(DraftChecked {
            object_name: named.name.to_string(),
            draft_id: named.id,
            etag: draft.etag,
            state,
        })
    }

    /// Returns the state of the checks of a draft, or `None` if the caller's profile has none. Starts nothing.
    pub(in crate::draft) async fn check_state(
        &self,
        key: &ObjectKey,
        draft: &ObjectInfo,
    ) -> Result<Option<CheckState>, StorageError> {
        let Some(subject) = Subject::new(self, key, draft) else {
            return Ok(None);
        };
        if let Some(running) = self.running_check(&subject) {
            let (since, checks) = (running.since, subject.checks());
            return Ok(Some(CheckState::Checking { since, checks }));
        }
        match subject.recorded(self).await? {
            Recorded::Nothing => Ok(Some(CheckState::Uploaded)),
            Recorded::Verdict(verdict) => Ok(Some(verdict.into())),
            Recorded::Unreadable => Err(self.check_failed(key, ErrorKind::Unexpected, UNREADABLE)),
        }
    }
}

impl From<Verdict> for CheckState {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted { media_type } => Self::Accepted { media_type },
            Verdict::Rejected(reasons) => Self::Rejected(reasons),
        }
    }
}
