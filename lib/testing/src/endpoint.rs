//! How to reach a store that was started for a test.

/// A store's address, and a key pair that may do everything there, making buckets included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub url: String,
    /// The region to sign for.
    pub region: String,
    /// Access key ID.
    pub access_key_id: String,
    /// Secret access key. It opens nothing but this store.
    pub secret_access_key: String,
}
