//! The copy of an object in main under another name, its move, and its update in place, as one state machine. An update is a
//! copy of the object onto itself, with other attributes.
//!
//! 1. Look up the source. Another version than the caller's: fail. An object that its confirm or its batch may undo: fail. A
//!    retention in force that would end earlier: fail. A legal hold that the caller releases is released first, so that
//!    neither this version nor a repeat is left with it.
//! 2. Look up the destination. With the mark of this very request, an earlier call has copied the object: go on to step 5,
//!    unless a copy without a key would now have other attributes. With the same idempotency key and another request: fail. An
//!    object that may not be replaced: fail. A move over a recent object of the same `ETag`: fail, since another move may be
//!    about to delete it.
//! 3. Copy, on condition that the source is still what step 1 found, and the destination what step 2 found. Large objects
//!    are copied in parts, which become visible together.
//! 4. After a failed condition, a conflict or a lost answer: look up the destination. With the mark: the copy succeeded, in this
//!    call or an earlier one, after which the object may have been moved back. No change: begin again, a few times. Another
//!    object: fail, since another call was faster.
//! 5. Look up the destination, which has to have the mark and the size, unless the answer to the copy had the `ETag` of the
//!    source, where that is the MD5 of the bytes. A move then deletes the source, on condition that it is still that version.
//!    So there is always at least one copy, and a repeat completes a move that was interrupted.
//! 6. After a delete that failed: look up the source. Nothing there: it is moved, if an answer was lost or an earlier call has
//!    made the copy. Otherwise another call has moved or deleted it: fail, and leave the copy, which may be the last one.

mod attributes;
mod effect;
mod source;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::SystemTime;

use draftstore_storage::{
    ETag, ErrorKind, MediaType, ObjectInfo, RetentionMode, StagedCopy, StorageOptions, StoredAttributes, VersionCopied,
};

pub use self::attributes::{Changes, Removed};
pub use self::effect::{TransferAnswer, TransferEffect, TransferError, TransferStep, Transferred};
pub use self::source::Source;
use crate::StoreError;
use crate::confirm::{
    BatchId, Existing, HELD_FOR, MARKER_PREFIX, MarkerDigest, copied_etag, has_key, held_by, is_copied_by,
    may_undo_swap,
};

/// The maximum number of copies, and of deletes, before the caller must repeat the call.
const MAX_ATTEMPTS: u8 = 3;

/// The parameters of one transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// The kind of the transfer.
    pub kind: TransferKind,
    /// The digest that identifies the request at the destination.
    pub request: MarkerDigest,
    /// The digest of the idempotency key, if the request has one: a repeat is then answered whatever the source has become.
    pub key: Option<MarkerDigest>,
    /// The version of the source. By default, the one that the first look finds.
    pub if_match: Option<ETag>,
    /// The treatment of an object at the destination. Without meaning for an update.
    pub existing: Existing,
    /// The attributes that the new object has instead of those of the source.
    pub changes: Changes,
    /// The size in bytes above which an object is copied part by part.
    pub max_copy_bytes: u64,
    /// Set if a copy by itself never replaces an object, so that the destination needs no look before.
    pub keeps_existing: bool,
    /// The time at which the transfer began.
    pub now: SystemTime,
    /// Set if the store's `ETag`s show a copy of another version of the draft.
    pub proves_copies: bool,
}

/// The kind of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransferKind {
    /// A copy, after which the source stays.
    Copy,
    /// A move, after which the source is deleted.
    Move,
    /// A copy onto the source itself, with other attributes.
    Update,
}

/// A transfer in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transferring<E> {
    transfer: Transfer,
    copies_left: u8,
    deletes_left: u8,
    /// Set if the answer to a copy was lost, so that this call may have made an object with the mark.
    copy_in_doubt: bool,
    /// Set if the answer to a delete was lost, so that this call may have deleted the source.
    delete_in_doubt: bool,
    state: State<E>,
}

