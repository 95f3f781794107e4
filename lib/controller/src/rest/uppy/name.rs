//! Names of drafts for Uppy's file names.

use draftstore_service::Caller;
use draftstore_service::caller::Names;
use draftstore_service::draft::lenient;

/// Returns the allowed name that is closest to the file's.
pub(super) fn object_name(caller: &Caller, file_name: &str) -> String {
    match &caller.names {
        Names::Any => lenient::object_name(file_name),
        Names::Exactly(only) => only.clone(),
        Names::Under(prefix) => lenient::object_name_under(prefix, file_name),
    }
}
