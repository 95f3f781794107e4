//! What drafts are called, which Uppy calls by the names of files.

use draftstore_service::Caller;
use draftstore_service::caller::Names;
use draftstore_service::draft::lenient;

/// A name that the caller may give, as near to the file's as that allows.
pub(super) fn object_name(caller: &Caller, file_name: &str) -> String {
    match &caller.names {
        Names::Any => lenient::object_name(file_name),
        Names::Exactly(only) => only.clone(),
        Names::Under(prefix) => lenient::object_name_under(prefix, file_name),
    }
}
