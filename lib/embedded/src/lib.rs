//! A small S3 server in this process: the default store of DraftStore when no other is configured, and the store of its
//! tests. Any S3 client can use it. It knows nothing about drafts.
//!
//! Acknowledged writes are complete and durable, and unacknowledged ones are invisible, even if the process is killed at
//! any moment. Bytes are stored in immutable files (`blobs`). Everything else, including which bytes belong to which
//! key, is stored in one transactional index (`index`). The `s3s` crate implements the S3 protocol and the verification
//! of signatures.
//!
//! All buckets belong to the account 000000000000, for clients that require one.

mod access;
mod backend;
mod blobs;
mod checksums;
mod clock;
mod conditions;
mod config;
mod cors;
mod credentials;
mod error;
mod events;
mod frontend;
mod index;
mod keyring;
mod server;
mod settings;
mod store;
mod tasks;

pub use config::{EmbeddedConfig, UploadOnly};
pub use credentials::Credentials;
pub use events::CreatedObject;
pub use settings::EmbeddedSettings;
pub use store::{EmbeddedStartError, EmbeddedStore};
