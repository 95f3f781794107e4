//! Confirms, which run [`draftstore_protocol::confirm`] against the store.
//!
//! `driver` performs the effects of the protocol. `batch` drives several confirms together. `locks` replace conditions
//! that the store does not honour. `publish` tells endpoints of a confirm before its answer. `removals` deletes the drafts after the answers. The protocol makes every decision.

mod batch;
mod driver;
mod limits;
mod locks;
mod placed;
mod publish;
mod removals;
mod request;

use draftstore_protocol::confirm::{MarkerDigests, Provenance, settlement_key};
use draftstore_storage::{Condition, ETag, Error as StorageError, ObjectInfo};
use tokio::time::timeout;
use tracing::Instrument as _;

pub use batch::ConfirmBatch;
pub use draftstore_protocol::confirm::{MAX_COPY_BYTES, RemovalBounds};
pub(super) use driver::main_lock;
pub use limits::{ConfirmLimits, DEFAULT_CONFIRM_TIMEOUT};
pub(super) use locks::{Locked, Locks};
pub(super) use removals::RemovalQueue;
pub use request::{ConfirmUpload, Confirmed};

use self::placed::Placed;
use self::request::Checked;
pub(super) use self::request::{check_existing, idempotency_key};
use super::Drafts;
use super::draft_ref::Keys;
use crate::{Error, Missing, Scope, Violation};

impl Drafts {
    /// Confirms a draft. Idempotent: concurrent and repeated confirms have one effect and the same result.
    ///
    /// A confirm runs to completion even if the caller disconnects, but not longer than [`ConfirmLimits::timeout`].
    ///
    /// # Errors
    /// Returns
    /// - [`Error::Invalid`], which names every field that breaks a rule.
    /// - [`Error::NotFound`] if the draft does not exist and was not confirmed before.
    /// - [`Error::PinMismatch`] if the draft has another version than the pinned one.
    /// - [`Error::AlreadyExists`] if main holds another object under the name.
    /// - [`Error::Rejected`] if a check rejects the draft, and [`Error::ChecksPending`] if the checks have not ended.
    /// - [`Error::ScannerUnavailable`] if no scanner scanned the draft in time.
    /// - [`Error::StoreUnavailable`] if the store failed or the confirm timed out. The same confirm may be sent again.
    pub async fn confirm(&self, request: &ConfirmUpload) -> Result<Confirmed, Error> {
        self.caller.require(Scope::Confirm)?;
        Placed::of(request, self)?.confirm().await
    }

    /// Refuses a name whose draft this store can only copy in parts, and confuses with another's.
    pub(super) fn check_copyable(&self, object_name: &str) -> Result<(), Violation> {
        let Some(found) = self.shared.store.profile.probed() else {
            return Ok(());
        };
        let confuses = !found.honours(Condition::CopySource) && !found.honours(Condition::PartSourceKey);
        if confuses && object_name.contains('%') {
            let rule = "must not contain '%': this store decodes the source of UploadPartCopy twice, and would copy another draft";
            return Err(Violation::new("object_name", rule));
        }
        Ok(())
    }

    async fn confirm_checked(&self, checked: Checked) -> Result<Confirmed, Error> {
        let drafts = self.clone();
        let running = async move {
            let limit = drafts.shared.confirm_limits.timeout;
            let confirmed = timeout(limit, drafts.run_confirm(checked)).await;
            let confirmed = confirmed.unwrap_or_else(|elapsed| Err(Error::StoreUnavailable(Box::new(elapsed))));
            drafts.observe_confirmed(&confirmed);
            confirmed
        };
        let running = self.shared.tasks.spawn(running.in_current_span());
        running.await?
    }

    async fn run_confirm(&self, checked: Checked) -> Result<Confirmed, Error> {
        let keys = checked.keys.clone();
        self.require_options(&checked.options).await?;
        self.require_unconfirmed_elsewhere(&checked).await?;
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock([&keys]).await;
        let mut running = self.running(checked.clone(), None);
        running.run(self).await;
        let mut ended = running.end(self).await;
        if matches!(ended, Err(Error::NotFound(Missing::Draft))) && self.complete_idle(&keys.draft).await? {
            let mut running = self.running(checked.clone(), None);
            running.run(self).await;
            ended = running.end(self).await;
        }
        if matches!(ended, Err(Error::NotFound(Missing::Draft))) {
            self.refuse_other_place(&checked, None).await?;
        }
        Ok(Confirmed::new(self.location(&keys), ended?))
    }

    /// Returns `true` if an object in main was made from this version of a draft for good, so that the draft is about to be
    /// deleted.
    pub(super) async fn was_confirmed(
        &self,
        keys: &Keys,
        draft: &ETag,
        main: &ObjectInfo,
    ) -> Result<bool, StorageError> {
        let now = self.shared.clock.now();
        let secrets = self.shared.secrets.current();
        for digest in secrets.digests(&["draft", keys.main.as_str(), keys.draft.as_str()]) {
            let digests = MarkerDigests {
                draft: digest,
                request: None,
            };
            match digests.provenance(main, draft, now) {
                Provenance::Other => {}
                Provenance::Draft => return Ok(true),
                Provenance::DraftInBatch(batch) => {
                    let settlement = self.head_draft(&settlement_key(batch)).await?;
                    return Ok(settlement.is_some());
                }
            }
        }
        Ok(false)
    }

    /// Returns the bucket and the name of an object in main.
    fn location(&self, keys: &Keys) -> String {
        let key = keys.main.as_str();
        let name = self.name_in_main(key).unwrap_or(key);
        let prefix = self.place.as_ref().map_or("", |place| place.prefix.as_str());
        format!("{}/{prefix}{name}", self.shared.store.buckets.main.name())
    }
}
