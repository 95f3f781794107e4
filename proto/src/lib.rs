//! The `draft.v1` contract: messages, gRPC client and server, JSON mapping, descriptors.
//!
//! Everything but the [`Timestamp`] is made from `draft/v1/draft.proto`, the single source for both fronts.
//! JSON has `snake_case` names and refuses unknown fields; 64-bit integers are strings.

mod redacted;
mod timestamp;

pub use timestamp::Timestamp;

/// Package `draft.v1`.
pub mod v1 {
    #![expect(clippy::pedantic, clippy::allow_attributes, reason = "generated code")]
    tonic::include_proto!("draft.v1");
    include!(concat!(env!("OUT_DIR"), "/draft.v1.serde.rs"));
}

/// The compiled `FileDescriptorSet`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
