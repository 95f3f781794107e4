//! The stored state of an upload.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// The progress of an upload, and the file it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadState {
    /// The path, for people who read the file.
    pub(crate) file: String,
    pub(crate) object_name: String,
    pub(crate) stamp: FileStamp,
    pub(crate) phase: UploadPhase,
}

/// The size and modification time of a file, which detect changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileStamp {
    pub(crate) size: u64,
    /// Nanoseconds since 1970; 0 if the file system does not provide the time.
    pub(crate) modified_ns: u64,
}

impl FileStamp {
    pub(crate) fn from_metadata(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok();
        let since = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Self {
            size: metadata.len(),
            modified_ns: since
                .and_then(|since| u64::try_from(since.as_nanos()).ok())
                .unwrap_or(0),
        }
    }
}

/// The phase of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum UploadPhase {
    /// The parts are being sent.
    Uploading {
        upload_id: String,
        draft_id: Option<String>,
    },
    /// All parts have arrived, and completing the upload has been or is about to be requested.
    Completing {
        upload_id: String,
        draft_id: Option<String>,
    },
    /// The draft is uploaded and not yet confirmed.
    Uploaded {
        draft_id: Option<String>,
        etag: String,
        idempotency_key: String,
    },
}
