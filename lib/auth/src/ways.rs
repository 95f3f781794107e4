//! Ways to be recognised.

/// Those that are open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// By an API key.
    pub api_key: bool,
    /// By a JSON Web Token.
    pub jwt: bool,
    /// By the certificate of the connection.
    pub mtls: bool,
}
