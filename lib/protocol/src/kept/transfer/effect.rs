//! The effects that a transfer requests, the answers to them, and its end.

use draftstore_storage::{Attributes, ETag, ObjectInfo, Retention, StagedCopy, VersionCopied, VersionId};

use super::{Source, TransferKind};
use crate::confirm::BatchId;

/// A call that the transfer wants its driver to make.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransferEffect {
    /// Look up the source with its options.
    FindSource,
    /// Look up the source's current version, without its options.
    HeadSource,
    /// Look up the object at the destination.
    HeadDestination,
    /// Look up the settlement of a batch.
    HeadSettlement {
        /// The ID of the batch.
        batch: BatchId,
    },
    /// Release the legal hold of this version of the source.
    ReleaseHold {
        /// The ID of the version.
        version_id: VersionId,
    },
    /// Copy this version of the source, if the source is still that version, and the destination is still empty or this
    /// version.
    Copy {
        /// The version of the source.
        source_etag: ETag,
        /// The version of the object at the destination, if there is one.
        main_etag: Option<ETag>,
        /// The complete attributes of the new object.
        attributes: Attributes,
    },
    /// Copy this version of the source part by part, without making it visible yet.
    Stage {
        /// The version of the source.
        source_etag: ETag,
        /// The size of the source in bytes.
        size: u64,
        /// The complete attributes of the new object.
        attributes: Attributes,
    },
    /// Make the parts the object at the destination, if that is still empty or this version.
    Complete {
        /// The staged copy to complete.
        staged: StagedCopy,
        /// The version of the object at the destination, if there is one.
        main_etag: Option<ETag>,
    },
    /// Abort the staged copy.
    Unstage {
        /// The staged copy to abort.
        staged: StagedCopy,
    },
    /// Delete this version of the source.
    DeleteSource {
        /// The version of the source.
        source_etag: ETag,
    },
}

impl TransferEffect {
    /// Returns the version at the destination that the effect replaces, of which a copy is kept first. An update leaves the
    /// bytes as they are, and the source of a move is at its destination.
    pub fn removes(&self, kind: TransferKind) -> Option<&ETag> {
        match (self, kind) {
            (
                Self::Copy { main_etag, .. } | Self::Complete { main_etag, .. },
                TransferKind::Copy | TransferKind::Move,
            ) => main_etag.as_ref(),
            (Self::Copy { .. } | Self::Complete { .. }, TransferKind::Update)
            | (
                Self::FindSource
                | Self::HeadSource
                | Self::HeadDestination
                | Self::HeadSettlement { .. }
                | Self::ReleaseHold { .. }
                | Self::Stage { .. }
                | Self::Unstage { .. }
                | Self::DeleteSource { .. },
                _,
            ) => None,
        }
    }
}

/// The result of an effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransferAnswer<E> {
    /// The source, if there is one.
    Source(Result<Option<Source>, E>),
    /// The answer to a HEAD: the object, if there is one.
    Head(Result<Option<ObjectInfo>, E>),
    /// The answer to the release of a legal hold.
    Released(Result<(), E>),
    /// The answer to a copy: the version of the new object.
    Copied(Result<VersionCopied, E>),
    /// The answer to the completion of a staged copy.
    Completed(Result<(), E>),
    /// The answer to the staging of a copy.
    Staged(Result<StagedCopy, E>),
    /// The answer to an effect that never fails a transfer, whatever its result.
    Done,
    /// The answer to a delete.
    Deleted(Result<(), E>),
}

/// The next step after an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransferStep<E> {
    /// Perform this effect, and answer with its result.
    Perform(TransferEffect),
    /// The transfer has ended.
    Finish(Result<Transferred, TransferError<E>>),
}

/// The object at the destination after a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Transferred {
    /// The object at the destination. If this call made it by one copy, its date is that of the source.
    pub main: Box<ObjectInfo>,
    /// The ID of the version that the transfer replaced, if main has versions.
    pub replaced: Option<VersionId>,
    /// True if an earlier call had made the object.
    pub replayed: bool,
}

/// The reason why an object was not transferred. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TransferError<E> {
    /// There is no source.
    #[error("object not found")]
    NotFound,
    /// An object is not the version that the caller requires in this field.
    #[error("{pin} does not match what is stored")]
    PinMismatch {
        /// The name of the field.
        pin: &'static str,
    },
    /// There is another object at the destination.
    #[error("the main bucket already holds another object of this name")]
    AlreadyExists,
    /// Another request with the same idempotency key has made the object at the destination.
    #[error("the idempotency key was already used for another request")]
    KeyReused,
    /// This retention of the source is in force, and would end earlier or get the weaker mode.
    #[error("a retention in force may not be shortened")]
    ShorterRetention(Retention),
    /// Another caller changed one of the objects during the transfer.
    #[error("an object was changed during the transfer")]
    Changed,
    /// The confirm or the batch that made one of the objects may still undo it.
    #[error("the confirm or the batch that made the object may still undo it")]
    Held,
    /// The server may not delete the source. Its copy is at the destination.
    #[error("the server may not delete in the main bucket")]
    NotPermitted(#[source] E),
    /// Every attempt failed. This is the last error.
    #[error(transparent)]
    Unresolved(E),
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The copy has another size than its source.
    #[error("the copy differs from its source")]
    CopyDiffers,
    /// The driver answered an effect that was not requested: a bug.
    #[error("the transfer got an unexpected answer")]
    OutOfStep,
}
