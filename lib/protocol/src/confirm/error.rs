//! The errors of a confirm, grouped by what can be done about them.

use crate::checks::{Reason, SilentScanner};

/// The reason why a confirm did not keep its draft. `E` is the error type of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConfirmError<E> {
    /// The draft does not exist, and main has no object that was made from it.
    #[error("draft not found")]
    DraftNotFound,
    /// Main already has another object under the name.
    #[error("the main bucket already holds another object of this name")]
    AlreadyExists,
    /// The draft, or the object in main to be replaced, is not the version that the caller requires.
    #[error("{pin} does not match what is stored")]
    PinMismatch {
        /// The field that does not match.
        pin: &'static str,
    },
    /// Main has the object of another request with the same idempotency key.
    #[error("the idempotency key was already used for another request")]
    KeyReused,
    /// The checks reject the draft, for these reasons. Main has no object that was made from this version of it.
    #[error("the draft was rejected by its checks")]
    Rejected(Vec<Reason>),
    /// The checks of the draft have not ended yet.
    #[error("the checks of the draft have not ended yet")]
    ChecksPending,
    /// The scanner had no result in time.
    #[error("{0} did not scan the draft in time")]
    ScannerUnavailable(SilentScanner),
    /// Another draft of the same atomic batch could not be confirmed.
    #[error("another draft of the atomic batch could not be confirmed")]
    RolledBack,
    /// Another call replaced or deleted the object in main meanwhile. The draft is still there, if the confirm has not copied it.
    #[error("another call replaced or deleted the object in main meanwhile")]
    Changed,
    /// The tags of the upload, of the confirm and of the caller's profile are too many or too long together.
    #[error("the tags of the upload, the confirm and the profile are too many or too long together")]
    TooManyTags,
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// The result is not known, or not final. Repeating the confirm may complete it.
    #[error(transparent)]
    Unresolved(Unresolved<E>),
    /// The store contradicts itself, or this crate or its driver has a bug.
    #[error(transparent)]
    Contradiction(Contradiction),
}

/// The reason why a confirm must be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unresolved<E> {
    /// Every attempt to copy the draft failed. This is the last error.
    #[error(transparent)]
    Copy(E),
    /// An atomic batch made the object in main, and may still undo it.
    #[error("an atomic batch is confirming this draft, and may still undo it")]
    HeldByBatch,
    /// The batch can neither remove its drafts nor undo its copies.
    #[error("the atomic batch could not be settled: repeat it to complete it")]
    LeftUnsettled,
    /// The store copied another version of the draft than the one asked for, and the copy is not undone yet.
    #[error("the store copied another version of the draft, and the copy is not undone yet")]
    Swapped,
    /// The draft changed during every attempt to copy it.
    #[error("the draft was uploaded again during every attempt to copy it")]
    NeverStill,
}

/// A contradiction between the effects and the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Contradiction {
    /// The driver answered an effect that was not requested, or asked for the result before the end: a bug.
    #[error("the confirm got an unexpected answer")]
    OutOfStep,
    /// A draft was about to be copied that no check has accepted: a bug.
    #[error("the draft was about to be copied without a verdict")]
    NotAccepted,
    /// The object in main differs from the draft that was just copied.
    #[error("the object in main differs in size or checksum from the draft that was copied")]
    CopyDiffers,
}
