//! The errors that a confirm can end in, by what can be done about them.

/// The reason why a confirm did not keep its draft. `E` is the store's error.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConfirmError<E> {
    /// There is no such draft, and main holds nothing that was made from it.
    #[error("draft not found")]
    DraftNotFound,
    /// Main holds another object under the name.
    #[error("the main bucket already holds another object of this name")]
    AlreadyExists,
    /// The draft, or the object in main that is to be replaced, is not the one that the caller insists on.
    #[error("{pin} does not match what is stored")]
    PinMismatch {
        /// The field that does not match.
        pin: &'static str,
    },
    /// Another draft of the same atomic batch could not be confirmed.
    #[error("another draft of the atomic batch could not be confirmed")]
    RolledBack,
    /// A call to the store failed.
    #[error(transparent)]
    Store(E),
    /// A repeat of the confirm may complete it.
    #[error(transparent)]
    Unresolved(Unresolved<E>),
    /// The store contradicts itself, or there is a bug here.
    #[error(transparent)]
    Contradiction(Contradiction),
}

/// The reason why a confirm has to be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unresolved<E> {
    /// Every attempt to copy the draft failed; this is the last error.
    #[error(transparent)]
    Copy(E),
    /// Another confirm may still take back what it put into main.
    #[error("an atomic batch is confirming this draft, and may take it back")]
    HeldByBatch,
    /// The batch may neither remove its drafts nor take anything back.
    #[error("the atomic batch could not be settled: a repeat completes it")]
    LeftUnsettled,
    /// The draft changed during each attempt to copy it.
    #[error("the draft was uploaded again during each attempt to copy it")]
    NeverStill,
}

/// A contradiction between what was done and what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Contradiction {
    /// The driver gave an answer to an effect that was not asked for, or asked for the end before there was one: a bug.
    #[error("the confirm and its driver are out of step")]
    OutOfStep,
    /// Main holds something else than what was just copied there.
    #[error("the object in main is not the draft that was copied: size or checksum differ")]
    CopyDiffers,
    /// Main holds nothing where something was just copied.
    #[error("the object that was copied to main is not there")]
    CopyIsGone,
}
