//! Failed authentication.

/// A request that was not authenticated. The exact cause is for the log alone: it would help to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The request has no credentials.
    #[error("credentials are required: send them as 'authorization: Bearer …'")]
    Missing,
    /// The credentials are not known, or not valid.
    #[error("the credentials are not valid")]
    Invalid,
}
