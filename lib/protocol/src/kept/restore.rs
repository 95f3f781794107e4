//! The restore of a version of an object in main, as a state machine. It makes a new version, so that nothing is lost.
//!
//! 1. HEAD main. With the mark of this very request, an earlier call succeeded: answer as it did. Another version than the
//!    caller expects: fail. The object of an atomic batch that has not settled: fail, because the batch would not find
//!    its object any more.
//! 2. Find the version. If it is the current one, there is nothing to do.
//! 3. Copy it, with its options and the mark, on condition that main is still what step 1 found.
//! 4. After a failed condition, a conflict or a lost answer: HEAD main. With the mark: the copy succeeded. No change: try
//!    again, a few times. Another object: fail, since another call was faster.

use std::time::SystemTime;

use draftstore_storage::{Attributes, ETag, ErrorKind, ObjectInfo, StorageOptions, VersionCopied, VersionId};

use crate::StoreError;
use crate::confirm::{BatchId, MarkerDigest, held_by, is_restored_by, may_undo_swap, restored};

/// The maximum number of copies before the caller must repeat the call.
const MAX_COPIES: u8 = 3;

/// The parameters of one restore.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Restore {
    /// The digest that identifies the request in main.
    pub request: MarkerDigest,
    /// The object that the caller expects in main.
    pub expected: Expected,
    /// The time at which the restore began.
    pub now: SystemTime,
    /// Set if the store's `ETag`s show a copy of another version of the draft.
    pub proves_copies: bool,
}

/// The object that a caller expects in main.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Any object, or none.
    Any,
    /// No object: the caller undoes a delete.
    Nothing,
    /// Exactly this version of the object.
    Version(ETag),
}

/// The restore of a version in progress. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Restoring<E> {
    restore: Restore,
    copies_left: u8,
    state: State<E>,
}

/// The answer that the restore waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum State<E> {
    /// The first lookup of the object.
    Look,
    /// The lookup of the settlement of the batch that made this object.
    Settlement(ObjectInfo),
    /// The lookup of the version, to be copied over this object.
    Source(Option<ObjectInfo>),
    /// The copy of a version over this object.
    Copy(Copying),
    /// The lookup of the object, to learn the outcome of a copy that ended in this error.
    Outcome(Copying, E),
    /// No answer: the restore has ended.
    Over,
}

/// A version that is copied over an object, or to a free name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Copying {
    version: Version,
    main: Option<ObjectInfo>,
}

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The ID of the version.
    pub id: VersionId,
    /// The metadata of the version.
    pub info: ObjectInfo,
    /// The options with which the store keeps it, without its tags.
    pub options: StorageOptions,
}

/// A call that the restore wants its driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RestoreEffect {
    /// Look up the object.
    HeadMain,
    /// Look up the settlement of a batch.
    HeadSettlement {
        /// The ID of the batch.
        batch: BatchId,
    },
    /// Find the version that the caller names, or the newest one that is no delete marker.
    FindSource,
    /// Copy this version, if main is still empty or this object.
    Copy {
        /// The ID of the version.
        version_id: VersionId,
        /// The `ETag` of the object in main, if there is one.
        main_etag: Option<ETag>,
        /// The complete attributes of the new version.
        attributes: Box<Attributes>,
    },
}

