//! The order in which the confirms of an atomic batch go on together.

/// The next thing that all confirms of an atomic batch do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turn {
    /// The members look, and change nothing.
    Look,
    /// The members copy their drafts.
    Copy,
    /// The members remove their drafts.
    Settle,
    /// The members take back what they did.
    Undo,
    /// The members leave it as it is, for a repeat: it is too late to take back, or not known whether they may remove drafts.
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
