//! A small S3 server in this process: the default store of a DraftStore that is given no other, and the store of
//! its tests. Any S3 client can use it.
//!
//! It keeps one promise above all: what was acknowledged is whole and stays, and what was not is not visible, even
//! when the process is killed in the middle. Bytes lie in files that never change (`blobs`); everything else,
//! including which bytes belong to which key, lies in one transactional index (`index`). The S3 protocol and the
//! verification of signatures are the `s3s` crate's.
//!
//! All buckets belong to the account 000000000000, for clients that insist on one.
//!
//! It knows nothing of drafts.

mod backend;
mod blobs;
mod checksums;
mod clock;
mod conditions;
mod cors;
mod credentials;
mod failure;
mod front;
mod guard;
mod index;
mod keyring;
mod server;
mod settings;
mod store;
mod tasks;

pub use credentials::Credentials;
pub use settings::{Limited, Settings};
pub use store::{EmbeddedStore, StartError};
