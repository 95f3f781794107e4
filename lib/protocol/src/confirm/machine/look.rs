//! The steps before a copy: looks up the draft, and the object in main.

use draftstore_storage::ObjectInfo;

use super::super::effect::Step;
use super::super::error::ConfirmError;
use super::super::marker::KeyUse;
use super::super::request::Existing;
use super::{Copying, Protocol, Seen, State, Then};
use crate::StoreError;

impl<E: StoreError> Protocol<E> {
    pub(super) fn on_draft(&mut self, draft: Option<ObjectInfo>) -> Step<E> {
        let Some(draft) = draft else {
            return self.look(State::Earlier(ConfirmError::DraftNotFound));
        };
        if let Some(pin) = self.confirm.pins.broken_by_draft(&draft) {
            return self.look(State::Earlier(ConfirmError::PinMismatch { pin }));
        }
        if self.is_accepted(&draft) {
            self.on_accepted(draft)
        } else {
            self.ask_for_verdict(draft)
        }
    }

    /// Continues with a draft that may be copied.
    pub(super) fn on_accepted(&mut self, draft: ObjectInfo) -> Step<E> {
        let keeps = matches!(self.confirm.existing, Existing::Keep) && self.confirm.batch.is_none();
        if keeps && self.confirm.plan.keeps_existing() && !self.is_staged(&draft) {
            // The copy itself fails if main is not empty.
            return self.copy(Copying::to_free(draft));
        }
        self.look(State::Main(draft))
    }

    pub(super) fn on_earlier(&mut self, main: Option<ObjectInfo>, otherwise: ConfirmError<E>) -> Step<E> {
        let Some(main) = main else {
            return Step::Finish(Err(otherwise));
        };
        match self.key_use(&main) {
            _ if self.is_swapped(&main) => Step::Finish(Err(otherwise)),
            KeyUse::OtherRequest => Step::Finish(Err(ConfirmError::KeyReused)),
            KeyUse::SameRequest => self.replay_by_key(main),
            KeyUse::None => {
                let pins = &self.confirm.pins;
                let named = self.is_of_draft(&main, pins.if_match.as_ref());
                if named && pins.broken_by_copy(&main).is_none() {
                    self.replay(main, Then::Answer)
                } else {
                    Step::Finish(Err(otherwise))
                }
            }
        }
    }

    pub(super) fn on_main(&mut self, draft: ObjectInfo, main: Option<ObjectInfo>) -> Step<E> {
        let main = match main {
            Some(main) if self.is_swapped(&main) => return self.replace_swapped(draft, main),
            Some(main) if self.key_use(&main) == KeyUse::OtherRequest => {
                return Step::Finish(Err(ConfirmError::KeyReused));
            }
            Some(main) if self.is_copy(&draft, &main) => {
                return self.on_read_back(Seen {
                    draft,
                    main,
                    replayed: true,
                    replaced: None,
                });
            }
            Some(main) if self.key_use(&main) == KeyUse::SameRequest => return self.replay_by_key(main),
            main => main,
        };
        match (main, &self.confirm.existing) {
            (None, Existing::Keep | Existing::Replace(None)) => self.copy(Copying::to_free(draft)),
            (Some(main), Existing::Replace(expected)) if expected.as_ref().is_none_or(|etag| *etag == main.etag) => {
                self.replay(main, Then::CopyOver(Box::new(draft)))
            }
            (Some(_), Existing::Keep) | (_, Existing::Replace(_)) => Step::Finish(Err(self.main_is_another())),
        }
    }

    /// Returns the result of the same request, if its object matches the pins of this one.
    pub(super) fn replay_by_key(&mut self, main: ObjectInfo) -> Step<E> {
        match self.broken_by_replay(&main) {
            Some(pin) => Step::Finish(Err(ConfirmError::PinMismatch { pin })),
            None => self.replay(main, Then::Answer),
        }
    }
}
