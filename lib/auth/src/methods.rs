//! The methods of authentication.

/// The methods that are enabled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthMethods {
    /// API keys.
    pub api_key: bool,
    /// JSON Web Tokens.
    pub jwt: bool,
    /// Client certificates.
    pub mtls: bool,
}
