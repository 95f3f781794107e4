//! Compiles the proto file without protoc: protox parses it, prost and tonic generate Rust, pbjson the JSON mapping.

use std::path::PathBuf;
use std::{env, fs};

use prost::Message as _;

const PROTO: &str = "draft/v1/draft.proto";
const PACKAGE: &str = ".draft.v1";
const TIMESTAMP: (&str, &str) = (".google.protobuf.Timestamp", "crate::Timestamp");

/// Messages with a presigned URL or a ticket, whose `Debug` is implemented by hand to omit it.
const SECRET: [&str; 4] = [
    ".draft.v1.GetUploadURLResponse",
    ".draft.v1.GetDownloadURLResponse",
    ".draft.v1.SignedPart",
    ".draft.v1.CreateTicketResponse",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={PROTO}");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let descriptors = protox::compile([PROTO], ["."])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("descriptors.bin"), &encoded)?;

    let mut prost = tonic_prost_build::Config::new();
    prost
        .btree_map(["."])
        .enable_type_names()
        .skip_debug(SECRET)
        .extern_path(TIMESTAMP.0, TIMESTAMP.1);
    tonic_prost_build::configure().compile_fds_with_config(descriptors, prost)?;

    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .extern_path(TIMESTAMP.0, TIMESTAMP.1)
        .btree_map(["."])
        .preserve_proto_field_names()
        .emit_fields()
        .build(&[PACKAGE])?;
    Ok(())
}
