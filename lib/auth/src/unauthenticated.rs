//! The error of failed authentication.

/// The error of a request without valid credentials. The exact reason is only logged, since it would help an attacker. Expired
/// credentials are reported as such, so that their holder gets new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The request has no credentials.
    #[error("credentials are required: send them as 'authorization: Bearer …'")]
    Missing,
    /// The ticket was valid, and has expired.
    #[error("the ticket has expired: ask for a new one")]
    TicketExpired,
    /// The token was valid, and has expired.
    #[error("the token has expired: send a new one")]
    TokenExpired,
    /// The credentials are unknown or invalid.
    #[error("the credentials are not valid")]
    Invalid,
}
