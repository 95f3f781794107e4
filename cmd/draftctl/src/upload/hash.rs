//! The SHA-256 of a part, read block by block.

use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::parts::PartRange;
use super::source::SourceFile;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::store::FileRange;

/// The size of a read, in bytes.
const BLOCK: usize = 256 * 1024;

/// A part and its checksum.
#[derive(Debug, Clone)]
pub(super) struct HashedPart {
    pub(super) part: PartRange,
    /// The SHA-256 in base64.
    pub(super) checksum: String,
}

/// Hashes a part once a permit is available.
///
/// # Errors
/// Returns an error if the file cannot be read or ends early.
pub(super) async fn hash(
    source: &SourceFile,
    part: PartRange,
    permits: &Semaphore,
) -> Result<HashedPart, CommandError> {
    let stopped = || CommandError::new("INTERNAL", Exit::Failed, "the hashing thread stopped unexpectedly");
    let _permit = permits.acquire().await.map_err(|_| stopped())?;
    let range = source.range(part);
    let checksum = spawn_blocking(move || checksum(&range))
        .await
        .map_err(|_| stopped())??;
    Ok(HashedPart { part, checksum })
}

fn checksum(range: &FileRange) -> Result<String, CommandError> {
    let mut block = vec![0; BLOCK];
    let mut sum = Sha256::new();
    let (mut at, end) = (range.offset, range.offset + range.len);
    while at < end {
        let len = usize::try_from(end - at).map_or(BLOCK, |left| left.min(BLOCK));
        let read = range.file.read_exact_at(&mut block[..len], at);
        read.map_err(|error| CommandError::local_io("cannot read the file", &error))?;
        sum.update(&block[..len]);
        at += len as u64;
    }
    Ok(BASE64_STANDARD.encode(sum.finalize()))
}
