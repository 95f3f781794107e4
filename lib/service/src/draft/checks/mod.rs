//! Checks of drafts before they are kept, which run [`draftstore_protocol::checks`] against the store.
//!
//! `running` bounds the checks of this server, and joins those who wait for the same one. `subject` finds, reads and records
//! the verdict of one version of a draft, and `scan` asks scanners about it. `state` is what callers see, and
//! `rejection` what a sweep finds. The protocol makes every decision.

mod limits;
mod rejection;
mod report;
mod running;
mod scan;
mod state;
mod subject;
mod traced;
mod webhook;

pub use limits::CheckLimits;
pub use report::{ScanReport, ScanVerdict};
pub(super) use running::RunningChecks;
pub use state::{CheckState, DraftChecked};
pub use traced::ChecksInProgress;

use draftstore_protocol::checks::{NoVerdict, Verdict};
use draftstore_storage::{Error as StorageError, ErrorKind, ObjectInfo, ObjectKey, Operation};
use tokio::time::timeout;

use self::running::Ended;
use self::subject::Subject;
use super::Drafts;

/// The error of a draft in the place of whose verdict there is something else.
const UNREADABLE: &str = "the recorded verdict cannot be read";

impl Drafts {
    /// Returns the verdict on a draft, which is pending if its checks have not ended after the time that a confirm waits.
    pub(super) async fn verdict(
        &self,
        key: &ObjectKey,
        draft: &ObjectInfo,
    ) -> Result<Verdict, NoVerdict<StorageError>> {
        let Some(subject) = Subject::new(self, key, draft) else {
            return Err(NoVerdict::Pending);
        };
        let mut check = self.start_check(subject);
        match timeout(self.shared.checks.limits.wait, check.ended()).await {
            Err(_) | Ok(Ended::Changed) => Err(NoVerdict::Pending),
            Ok(Ended::Verdict(verdict)) => Ok(verdict),
            Ok(Ended::NotScanned(scanner)) => Err(NoVerdict::ScannerUnavailable(scanner)),
            Ok(Ended::Unreadable) => Err(NoVerdict::Store(self.check_failed(
                key,
                ErrorKind::Unexpected,
                UNREADABLE,
            ))),
            Ok(Ended::Failed { kind, why }) => Err(NoVerdict::Store(self.check_failed(key, kind, &why))),
        }
    }

    fn check_failed(&self, key: &ObjectKey, kind: ErrorKind, why: &str) -> StorageError {
        StorageError {
            kind,
            operation: Operation::GetObject,
            bucket: self.draft_bucket().clone(),
            key: Some(key.clone()),
            source: why.into(),
        }
    }
}
