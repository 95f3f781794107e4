//! The `draft.v1` API: messages, gRPC client and server, JSON mapping, and descriptors.
//!
//! Everything except [`Timestamp`] is generated from `draft/v1/draft.proto`, the single source for REST and gRPC. JSON
//! has `snake_case` names and rejects unknown fields; 64-bit integers are strings.

mod redacted;
mod timestamp;

pub use timestamp::Timestamp;

/// The types of the protobuf package `draft.v1`.
pub mod v1 {
    #![expect(clippy::pedantic, clippy::allow_attributes, reason = "generated code")]
    tonic::include_proto!("draft.v1");
    include!(concat!(env!("OUT_DIR"), "/draft.v1.serde.rs"));
}

/// The compiled `FileDescriptorSet`, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
