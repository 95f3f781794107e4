//! S3 and compatible stores by the AWS SDK, which is known here alone.
//!
//! [`S3Storage`] implements the traits of `draftstore_storage`: calls go to the store's own endpoint, URLs are signed for
//! its public one. SDK errors are read in `error` alone, and nothing that leaves this crate shows signatures or secrets.

mod administration;
mod bucket_urls;
mod calls;
mod conditions;
mod connect;
mod copy_source;
mod credentials;
mod environment;
mod error;
mod http_client;
mod listing;
mod objects;
mod owner;
mod parts;
mod presign;
mod probe;
mod required_headers;
mod settings;
mod shared_config;
mod signer_cache;
mod signers;
mod store_time;
mod watched;
mod whole;

pub use connect::{ConnectError, CredentialsLeft, S3Storage};
pub use environment::{StoreChoice, StoreConfig, StoreKind};
pub use owner::{BucketOwner, InvalidBucketOwner};
pub use settings::{
    DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_COPY_TIMEOUT, DEFAULT_PART_SIZE,
    Settings, Signing, StaticCredentials, Timeouts,
};
pub use signers::Left;
