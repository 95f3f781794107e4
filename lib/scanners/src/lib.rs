//! Scanners for malware that run beside the server.
//!
//! A scanner reads a file by ranges and gives a verdict. It has no opinion about a file that it could not scan whole: such
//! a file is never clean. The crate knows nothing of drafts and stores.

mod address;
mod clamd;
mod session;

pub use address::{Address, InvalidAddress};
pub use clamd::{Clamd, MAX_SIZE, ScanError, Unavailable, Verdict};
