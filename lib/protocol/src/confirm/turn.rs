//! The turns of an atomic batch, which all of its confirms take together.

/// The next action of all confirms of an atomic batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// The members look up their objects, and change nothing.
    Look,
    /// The members copy their drafts.
    Copy,
    /// The members remove their drafts, after the batch has settled.
    Settle,
    /// The members undo their copies.
    Undo,
    /// The members leave everything for a repeat: it is too late for an undo, or not known if the batch has settled.
    Leave,
}

impl Turn {
    /// Returns the turn after this one.
    #[must_use]
    pub fn next(self, any_failed: bool, can_undo: bool) -> Option<Self> {
        match self {
            Self::Look if !any_failed => Some(Self::Copy),
            Self::Copy if !any_failed => Some(Self::Settle),
            Self::Look | Self::Copy if can_undo => Some(Self::Undo),
            Self::Look | Self::Copy => Some(Self::Leave),
            Self::Settle | Self::Undo | Self::Leave => None,
        }
    }
}
