//! Watches of drafts: the state of a draft when a caller asks, and whenever it changes.
//!
//! `poller` polls each watched draft for all its watches. `state` has the states that callers see.

mod poller;
mod state;

use draftstore_storage::{Error as StorageError, Operation};
use tokio::sync::watch::Receiver;
use tokio::time::sleep;

pub(super) use self::poller::WatchedDrafts;
use self::poller::{LookFailed, Observation, Seen, stopped};
pub use self::state::DraftState;
use self::state::Known;
use super::Drafts;
use super::draft_ref::{DraftName, DraftRef};
use crate::{Error, Missing, Scope};

/// A request to watch a draft, not yet validated.
#[derive(Debug, Clone, Default)]
pub struct WatchDraft {
    /// The draft to watch.
    pub draft: DraftName,
    /// The [`DraftState::id`] of the last state that the caller has. A text that is no ID is that of no state.
    pub last_state_id: Option<String>,
}

/// A watch of a draft. Dropping it ends it.
#[derive(Debug)]
pub struct DraftWatch {
    drafts: Drafts,
    draft: DraftRef,
    observed: Receiver<Observation>,
    /// The knowledge that the caller has of the draft.
    known: Known,
    has_ended: bool,
}

impl Drafts {
    /// Begins to watch a draft. All watches of a draft on this server share the calls to the store.
    ///
    /// # Errors
    /// Returns [`Error::Invalid`], which names every field that breaks a rule, [`Error::NotFound`] if there is neither a draft
    /// nor the ID of one that can still be uploaded, or an error of the store.
    pub async fn watch(&self, request: &WatchDraft) -> Result<DraftWatch, Error> {
        self.caller.require(Scope::Inspect)?;
        let draft = self.parse_draft(&request.draft)?;
        let mut watch = DraftWatch {
            observed: self.observe(&draft),
            drafts: self.clone(),
            draft,
            known: request.last_state_id.as_deref().map(Known::of_id).unwrap_or_default(),
            has_ended: false,
        };
        let begun_before = watch.observed.borrow().begun;
        let mut state = watch.first_state(0).await?;
        if state.is_final() && begun_before > 0 {
            // The draft may have been uploaded again since the poller began to look for others.
            watch.drafts.shared.watched.changed(&watch.draft.key);
            state = watch.first_state(begun_before).await?;
        }
        watch.has_ended = state.is_final() && watch.known.is(&state);
        watch.observed.mark_changed();
        Ok(watch)
    }
}

impl DraftWatch {
    /// Returns true if the caller has the final state, so that none is left to return.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Waits for a state that the caller does not have, and returns it. Returns `None` after a final state or an error.
    /// A state that another one follows at once may be left out.
    pub async fn next(&mut self) -> Option<Result<DraftState, Error>> {
        while !self.has_ended {
            let seen = self.next_seen().await;
            let state = seen.map(|seen| self.state(&seen).unwrap_or(DraftState::Gone));
            self.has_ended = state.as_ref().map_or(true, DraftState::is_final);
            match state {
                Ok(state) if self.known.is(&state) => {}
                Ok(state) => {
                    self.known = Known::of_state(&state);
                    return Some(Ok(state));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    /// Returns the state after more than this number of polls.
    async fn first_state(&mut self, looks: u64) -> Result<DraftState, Error> {
        // A poller that has ended has seen what does not change.
        let _ = self.observed.wait_for(|observed| observed.looks > looks).await;
        let observed = self.observed.borrow().seen.clone();
        let seen = observed.unwrap_or_else(|| Err(stopped()));
        let seen = seen.map_err(|failed| self.failure(failed))?;
        self.state(&seen).ok_or(Error::NotFound(Missing::Draft))
    }

    /// Waits for the next observation, or for the moment at which the draft can no longer be uploaded.
    async fn next_seen(&mut self) -> Result<Seen, Error> {
        let now = self.drafts.shared.clock.now();
        let left = self.draft.id.and_then(|id| id.expires_at().duration_since(now).ok());
        let changed = match left.filter(|_| self.known == Known::Waiting) {
            Some(left) => tokio::select! {
                changed = self.observed.changed() => changed,
                () = sleep(left) => Ok(()),
            },
            None => self.observed.changed().await,
        };
        let observed = self.observed.borrow_and_update().seen.clone();
        let observed = observed.filter(|_| changed.is_ok());
        observed
            .unwrap_or_else(|| Err(stopped()))
            .map_err(|failed| self.failure(failed))
    }

    fn failure(&self, LookFailed { kind, why }: LookFailed) -> Error {
        let error = StorageError {
            kind,
            operation: Operation::HeadObject,
            bucket: self.drafts.draft_bucket().clone(),
            key: Some(self.draft.key.clone()),
            source: why.into(),
        };
        error.into()
    }

    /// Returns the state of the draft for this caller, or `None` if there is no such draft.
    fn state(&self, seen: &Seen) -> Option<DraftState> {
        let shared = &self.drafts.shared;
        let now = shared.clock.now();
        let can_arrive_until = self.draft.id.and_then(|id| shared.policy.can_arrive_until(id, now));
        state::of(seen, &self.known, self.draft.id.is_some(), can_arrive_until)
    }
}
