//! Keeping a draft: the protocol by which bytes get from draft to main.
//!
//! A confirm must hold under everything that happens to distributed calls: the process dies between two of them, an
//! answer is lost, two backends confirm at once, a client uploads again in the middle. The store is the only state, so
//! the confirm leaves its trace there, in the same act that makes the object: a `marker` in main's metadata says
//! which version of which draft it was made from. Whatever is unclear is resolved by reading the marker, not by guessing.
//!
//! 1. HEAD the draft. If it is gone, or not the one pinned, and main's marker names it, an earlier confirm succeeded:
//!    answer as that one did.
//! 2. Copy inside the store, with the marker, on condition that the draft still is the version that was looked at, and
//!    that main still is empty. Where something may be replaced, or the store does not honour that condition, HEAD main
//!    first: this draft's marker: go to 4. This confirm's idempotency key: answer as the earlier confirm did. Another
//!    object: refuse, or copy on condition that main still is that version. Over 5 GiB the copy is staged part by part,
//!    each on the same condition, and completed at once; where the store ignores that condition, after another look at the
//!    draft. So is, there, a draft whose `ETag` is not the sum of its bytes: once in main, it could not be told from others.
//! 3. A refused condition, a conflict, a time-out or a lost answer: HEAD main. This draft's marker: it succeeded. Another
//!    object: refuse. As it was: try again, a few times.
//! 4. HEAD main: size and checksum must be the draft's.
//! 5. Delete the draft, on condition that it still is that version. Failing here fails nothing: the sweep collects it.
//!
//! A crash after any step leaves either an untouched main, or a whole object with its marker; a repeated confirm
//! finishes the work. `protocol` holds these rules without any I/O, `plan` says what changes on stores that ignore a
//! condition, `driver` performs what is asked for, `batch` keeps many together.

mod batch;
mod driver;
pub(crate) mod effect;
mod limits;
mod locks;
pub(crate) mod marker;
pub(crate) mod plan;
pub(crate) mod protocol;
mod request;
pub(crate) mod settlement;
mod staging;

use tokio::time::timeout;
use tracing::Instrument as _;

pub use batch::{ConfirmBatch, MAX_BATCH};
pub use limits::{ConfirmLimits, DEFAULT_CONFIRM_TIMEOUT, MAX_COPY_BYTES};
pub(super) use locks::Locks;
pub(super) use marker::MARKER_PREFIX;
pub use request::{ConfirmUpload, Confirmed};
pub(crate) use staging::StagingNote;

use self::request::Checked;
use super::Drafts;
use super::keys::Keys;
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
