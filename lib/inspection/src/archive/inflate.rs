//! Deflate, unpacked in pieces.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

/// The bytes of a piece.
const PIECE: usize = 64 * 1024;

/// A compressed stream that is being unpacked.
pub(super) struct Inflater {
    state: Box<InflateState>,
    piece: Vec<u8>,
}

/// A step of unpacking.
#[derive(Debug)]
pub(super) struct Step<'a> {
    /// The number of packed bytes that were used.
    pub(super) used: usize,
    /// The bytes that came out.
    pub(super) out: &'a [u8],
    /// `true` at the end of the stream.
    pub(super) ended: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            state: InflateState::new_boxed(DataFormat::Raw),
            piece: vec![0; PIECE],
        }
    }

    /// Unpacks some of the bytes. `None` if they are damaged. A step without use and without output needs more bytes.
    pub(super) fn step(&mut self, packed: &[u8]) -> Option<Step<'_>> {
        let result = inflate(&mut self.state, packed, &mut self.piece, MZFlush::None);
        let ended = match result.status {
            Ok(MZStatus::StreamEnd) => true,
            Ok(MZStatus::Ok | MZStatus::NeedDict) | Err(MZError::Buf) => false,
            Err(_) => return None,
        };
        Some(Step {
            used: result.bytes_consumed,
            out: &self.piece[..result.bytes_written],
            ended,
        })
    }
}

/// Unpacks a stream that is in memory, as far as `limit` bytes. `None` if it is damaged or not complete, or if it is longer.
pub(super) fn unpack(mut packed: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut inflater = Inflater::new();
    let mut unpacked = Vec::new();
    loop {
        let step = inflater.step(packed)?;
        if step.used == 0 && step.out.is_empty() && !step.ended {
            return None;
        }
        unpacked.extend_from_slice(step.out);
        if unpacked.len() as u64 > limit {
            return None;
        }
        if step.ended {
            return Some(unpacked);
        }
        packed = &packed[step.used..];
    }
}
