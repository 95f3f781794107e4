//! The address and credentials of a store.

/// The address of a store, and a key pair with all permissions, including the creation of buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEndpoint {
    /// The URL without a trailing slash: `http://127.0.0.1:<port>`.
    pub url: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The access key ID of the pair.
    pub access_key_id: String,
    /// The secret access key, which is valid only for this store.
    pub secret_access_key: String,
}
