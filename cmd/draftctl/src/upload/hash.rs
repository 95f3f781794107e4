//! SHA-256 of a part, read block by block.

use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::parts::Part;
use super::source::Source;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::store::Piece;

/// What is read at once. Bytes.
const BLOCK: usize = 256 * 1024;

/// A part with its checksum.
#[derive(Debug, Clone)]
pub(super) struct Hashed {
    pub(super) part: Part,
    /// SHA-256, in base64.
    pub(super) checksum: String,
}

/// Reads a part once, when it is its turn.
///
/// # Errors
/// When the file cannot be read, or ends early.
pub(super) async fn hash(source: &Source, part: Part, turns: &Semaphore) -> Result<Hashed, Failure> {
    let stopped = || Failure::new("INTERNAL", Exit::Failed, "hashing has stopped");
    let _turn = turns.acquire().await.map_err(|_| stopped())?;
    let piece = source.piece(part);
    let checksum = spawn_blocking(move || checksum(&piece))
        .await
        .map_err(|_| stopped())??;
    Ok(Hashed { part, checksum })
}

fn checksum(piece: &Piece) -> Result<String, Failure> {
    let mut block = vec![0; BLOCK];
    let mut sum = Sha256::new();
    let (mut at, end) = (piece.offset, piece.offset + piece.len);
    while at < end {
        let len = usize::try_from(end - at).map_or(BLOCK, |left| left.min(BLOCK));
        let read = piece.file.read_exact_at(&mut block[..len], at);
        read.map_err(|error| Failure::local("it cannot be read", &error))?;
        sum.update(&block[..len]);
        at += len as u64;
    }
    Ok(BASE64_STANDARD.encode(sum.finalize()))
}