impl RestoreEffect {
    /// Returns the version that the effect replaces, of which a copy is kept first.
    pub fn removes(&self) -> Option<&ETag> {
        match self {
            Self::Copy { main_etag, .. } => main_etag.as_ref(),
            Self::HeadMain | Self::HeadSettlement { .. } | Self::FindSource => None,
        }
    }
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RestoreAnswer<E> {
    /// The answer to a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, E>),
    /// The version, if there is one.
    Source(Result<Option<Version>, E>),
    /// The answer to a copy.
    Copied(Result<VersionCopied, E>),
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RestoreStep<E> {
    /// Perform this effect, and answer with its result.
    Perform(RestoreEffect),
    /// The restore has ended.
    Finish(Result<Restored, RestoreError<E>>),
}

/// The object in main after a restore.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Restored {
    /// The version that is now the current one.
    pub current: VersionCopied,
    /// The size in bytes.
    pub size: u64,
    /// The object that the restore replaced, as far as it is known.
    pub replaced: Option<ObjectInfo>,
    /// True if the version was the current one already: it always was, or an earlier call restored it.
    pub replayed: bool,
}

/// The reason why a version was not restored. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RestoreError<E> {
    /// There is no such version.
    #[error("version not found")]
    NotFound,
    /// The object is not the version that the caller requires.
    #[error("if_match does not match what is stored")]
    PinMismatch,
    /// There is an object, so that there is no delete to undo.
    #[error("the main bucket already holds an object of this name")]
    AlreadyExists,
    /// Another caller changed or deleted the object during the restore.
    #[error("the object was changed during the restore")]
    Changed,
    /// The confirm or the batch that made the object may still undo it.
    #[error("the confirm or the batch that made the object may still undo it")]
    Held,
    /// Every attempt to copy failed. This is the last error.
    #[error(transparent)]
    Unresolved(E),
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The driver answered an effect that was not requested: a bug.
    #[error("the restore got an unexpected answer")]
    OutOfStep,
}

impl<E: StoreError> Restoring<E> {
    /// Starts a restore, and returns its first effect.
    pub fn start(restore: Restore) -> (Self, RestoreEffect) {
        let restoring = Self {
            restore,
            copies_left: MAX_COPIES,
            state: State::Look,
        };
        (restoring, RestoreEffect::HeadMain)
    }

    /// Handles the answer to the last effect.
    #[must_use]
    pub fn on(&mut self, answer: RestoreAnswer<E>) -> RestoreStep<E> {
        match (std::mem::replace(&mut self.state, State::Over), answer) {
            (State::Look | State::Settlement(_) | State::Outcome(..), RestoreAnswer::Head(Err(error)))
            | (State::Source(_), RestoreAnswer::Source(Err(error))) => failed(RestoreError::Store(error)),
            (State::Look, RestoreAnswer::Head(Ok(main))) => self.on_look(main),
            (State::Settlement(main), RestoreAnswer::Head(Ok(Some(_)))) => self.find(Some(main)),
            (State::Settlement(_), RestoreAnswer::Head(Ok(None))) => failed(RestoreError::Held),
            (State::Source(_), RestoreAnswer::Source(Ok(None))) => failed(RestoreError::NotFound),
            (State::Source(main), RestoreAnswer::Source(Ok(Some(version)))) => {
                self.on_source(Copying { version, main })
            }
            (State::Copy(copying), RestoreAnswer::Copied(copied)) => self.on_copied(copying, copied),
            (State::Outcome(copying, error), RestoreAnswer::Head(Ok(now))) => self.on_outcome(copying, error, now),
            (_, RestoreAnswer::Head(_) | RestoreAnswer::Source(_) | RestoreAnswer::Copied(_)) => {
                failed(RestoreError::OutOfStep)
            }
        }
    }

    fn on_look(&mut self, main: Option<ObjectInfo>) -> RestoreStep<E> {
        if let Some(main) = main.as_ref().filter(|main| self.is_done(main)) {
            return RestoreStep::Finish(Ok(replay(main)));
        }
        match (&self.restore.expected, &main) {
            (Expected::Nothing, Some(_)) => return failed(RestoreError::AlreadyExists),
            (Expected::Version(etag), main) if main.as_ref().is_none_or(|main| main.etag != *etag) => {
                return failed(RestoreError::PinMismatch);
            }
            (Expected::Any | Expected::Nothing | Expected::Version(_), _) => {}
        }
        let Restore { proves_copies, now, .. } = self.restore;
        if proves_copies && main.as_ref().is_some_and(|main| may_undo_swap(main, now)) {
            return failed(RestoreError::Held);
        }
        let batch = main
            .as_ref()
            .and_then(|main| held_by(&main.attributes.metadata, None, self.restore.now));
        match (batch, main) {
            (Some(batch), Some(main)) => {
                self.state = State::Settlement(main);
                RestoreStep::Perform(RestoreEffect::HeadSettlement { batch })
            }
            (_, main) => self.find(main),
        }
    }

