//! The steps after a copy: its outcome, and the object in main.

use draftstore_storage::{ETag, ErrorKind, ObjectInfo, StagedCopy};

use super::super::effect::{Effect, Kept, Step};
use super::super::error::{ConfirmError, Contradiction, Unresolved};
use super::super::marker::{self, KeyUse};
use super::{After, Copying, Protocol, Seen, State, Then};
use crate::StoreError;

impl<E: StoreError> Protocol<E> {
    pub(super) fn on_copied(
        &mut self,
        copying: Copying,
        staged: Option<StagedCopy>,
        copied: Result<ETag, E>,
    ) -> Step<E> {
        let Err(error) = copied else {
            return self.look(State::ReadBack(copying));
        };
        match error.kind() {
            ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                self.copy_in_doubt |= error.kind() == ErrorKind::Unavailable;
                self.look(State::Outcome(copying, staged, error))
            }
            ErrorKind::BucketNotFound
            | ErrorKind::TooLarge
            | ErrorKind::CredentialsRefused
            | ErrorKind::Archived
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => self.give_up(staged, After::Finish(Err(ConfirmError::Store(error)))),
        }
    }

    pub(super) fn on_outcome(
        &mut self,
        copying: Copying,
        staged: Option<StagedCopy>,
        error: E,
        main: Option<ObjectInfo>,
    ) -> Step<E> {
        let unchanged = main.as_ref().map(|main| &main.etag) == copying.main_etag.as_ref();
        // A swapped copy is nobody's result. If it was to be replaced, it counts as nothing.
        let swapped = main.as_ref().is_some_and(|main| self.is_swapped(main));
        match main.filter(|_| !(swapped && unchanged)) {
            Some(main) if swapped => {
                self.has_seen_swap = true;
                let after = if self.is_held(&main) || self.copies_left == 0 {
                    After::Finish(Err(ConfirmError::Unresolved(Unresolved::Swapped)))
                } else {
                    After::CopyAgain(Copying {
                        draft: copying.draft,
                        main_etag: Some(main.etag),
                        replaced: main.version_id,
                    })
                };
                self.give_up(staged, after)
            }
            Some(main) if self.key_use(&main) == KeyUse::OtherRequest => {
                self.give_up(staged, After::Finish(Err(ConfirmError::KeyReused)))
            }
            Some(main) if self.is_copy(&copying.draft, &main) => {
                let replayed = !self.copy_in_doubt;
                let seen = Seen {
                    draft: copying.draft,
                    main,
                    replayed,
                    replaced: copying.replaced.filter(|_| !replayed),
                };
                self.give_up(staged, After::ReadBack(Box::new(seen)))
            }
            Some(main) if self.key_use(&main) == KeyUse::SameRequest => {
                let after = match self.broken_by_replay(&main) {
                    Some(pin) => After::Finish(Err(ConfirmError::PinMismatch { pin })),
                    None => After::Replay(main),
                };
                self.give_up(staged, after)
            }
            _ if !unchanged => {
                let refused = self.main_is_another();
                self.give_up(staged, After::Finish(Err(refused)))
            }
            _ if self.copies_left == 0 => self.give_up(
                staged,
                After::Finish(Err(ConfirmError::Unresolved(Unresolved::Copy(error)))),
            ),
            _ if matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound) => {
                self.give_up(staged, After::LookAtDraft)
            }
            _ => self.give_up(staged, After::CopyAgain(copying)),
        }
    }

    /// Aborts the staged copy, so that a failed copy leaves nothing behind.
    fn give_up(&mut self, staged: Option<StagedCopy>, after: After<E>) -> Step<E> {
        match staged {
            Some(staged) => self.unstage(staged, after),
            None => self.on_unstaged(after),
        }
    }

    pub(super) fn unstage(&mut self, staged: StagedCopy, after: After<E>) -> Step<E> {
        self.state = State::Unstage(after);
        Step::Perform(Effect::Unstage { staged })
    }

    pub(super) fn on_unstaged(&mut self, after: After<E>) -> Step<E> {
        match after {
            After::Finish(result) => Step::Finish(result),
            After::ReadBack(seen) => self.on_read_back(*seen),
            After::Replay(main) => self.replay(main, Then::Answer),
            After::LookAtDraft => self.look_at_draft(),
            After::CopyAgain(copying) => self.copy(copying),
        }
    }

    pub(super) fn on_read_back(&mut self, seen: Seen) -> Step<E> {
        let Seen {
            draft,
            main,
            replayed,
            replaced,
        } = seen;
        if !self.is_copy(&draft, &main) {
            return Step::Finish(Err(self.main_is_another()));
        }
        if self.is_swapped(&main) {
            return self.undo_swap(main, !replayed && !self.copy_in_doubt);
        }
        if !is_whole(&draft, &main) {
            return Step::Finish(Err(ConfirmError::Contradiction(Contradiction::CopyDiffers)));
        }
        // After a lost answer, another confirm may have made the object. A batch only undoes objects with its own mark.
        let of_batch = marker::batch_of(&main.attributes.metadata);
        if replayed || of_batch != self.confirm.batch {
            return self.replay(main, Then::Hold(draft.etag));
        }
        let kept = Kept {
            main,
            replayed,
            leftover: None,
            replaced,
        };
        self.hold(draft.etag, kept)
    }

    /// Continues with the object of an earlier confirm. A batch that has not settled may still undo its object.
    pub(super) fn replay(&mut self, main: ObjectInfo, then: Then) -> Step<E> {
        let confirm = &self.confirm;
        match marker::held_by(&main.attributes.metadata, confirm.batch, confirm.now) {
            Some(batch) => {
                self.state = State::Settlement(main, then);
                Step::Perform(Effect::HeadSettlement { batch })
            }
            None => self.go_on(main, then),
        }
    }

    pub(super) fn on_settlement(&mut self, main: ObjectInfo, then: Then, settlement: Option<&ObjectInfo>) -> Step<E> {
        match settlement {
            Some(_) => self.go_on(main, then),
            None => Step::Finish(Err(ConfirmError::Unresolved(Unresolved::HeldByBatch))),
        }
    }

    fn go_on(&mut self, main: ObjectInfo, then: Then) -> Step<E> {
        let kept = |main| Kept {
            main,
            replayed: true,
            leftover: None,
            replaced: None,
        };
        match then {
            Then::Answer => Step::Finish(Ok(kept(main))),
            Then::Hold(draft_etag) => self.hold(draft_etag, kept(main)),
            Then::CopyOver(draft) => self.copy(Copying {
                draft: *draft,
                main_etag: Some(main.etag),
                replaced: main.version_id,
            }),
        }
    }
}

/// Returns true if the object has the size of the draft, and its checksum if both have one.
fn is_whole(draft: &ObjectInfo, main: &ObjectInfo) -> bool {
    let same_checksum = match (draft.checksum_sha256, main.checksum_sha256) {
        (Some(draft), Some(main)) => draft == main,
        (None, _) | (_, None) => true,
    };
    main.size == draft.size && same_checksum
}
