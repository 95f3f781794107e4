//! The rules that one sweep goes by.

use draftstore_storage::Capabilities;

use super::bounds::Bounds;
use super::brakes::Brakes;
use super::part::Part;
use crate::Policy;

/// The rules that one sweep goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rules {
    /// Whether it removes what it finds.
    pub mode: Mode,
    /// The part of the draft bucket that it is for.
    pub part: Part,
    /// How long drafts live.
    pub policy: Policy,
    /// How much it may remove.
    pub brakes: Brakes,
    /// The conditions that the store honours.
    pub capabilities: Capabilities,
    /// How much it may have under way.
    pub bounds: Bounds,
}

/// Whether a sweep removes what it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It removes what has expired.
    Delete,
    /// It only tells what has expired.
    DryRun,
}