    fn find(&mut self, main: Option<ObjectInfo>) -> RestoreStep<E> {
        self.state = State::Source(main);
        RestoreStep::Perform(RestoreEffect::FindSource)
    }

    fn on_source(&mut self, copying: Copying) -> RestoreStep<E> {
        let current = copying.main.as_ref().and_then(|main| main.version_id.as_ref());
        if current == Some(&copying.version.id) {
            return RestoreStep::Finish(Ok(replay(&copying.version.info)));
        }
        self.copy(copying)
    }

    fn copy(&mut self, copying: Copying) -> RestoreStep<E> {
        self.copies_left = self.copies_left.saturating_sub(1);
        let Version { id, info, options } = &copying.version;
        let mut options = options.clone();
        options.retention = options.retention.filter(|retention| retention.until > self.restore.now);
        let effect = RestoreEffect::Copy {
            version_id: id.clone(),
            main_etag: copying.main.as_ref().map(|main| main.etag.clone()),
            attributes: Box::new(restored(&info.attributes, options, &self.restore.request)),
        };
        self.state = State::Copy(copying);
        RestoreStep::Perform(effect)
    }

    fn on_copied(&mut self, copying: Copying, copied: Result<VersionCopied, E>) -> RestoreStep<E> {
        let error = match copied {
            Ok(current) => {
                return RestoreStep::Finish(Ok(Restored {
                    current,
                    size: copying.version.info.size,
                    replaced: copying.main,
                    replayed: false,
                }));
            }
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::PreconditionFailed | ErrorKind::Conflict | ErrorKind::Unavailable | ErrorKind::NotFound => {
                self.state = State::Outcome(copying, error);
                RestoreStep::Perform(RestoreEffect::HeadMain)
            }
            ErrorKind::BucketNotFound
            | ErrorKind::TooLarge
            | ErrorKind::CredentialsRefused
            | ErrorKind::Archived
            | ErrorKind::Unsupported
            | ErrorKind::Unexpected => failed(RestoreError::Store(error)),
        }
    }

    fn on_outcome(&mut self, copying: Copying, error: E, now: Option<ObjectInfo>) -> RestoreStep<E> {
        if let Some(now) = now.as_ref().filter(|now| self.is_done(now)) {
            let replaced = copying.main;
            return RestoreStep::Finish(Ok(Restored {
                replaced,
                replayed: false,
                ..replay(now)
            }));
        }
        let unchanged = now.as_ref().map(|now| &now.etag) == copying.main.as_ref().map(|main| &main.etag);
        if !unchanged {
            failed(RestoreError::Changed)
        } else if self.copies_left == 0 {
            failed(RestoreError::Unresolved(error))
        } else {
            // The version may have been deleted, and the object may be another one of the same bytes.
            self.on_look(now)
        }
    }

    /// Returns true if this request has made the object.
    fn is_done(&self, main: &ObjectInfo) -> bool {
        is_restored_by(&main.attributes.metadata, &self.restore.request)
    }
}

fn replay(main: &ObjectInfo) -> Restored {
    Restored {
        current: VersionCopied {
            etag: main.etag.clone(),
            version_id: main.version_id.clone(),
        },
        size: main.size,
        replaced: None,
        replayed: true,
    }
}

fn failed<E>(error: RestoreError<E>) -> RestoreStep<E> {
    RestoreStep::Finish(Err(error))
}
