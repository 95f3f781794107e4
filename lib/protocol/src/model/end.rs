//! The end of a schedule: running tasks end, failed confirms are repeated, and expired drafts are swept.

use super::audit::{Broken, broken};
use super::checking::accepts;
use super::spec::{LIFETIME, TIMEOUT};
use super::store::Object;
use super::world::World;
use crate::confirm::{ConfirmError, Existing, HELD_FOR};

impl World {
    /// Ends every task without faults, and checks the final state.
    pub(super) fn come_to_an_end(&mut self) -> Result<(), Broken> {
        while self.in_limbo() > 0 {
            self.land(0)?;
        }
        self.run_all()?;
        self.drain()?;
        self.everything_can_be_finished()?;
        self.drain()?;
        self.everything_expires()
    }

    /// Checks I5 and I6: a confirm that succeeded succeeds again, and one that failed succeeds or has a valid reason to
    /// fail.
    fn everything_can_be_finished(&mut self) -> Result<(), Broken> {
        self.pass_time(TIMEOUT.max(HELD_FOR.as_secs()) + 1);
        let ended: Vec<_> = std::mem::take(&mut self.ended);
        for (spec, answer) in ended {
            let draft = self.store.draft.get(&spec.draft_key).cloned();
            let kept_from = self.audit.kept_from(&spec.main_key, &spec.draft_key);
            let draft_is_the_kept = draft.as_ref().is_none_or(|draft| Some(draft.content) == kept_from);
            let was_ok = matches!(answer, Some(Ok(_)));
            let main = self.store.main.get(&spec.main_key).cloned();
            let has_key = self.audit.has_key(&spec);
            let must_replay = was_ok
                && matches!(spec.existing, Existing::Keep)
                && (draft_is_the_kept && spec.pins.if_match.is_none() || has_key)
                && self.audit.is_kept(&spec);
            self.begin_confirm(0, spec.clone());
            self.run_all()?;
            let (_, again) = self.ended.pop().unwrap_or((spec.clone(), None));
            let legitimate = match &again {
                Some(Ok(_)) => true,
                Some(Err(ConfirmError::AlreadyExists)) => main.is_some() && !must_replay,
                Some(Err(ConfirmError::Rejected(_))) => {
                    let is_rejected = |draft: &Object| !accepts(draft.content, self.checks);
                    draft.as_ref().is_some_and(is_rejected) && !must_replay
                }
                Some(Err(ConfirmError::DraftNotFound)) => draft.is_none() && !must_replay,
                Some(Err(ConfirmError::KeyReused)) => has_key && self.audit.has_reused_key(&spec),
                Some(Err(ConfirmError::PinMismatch {
                    pin: "overwrite_if_match",
                })) => {
                    matches!(spec.existing, Existing::Replace(Some(_)))
                }
                Some(Err(ConfirmError::PinMismatch { .. })) => {
                    let pinned = |draft: &Object| Some(&draft.info.etag) == spec.pins.if_match.as_ref();
                    !draft.as_ref().is_some_and(pinned) || has_key
                }
                Some(Err(_)) | None => false,
            };
            if !legitimate {
                return broken(format!("I5, I6: {spec:?} was answered {answer:?}, and then {again:?}"));
            }
        }
        Ok(())
    }

    /// Checks I4: after one sweep nothing is left. A second sweep removes what confirms left behind in the meantime.
    fn everything_expires(&mut self) -> Result<(), Broken> {
        self.pass_time(10 * LIFETIME);
        for _ in 0..2 {
            for slice in self.slices() {
                self.begin_sweep(0, slice)?;
                self.run_all()?;
            }
        }
        let store = &self.store;
        if !store.draft.is_empty() || !store.uploads.is_empty() || !store.staged.is_empty() {
            return broken(format!(
                "I4: left after two sweeps: {:?} {:?} {:?}",
                store.draft, store.uploads, store.staged
            ));
        }
        Ok(())
    }
}
