//! The descriptors that reflection serves: the contract, health, and the details of errors.

use draftstore_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic_reflection::server::{Builder, Error};

/// The directory of Google's files, under which clients know them.
const DIRECTORY: &str = "google/rpc/";

/// Returns a builder of the reflection service with every descriptor.
///
/// # Errors
/// An error if the built-in descriptors cannot be decoded, which is a bug.
pub(super) fn reflection() -> Result<Builder<'static>, Error> {
    Ok(Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .register_file_descriptor_set(error_details()?))
}

/// Returns `google/rpc/error_details.proto` with the files that it imports, so that clients can show the details of a status.
///
/// The crate that has them compiled its own files without their directory.
fn error_details() -> Result<FileDescriptorSet, Error> {
    let mut set = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    for file in &mut set.file {
        if file.package() == "google.rpc" && !file.name().starts_with(DIRECTORY) {
            file.name = Some(format!("{DIRECTORY}{}", file.name()));
        }
    }
    Ok(set)
}
