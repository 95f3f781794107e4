//! Object names for Uppy's file names.

use draftstore_service::caller::Names;
use draftstore_service::draft::uppy_names;
use draftstore_service::{Caller, ObjectName};

/// Returns the name closest to the file's that the caller may use.
pub(super) fn object_name(caller: &Caller, file_name: &str) -> String {
    match &caller.names {
        Names::Any => uppy_names::object_name(file_name),
        Names::Exactly(only) => only.clone(),
        Names::Under(prefix) => uppy_names::object_name_under(prefix, file_name),
    }
}

/// Returns the key that a page proposes as it is if it is a name that the caller may use, and otherwise the closest one.
pub(super) fn proposed_name(caller: &Caller, key: &str) -> String {
    let is_allowed = match &caller.names {
        Names::Any => true,
        Names::Exactly(only) => only == key,
        Names::Under(prefix) => key.starts_with(prefix.as_str()),
    };
    if is_allowed && key.parse::<ObjectName>().is_ok() {
        key.to_owned()
    } else {
        object_name(caller, key)
    }
}
