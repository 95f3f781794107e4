//! The identity of a program.

/// The name and the version of a program.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// The name of the program in traces.
    pub name: &'static str,
    /// The version of the program.
    pub version: &'static str,
}
