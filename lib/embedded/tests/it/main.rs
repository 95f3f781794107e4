//! Tests of the embedded store through its interfaces: an S3 SDK, plain HTTP, and a raw socket.

#![expect(
    clippy::unwrap_used,
    reason = "clippy knows tests by their attribute, and not the functions they share"
)]

mod archive;
mod checksums;
mod concurrency;
mod conditions;
mod cors;
mod errors;
mod forms;
mod harness;
mod inline;
mod kill;
mod lifecycle;
mod listing;
mod logs;
mod multipart;
mod object_lock;
mod objects;
mod properties;
mod queries;
mod restart;
mod sign;
mod signatures;
mod tags;
mod upgrade;
mod versions;
