//! Inspection of a file by ranges of its bytes: its media type, its dimensions as an image, its contents as an archive.
//!
//! [`inspect`] asks a [`Source`] for the ranges that it needs, and decides everything else by itself. It has no I/O, no
//! clock, no task and no log, and does not know where the bytes come from. The number of reads and the memory that is
//! held at once have bounds, whatever the file says of itself. Equal bytes, settings and declarations have equal
//! findings.

mod archive;
mod findings;
mod image;
mod inspect;
mod media_type;
mod settings;
mod source;
mod window;
mod zip;

pub use findings::{Check, Findings, Reason};
pub use inspect::{InspectError, inspect};
pub use media_type::Declared;
pub use settings::{ArchiveCheck, ImageCheck, Settings, TypeCheck};
pub use source::Source;

/// The version of the rules. A verdict by an older version says nothing about what this one finds.
pub const RULES: u32 = 2;
