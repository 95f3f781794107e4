//! clamd, of `ClamAV`: a file goes to the first daemon that scans it.

use std::time::Duration;

use draftstore_inspection::Source;

use crate::Address;
use crate::session::{self, Failure, Reply};

/// The size in bytes above which clamd may answer that a file is clean without having scanned it.
///
/// Source: <https://github.com/Cisco-Talos/clamav/issues/1030>
pub const MAX_SIZE: u64 = (1 << 31) - 1;

/// Daemons that scan files, in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Clamd {
    /// The addresses of the daemons.
    pub addresses: Vec<Address>,
    /// The size in bytes above which a file is not sent. It must not exceed `StreamMaxLength`, `MaxFileSize` and
    /// `MaxScanSize` of any of the daemons: beyond the last two, clamd answers that a file is clean, unless it has
    /// `AlertExceedsMax`.
    pub max_size: u64,
    /// The time to connect to a daemon, or to send it one piece.
    pub timeout: Duration,
    /// The time that a daemon may take to answer after the whole file was sent.
    pub scan_timeout: Duration,
}

/// A verdict about the bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The file was scanned whole, and no signature matches.
    Clean,
    /// The name of a signature that matches.
    Found(String),
    /// The file exceeds a limit of the daemon, so that it was not scanned whole.
    TooLargeToScan,
}

/// A scan without a verdict.
#[derive(Debug, thiserror::Error)]
pub enum ScanError<E> {
    /// A read of the file failed.
    #[error("read a range of the file")]
    Source(#[source] E),
    /// A range of the file has another length than was asked for.
    #[error("a range of the file has another length than was asked for")]
    WrongLength,
    /// No daemon scanned the file.
    #[error(transparent)]
    Unavailable(Unavailable),
}

/// The daemons that were tried, with what failed.
#[derive(Debug, thiserror::Error)]
#[error("no daemon scanned the file: {}", .0.iter().map(|(address, why)| format!("{address}: {why}")).collect::<Vec<_>>().join("; "))]
pub struct Unavailable(pub Vec<(Address, String)>);

impl Clamd {
    /// Scans a file of `size` bytes, in pieces of 384 KiB, two of which are in memory. If a daemon fails, the next one gets the file from its
    /// beginning.
    ///
    /// # Errors
    ///
    /// Fails if the source does, or if no daemon answers.
    pub async fn scan<S: Source + Send>(&self, size: u64, source: &mut S) -> Result<Verdict, ScanError<S::Error>> {
        if size > self.max_size.min(MAX_SIZE) {
            return Ok(Verdict::TooLargeToScan);
        }
        let mut failures = Vec::new();
        for address in &self.addresses {
            match session::run(self, address, size, source).await {
                Ok(Reply::Clean) => return Ok(Verdict::Clean),
                Ok(Reply::Found(name)) => return Ok(Verdict::Found(name)),
                Ok(Reply::TooLarge) => return Ok(Verdict::TooLargeToScan),
                Err(Failure::Source(error)) => return Err(ScanError::Source(error)),
                Err(Failure::WrongLength) => return Err(ScanError::WrongLength),
                Err(Failure::Daemon(why)) => failures.push((address.clone(), why)),
            }
        }
        Err(ScanError::Unavailable(Unavailable(failures)))
    }
}
