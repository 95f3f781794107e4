//! Confirming, by driving [`draftstore_protocol::confirm`] over the store.
//!
//! `driver` performs what the protocol asks for, `batch` drives many together, `locks` stand in for conditions that the
//! store does not honour. Nothing here decides what follows from an answer.

mod batch;
mod driver;
mod limits;
mod locks;
mod request;

use tokio::time::timeout;
use tracing::Instrument as _;

pub use batch::ConfirmBatch;
pub use draftstore_protocol::confirm::MAX_COPY_BYTES;
pub use limits::{ConfirmLimits, DEFAULT_CONFIRM_TIMEOUT};
pub(super) use locks::Locks;
pub use request::{ConfirmUpload, Confirmed};

use self::request::Checked;
use super::Drafts;
use super::draft_ref::Keys;
use crate::{Error, Scope};

impl Drafts {
    /// Keeps a draft. Idempotent: any number of concurrent or repeated confirms have one effect and the same answer.
    ///
    /// Once begun it runs to its end, even if the caller goes away, but not longer than [`ConfirmLimits::timeout`].
    ///
    /// # Errors
    /// [`Error::Invalid`] naming every field that breaks a rule; [`Error::NotFound`] when there is no such draft and
    /// none was confirmed; [`Error::PinMismatch`] when the draft is another version than the one pinned;
    /// [`Error::AlreadyExists`] when main holds another object; [`Error::StoreUnavailable`] when the store failed, or
    /// time ran out: the same confirm may then be sent again.
    pub async fn confirm(&self, request: &ConfirmUpload) -> Result<Confirmed, Error> {
        self.caller.may(Scope::Confirm)?;
        self.confirm_checked(request.check(self)?).await
    }

    async fn confirm_checked(&self, checked: Checked) -> Result<Confirmed, Error> {
        let drafts = self.clone();
        let running = async move {
            let limit = drafts.shared.confirm_limits.timeout;
            let confirmed = timeout(limit, drafts.run_confirm(checked)).await;
            let confirmed = confirmed.unwrap_or_else(|elapsed| Err(Error::StoreUnavailable(Box::new(elapsed))));
            drafts.tell_confirmed(&confirmed);
            confirmed
        };
        let running = self.shared.confirms.spawn(running.in_current_span());
        running.await?
    }

    async fn run_confirm(&self, checked: Checked) -> Result<Confirmed, Error> {
        let keys = checked.keys.clone();
        self.shared.store.probe_if_unknown().await;
        let _locked = self.lock([&keys]).await;
        let mut running = self.running(checked, None);
        running.run(self).await;
        Ok(Confirmed::new(self.location(&keys), running.end()?))
    }

    fn location(&self, keys: &Keys) -> String {
        format!("{}/{}", self.shared.store.buckets.main.name(), keys.main)
    }
}