/// The answer that the transfer waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State<E> {
    /// The lookup of the source.
    Source,
    /// The lookup of the destination, to learn if an earlier call succeeded. If not, the transfer ends with this error.
    Earlier(TransferError<E>),
    /// The lookup of the settlement of the batch that made the source.
    SourceSettlement(Box<Source>),
    /// The release of the legal hold of the source.
    Release(Box<Source>),
    /// The lookup of the destination, before the copy.
    Destination(Box<Source>),
    /// The lookup of the settlement of the batch that made the object to be replaced.
    Settlement(Box<Copying>),
    /// The copy.
    Copy(Box<Copying>),
    /// The parts of the copy.
    Stage(Box<Copying>),
    /// The completion of the parts.
    Complete(Box<Copying>, StagedCopy),
    /// The abort of the parts, after this error.
    Unstage(Box<Copying>, E),
    /// The lookup of the destination, to learn the outcome of a copy that ended in this error.
    Outcome(Box<Copying>, E),
    /// The lookup of the destination, after the copy.
    ReadBack(Box<Copying>),
    /// The delete of the source.
    Delete(Transferred, Box<ObjectInfo>),
    /// The lookup of the source, to learn the outcome of a delete that ended in this error.
    Deleted(Transferred, Box<ObjectInfo>, E),
    /// No answer: the transfer has ended.
    Over,
}

/// A source that is copied over an object, or to a free name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Copying {
    source: Source,
    main: Option<ObjectInfo>,
}

