//! The program that runs.

/// The name and the version of a program.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name, as traces show it.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
}
