//! Object names for Uppy's file names.

use draftstore_service::Caller;
use draftstore_service::caller::Names;
use draftstore_service::draft::uppy_names;

/// Returns the name closest to the file's that the caller may use.
pub(super) fn object_name(caller: &Caller, file_name: &str) -> String {
    match &caller.names {
        Names::Any => uppy_names::object_name(file_name),
        Names::Exactly(only) => only.clone(),
        Names::Under(prefix) => uppy_names::object_name_under(prefix, file_name),
    }
}
