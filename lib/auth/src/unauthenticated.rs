//! The error of failed authentication.

/// The error of a request without valid credentials. The exact reason is only logged, since it would help an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The request has no credentials.
    #[error("credentials are required: send them as 'authorization: Bearer …'")]
    Missing,
    /// The credentials are unknown or invalid.
    #[error("the credentials are not valid")]
    Invalid,
}