impl<E: StoreError> Transferring<E> {
    /// Starts a transfer, and returns its first effect.
    pub fn start(transfer: Transfer) -> (Self, TransferEffect) {
        let transferring = Self {
            transfer,
            copies_left: MAX_ATTEMPTS,
            deletes_left: MAX_ATTEMPTS,
            copy_in_doubt: false,
            delete_in_doubt: false,
            state: State::Source,
        };
        (transferring, TransferEffect::FindSource)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on(&mut self, answer: TransferAnswer<E>) -> TransferStep<E> {
        use TransferAnswer::{Completed, Copied, Deleted, Done, Head, Released, Source, Staged};
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Source, Source(Err(error)))
            | (State::Release(_), Released(Err(error)))
            | (
                State::Source
                | State::Earlier(_)
                | State::SourceSettlement(_)
                | State::Destination(_)
                | State::Settlement(_)
                | State::Outcome(..)
                | State::ReadBack(_)
                | State::Deleted(..),
                Head(Err(error)),
            ) => failed(TransferError::Store(error)),
            (State::Source, Source(Ok(source))) => self.on_source(source),
            (State::Earlier(otherwise), Head(Ok(main))) => self.on_earlier(main, otherwise),
            (State::SourceSettlement(_) | State::Settlement(_), Head(Ok(None))) => failed(TransferError::Held),
            (State::SourceSettlement(source), Head(Ok(Some(_)))) => self.on_stable_source(*source),
            (State::Release(source), Released(Ok(()))) => self.on_released(*source),
            (State::Destination(source), Head(Ok(main))) => self.on_destination(*source, main),
            (State::Settlement(copying), Head(Ok(Some(_)))) => self.copy(*copying),
            (State::Copy(copying), Copied(Ok(copied))) => self.on_copied(copying, copied),
            (State::Complete(copying, _), Completed(Ok(()))) => self.head_destination(State::ReadBack(copying)),
            (State::Copy(copying), Copied(Err(error))) | (State::Stage(copying), Staged(Err(error))) => {
                self.on_failed(copying, error)
            }
            (State::Stage(copying), Staged(Ok(staged))) => self.complete(copying, staged),
            (State::Complete(copying, staged), Completed(Err(error))) => {
                self.state = State::Unstage(copying, error);
                TransferStep::Perform(TransferEffect::Unstage { staged })
            }
            (State::Unstage(copying, error), Done) => self.on_failed(copying, error),
            (State::Outcome(copying, error), Head(Ok(main))) => self.on_outcome(*copying, error, main),
            (State::ReadBack(copying), Head(Ok(main))) => self.on_made(*copying, main, true),
            (State::Delete(transferred, _), Deleted(Ok(()))) => TransferStep::Finish(Ok(transferred)),
            (State::Delete(transferred, source), Deleted(Err(error))) => {
                self.on_delete_failed(transferred, source, error)
            }
            (State::Deleted(transferred, source, error), Head(Ok(now))) => {
                self.on_delete_outcome(transferred, source, error, now.as_ref())
            }
            (_, Source(_) | Head(_) | Released(_) | Copied(_) | Completed(_) | Staged(_) | Done | Deleted(_)) => {
                failed(TransferError::OutOfStep)
            }
        }
    }

    fn on_source(&mut self, source: Option<Source>) -> TransferStep<E> {
        let kind = self.transfer.kind;
        let Some(source) = source else {
            let missing = TransferError::NotFound;
            return match kind {
                TransferKind::Copy | TransferKind::Move => self.head_destination(State::Earlier(missing)),
                TransferKind::Update => failed(missing),
            };
        };
        let pinned = self.transfer.if_match.as_ref();
        if kind == TransferKind::Update && self.is_done(&source.info, None) && self.has_the_hold(&source) {
            return end(source.info);
        }
        if pinned.is_some_and(|etag| *etag != source.info.etag) {
            let mismatch = TransferError::PinMismatch { pin: "if_match" };
            return match kind {
                TransferKind::Copy => self.head_destination(State::Earlier(mismatch)),
                TransferKind::Move | TransferKind::Update => failed(mismatch),
            };
        }
        match self.batch_that_holds(&source.info) {
            Err(held) => failed(held),
            Ok(Some(batch)) => {
                self.state = State::SourceSettlement(Box::new(source));
                TransferStep::Perform(TransferEffect::HeadSettlement { batch })
            }
            Ok(None) => self.on_stable_source(source),
        }
    }

    fn on_stable_source(&mut self, source: Source) -> TransferStep<E> {
        if let Err(shorter) = self.check_retention(&source) {
            return failed(shorter);
        }
        let released =
            self.transfer.kind != TransferKind::Copy && self.transfer.changes.options.legal_hold == Some(false);
        match &source.info.version_id {
            Some(version_id) if released && source.options.legal_hold == Some(true) => {
                let version_id = version_id.clone();
                self.state = State::Release(Box::new(source));
                TransferStep::Perform(TransferEffect::ReleaseHold { version_id })
            }
            _ => self.on_free_source(source),
        }
    }

    /// Goes on after the release of a legal hold, unless there is nothing else to do.
    fn on_released(&mut self, mut source: Source) -> TransferStep<E> {
        source.options.legal_hold = None;
        if self.transfer.kind == TransferKind::Update && self.changes_only_the_hold() {
            return TransferStep::Finish(Ok(Transferred {
                replayed: false,
                ..replay(source.info)
            }));
        }
        self.on_free_source(source)
    }

    fn on_free_source(&mut self, source: Source) -> TransferStep<E> {
        let is_released = self.transfer.changes.options.legal_hold == Some(false) && self.changes_only_the_hold();
        match self.transfer.kind {
            TransferKind::Copy | TransferKind::Move if self.copies_first(&source) => {
                self.copy(Copying { source, main: None })
            }
            TransferKind::Copy | TransferKind::Move => self.head_destination(State::Destination(Box::new(source))),
            TransferKind::Update if is_released || self.transfer.changes == Changes::default() => end(source.info),
            TransferKind::Update => {
                let main = Some(source.info.clone());
                self.copy(Copying { source, main })
            }
        }
    }

    /// Returns true if the changes are of the legal hold alone.
    fn changes_only_the_hold(&self) -> bool {
        let changes = &self.transfer.changes;
        let options = StorageOptions {
            legal_hold: changes.options.legal_hold,
            ..StorageOptions::NONE
        };
        *changes
            == Changes {
                options,
                ..Changes::default()
            }
    }

    /// Returns true if the source has the legal hold that the changes set, or has none if they release it.
    fn has_the_hold(&self, source: &Source) -> bool {
        let is_held = source.options.legal_hold == Some(true);
        self.transfer
            .changes
            .options
            .legal_hold
            .is_none_or(|held| held == is_held)
    }

    /// Checks that the object is kept as long as its source, under its name or where it is moved to.
    ///
    /// # Errors
    /// [`TransferError::ShorterRetention`] if a retention in force would end earlier, or get the weaker mode.
    fn check_retention(&self, source: &Source) -> Result<(), TransferError<E>> {
        let now = self.transfer.now;
        let in_force = source
            .options
            .retention
            .as_ref()
            .filter(|retention| retention.until > now);
        match (self.transfer.kind, in_force, &self.transfer.changes.options.retention) {
            (TransferKind::Update | TransferKind::Move, Some(old), Some(new))
                if new.until < old.until
                    || (old.mode == RetentionMode::Compliance && new.mode == RetentionMode::Governance) =>
            {
                Err(TransferError::ShorterRetention(old.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Returns true if the copy itself finds out if the destination is free. Parts are not copied for that.
    fn copies_first(&self, source: &Source) -> bool {
        let keeps = self.transfer.existing == Existing::Keep && self.transfer.keeps_existing;
        keeps && source.info.size <= self.transfer.max_copy_bytes
    }

    /// Ends the transfer if its source does not exist or has another version, unless an earlier call has made its object.
    fn on_earlier(&mut self, main: Option<ObjectInfo>, otherwise: TransferError<E>) -> TransferStep<E> {
        let is_moved = self.transfer.kind == TransferKind::Move;
        let expected = self.transfer.if_match.as_ref();
        match main {
            // A copy without a pin or a key is one of whatever the source was.
            Some(main)
                if self.is_done(&main, expected) && (is_moved || self.transfer.key.is_some() || expected.is_some()) =>
            {
                end(main)
            }
            Some(main) if self.reuses_key(&main) => failed(TransferError::KeyReused),
            Some(_) | None => failed(otherwise),
        }
    }

    fn on_destination(&mut self, source: Source, main: Option<ObjectInfo>) -> TransferStep<E> {
        let is_done =
            |main: &&ObjectInfo| self.is_done(main, Some(&source.info.etag)) && !self.is_outdated(&source, main);
        if let Some(main) = main.as_ref().filter(is_done) {
            return self.after_replay(replay(main.clone()), source.info);
        }
        if main.as_ref().is_some_and(|main| self.reuses_key(main)) {
            return failed(TransferError::KeyReused);
        }
        match (&self.transfer.existing, &main) {
            (Existing::Keep, Some(_)) => return failed(TransferError::AlreadyExists),
            (Existing::Replace(Some(etag)), main) if main.as_ref().is_none_or(|main| main.etag != *etag) => {
                return failed(TransferError::PinMismatch {
                    pin: "overwrite_if_match",
                });
            }
            (Existing::Keep | Existing::Replace(_), _) => {}
        }
        if main
            .as_ref()
            .is_some_and(|main| self.may_be_of_a_move(&source.info, main))
        {
            return failed(TransferError::Held);
        }
        let held = main.as_ref().map_or(Ok(None), |main| self.batch_that_holds(main));
        match held {
            Err(held) => failed(held),
            Ok(Some(batch)) => {
                self.state = State::Settlement(Box::new(Copying { source, main }));
                TransferStep::Perform(TransferEffect::HeadSettlement { batch })
            }
            Ok(None) => self.copy(Copying { source, main }),
        }
    }

    /// Returns true if a move may be on its way from the destination to the source, and is about to delete what is at the
    /// destination. That delete is conditional on the `ETag`, which a copy shares: two moves in opposite directions would
    /// each delete the copy of the other.
    fn may_be_of_a_move(&self, source: &ObjectInfo, main: &ObjectInfo) -> bool {
        let last_modified = source.last_modified.max(main.last_modified);
        let is_recent = self.transfer.now < last_modified + HELD_FOR;
        self.transfer.kind == TransferKind::Move && source.etag == main.etag && is_recent
    }

    fn copy(&mut self, copying: Copying) -> TransferStep<E> {
        self.copies_left = self.copies_left.saturating_sub(1);
        let source = &copying.source;
        let (source_etag, size) = (source.info.etag.clone(), source.info.size);
        let attributes = self.transfer.new_attributes(source);
        let effect = if size > self.transfer.max_copy_bytes {
            self.state = State::Stage(Box::new(copying));
            TransferEffect::Stage {
                source_etag,
                size,
                attributes,
            }
        } else {
            let main_etag = copying.main.as_ref().map(|main| main.etag.clone());
            self.state = State::Copy(Box::new(copying));
            TransferEffect::Copy {
                source_etag,
                main_etag,
                attributes,
            }
        };
        TransferStep::Perform(effect)
    }

    /// Goes on after a copy. An `ETag` that is the MD5 of the source's bytes proves that the new object has them.
    fn on_copied(&mut self, copying: Box<Copying>, copied: VersionCopied) -> TransferStep<E> {
        let source = &copying.source;
        let is_md5 = self.transfer.proves_copies && source.info.etag_is_md5;
        if !is_md5 || copied.etag != source.info.etag {
            return self.head_destination(State::ReadBack(copying));
        }
        let main = ObjectInfo {
            version_id: copied.version_id,
            attributes: StoredAttributes::from(self.transfer.new_attributes(source)),
            ..source.info.clone()
        };
        self.on_made(*copying, Some(main), true)
    }

    fn complete(&mut self, copying: Box<Copying>, staged: StagedCopy) -> TransferStep<E> {
        let main_etag = copying.main.as_ref().map(|main| main.etag.clone());
        self.state = State::Complete(copying, staged.clone());
        TransferStep::Perform(TransferEffect::Complete { staged, main_etag })
    }

    fn on_failed(&mut self, copying: Box<Copying>, error: E) -> TransferStep<E> {
        self.copy_in_doubt |= error.kind() == ErrorKind::Unavailable;
        match error.kind() {
            ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                self.head_destination(State::Outcome(copying, error))
            }
            ErrorKind::BucketNotFound
            | ErrorKind::TooLarge
            | ErrorKind::CredentialsRefused
            | ErrorKind::Archived
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => failed(TransferError::Store(error)),
        }
    }

    fn on_outcome(&mut self, copying: Copying, error: E, main: Option<ObjectInfo>) -> TransferStep<E> {
        let unchanged = main.as_ref().map(|main| &main.etag) == copying.main.as_ref().map(|main| &main.etag);
        match main {
            Some(main)
                if self.is_done(&main, Some(&copying.source.info.etag))
                    && !self.is_outdated(&copying.source, &main) =>
            {
                self.on_made(copying, Some(main), false)
            }
            Some(main) if self.reuses_key(&main) => failed(TransferError::KeyReused),
            _ if !unchanged => failed(match (&copying.main, &self.transfer.existing) {
                (None, Existing::Keep) => TransferError::AlreadyExists,
                (Some(_), _) | (None, Existing::Replace(_)) => TransferError::Changed,
            }),
            _ if self.copies_left == 0 => failed(TransferError::Unresolved(error)),
            // The source may be another, and the object at the destination another one of the same bytes.
            _ => {
                self.state = State::Source;
                TransferStep::Perform(TransferEffect::FindSource)
            }
        }
    }

    /// Goes on with an object of this request. It is certain that this call has made it if its copy was answered. Otherwise an
    /// earlier call may have, even if this one has lost the answer to a copy.
    fn on_made(&mut self, copying: Copying, main: Option<ObjectInfo>, is_certain: bool) -> TransferStep<E> {
        let source = copying.source.info;
        let Some(main) = main.filter(|main| self.is_done(main, Some(&source.etag))) else {
            return failed(TransferError::Changed);
        };
        let is_source = self.is_of(&main, &source.etag);
        let is_md5 = self.transfer.proves_copies && main.etag_is_md5 && source.etag_is_md5;
        if is_source && (main.size != source.size || (is_md5 && main.etag != source.etag)) {
            // Another call may have made the same update of another version.
            let is_of_another = self.transfer.kind == TransferKind::Update && !is_certain;
            return failed(if is_of_another {
                TransferError::Changed
            } else {
                TransferError::CopyDiffers
            });
        }
        let may_be_own = self.copy_in_doubt && source.last_modified <= main.last_modified;
        let is_own = is_source && (is_certain || may_be_own);
        let transferred = Transferred {
            main: Box::new(main),
            replaced: copying.main.filter(|_| is_own).and_then(|main| main.version_id),
            replayed: !is_own,
        };
        if is_source && is_certain {
            self.after_copy(transferred, source)
        } else {
            self.after_replay(transferred, source)
        }
    }

    /// Goes on with an object that an earlier call may have made. What is at the source may have come there since, perhaps by a
    /// move of this very object, which is then not to be deleted.
    fn after_replay(&mut self, transferred: Transferred, source: ObjectInfo) -> TransferStep<E> {
        let main = &transferred.main;
        let is_source = is_copy_of(main, &source.etag);
        let moved_back = is_copy_of(&source, &main.etag);
        match (self.transfer.kind, source.last_modified.cmp(&main.last_modified)) {
            (TransferKind::Move, Ordering::Greater) if is_source && self.transfer.key.is_none() => {
                failed(match self.transfer.existing {
                    Existing::Keep => TransferError::AlreadyExists,
                    Existing::Replace(_) => TransferError::Held,
                })
            }
            (TransferKind::Move, Ordering::Equal)
                if is_source && moved_back && self.transfer.now < main.last_modified + HELD_FOR =>
            {
                failed(TransferError::Held)
            }
            (TransferKind::Move, Ordering::Less | Ordering::Equal) if is_source => self.after_copy(transferred, source),
            (TransferKind::Copy | TransferKind::Move | TransferKind::Update, _) => {
                TransferStep::Finish(Ok(transferred))
            }
        }
    }

    /// Ends the transfer, or deletes the source of a move.
    fn after_copy(&mut self, transferred: Transferred, source: ObjectInfo) -> TransferStep<E> {
        match self.transfer.kind {
            TransferKind::Move => self.delete(transferred, Box::new(source)),
            TransferKind::Copy | TransferKind::Update => TransferStep::Finish(Ok(transferred)),
        }
    }

    fn delete(&mut self, transferred: Transferred, source: Box<ObjectInfo>) -> TransferStep<E> {
        self.deletes_left = self.deletes_left.saturating_sub(1);
        let source_etag = source.etag.clone();
        self.state = State::Delete(transferred, source);
        TransferStep::Perform(TransferEffect::DeleteSource { source_etag })
    }

    fn on_delete_failed(&mut self, transferred: Transferred, source: Box<ObjectInfo>, error: E) -> TransferStep<E> {
        self.delete_in_doubt |= error.kind() == ErrorKind::Unavailable;
        match error.kind() {
            ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                self.state = State::Deleted(transferred, source, error);
                TransferStep::Perform(TransferEffect::HeadSource)
            }
            ErrorKind::CredentialsRefused => failed(TransferError::NotPermitted(error)),
            ErrorKind::BucketNotFound
            | ErrorKind::TooLarge
            | ErrorKind::Archived
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => failed(TransferError::Store(error)),
        }
    }

    fn on_delete_outcome(
        &mut self,
        transferred: Transferred,
        source: Box<ObjectInfo>,
        error: E,
        now: Option<&ObjectInfo>,
    ) -> TransferStep<E> {
        match now {
            // An earlier call of this request, which made the copy, may have deleted the source as well.
            None if self.delete_in_doubt || transferred.replayed => TransferStep::Finish(Ok(transferred)),
            None => failed(TransferError::Changed),
            // The delete may have succeeded, and an object of the same bytes have come since.
            Some(now) if *now != *source => failed(TransferError::Changed),
            Some(_) if self.deletes_left == 0 => failed(TransferError::Unresolved(error)),
            Some(now) => match self.batch_that_holds(now) {
                Ok(None) => self.delete(transferred, source),
                Ok(Some(_)) => failed(TransferError::Held),
                Err(held) => failed(held),
            },
        }
    }

    /// Returns the batch that may undo the object unless it has settled.
    ///
    /// # Errors
    /// [`TransferError::Held`] if the confirm that made the object may still undo it.
    fn batch_that_holds(&self, object: &ObjectInfo) -> Result<Option<BatchId>, TransferError<E>> {
        let Transfer { now, proves_copies, .. } = self.transfer;
        if proves_copies && may_undo_swap(object, now) {
            return Err(TransferError::Held);
        }
        Ok(held_by(&object.attributes.metadata, None, now))
    }

    /// Returns true if this request has made the object, from this version of the source if one is given.
    fn is_done(&self, main: &ObjectInfo, source: Option<&ETag>) -> bool {
        let Transfer { request, key, .. } = &self.transfer;
        let of_source = source.is_none_or(|etag| self.is_of(main, etag));
        is_copied_by(&main.attributes.metadata, request) && (key.is_some() || of_source)
    }

    /// Returns true if a copy would now have other attributes than the one that this request has made, of which the `ETag` tells
    /// nothing. With a key, a repeat is answered by the first copy all the same.
    fn is_outdated(&self, source: &Source, main: &ObjectInfo) -> bool {
        let Transfer { kind, key, .. } = &self.transfer;
        if *kind != TransferKind::Copy || key.is_some() {
            return false;
        }
        let (new, stored) = (self.transfer.new_attributes(source), &main.attributes);
        let stored_type = stored
            .content_type
            .as_deref()
            .map(|text| MediaType::of_stored(Some(text)));
        source.info.last_modified > main.last_modified
            || new.content_type != stored_type
            || !users(&new.metadata).eq(users(&stored.metadata))
    }

    /// Returns true if this request has made its object from this version. An update leaves the bytes as they are, and its mark
    /// goes with them.
    fn is_of(&self, main: &ObjectInfo, source: &ETag) -> bool {
        self.transfer.kind == TransferKind::Update || is_copy_of(main, source)
    }

    /// Returns true if another request with the same idempotency key has made the object.
    fn reuses_key(&self, main: &ObjectInfo) -> bool {
        let Transfer { request, key, .. } = &self.transfer;
        let metadata = &main.attributes.metadata;
        key.as_ref().is_some_and(|key| has_key(metadata, key)) && !is_copied_by(metadata, request)
    }

    fn head_destination(&mut self, state: State<E>) -> TransferStep<E> {
        self.state = state;
        TransferStep::Perform(match self.transfer.kind {
            TransferKind::Copy | TransferKind::Move => TransferEffect::HeadDestination,
            TransferKind::Update => TransferEffect::HeadSource,
        })
    }
}

/// Ends a transfer whose object an earlier call has made, or that changes nothing.
fn end<E>(main: ObjectInfo) -> TransferStep<E> {
    TransferStep::Finish(Ok(replay(main)))
}

/// Returns the outcome of an earlier call.
fn replay(main: ObjectInfo) -> Transferred {
    Transferred {
        main: Box::new(main),
        replaced: None,
        replayed: true,
    }
}

/// Returns true if the object was copied from this version.
fn is_copy_of(main: &ObjectInfo, source: &ETag) -> bool {
    copied_etag(&main.attributes.metadata) == Some(source.as_str())
}

/// Returns the user metadata without the markers.
fn users(metadata: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    metadata.iter().filter(|(name, _)| !name.starts_with(MARKER_PREFIX))
}

fn failed<E>(error: TransferError<E>) -> TransferStep<E> {
    TransferStep::Finish(Err(error))
}
