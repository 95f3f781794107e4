//! The methods of authentication.

/// The enabled methods of authentication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthMethods {
    /// Accepts API keys as bearer tokens.
    pub api_key: bool,
    /// Accepts JSON Web Tokens as bearer tokens.
    pub jwt: bool,
    /// Accepts client certificates of TLS connections.
    pub mtls: bool,
}
