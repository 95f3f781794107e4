//! What is remembered of an upload.

use std::fs::Metadata;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// How far an upload has come, and of which file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// For people who look into the file.
    pub(crate) file: String,
    pub(crate) object_name: String,
    pub(crate) stamp: Stamp,
    pub(crate) phase: Phase,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    /// Since 1970; 0 on a file system that does not tell.
    pub(crate) modified_ns: u64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
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

/// Where an upload stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Phase {
    /// Parts are being sent.
    Uploading {
        upload_id: String,
        draft_id: Option<String>,
    },
    /// All parts have arrived, and the server was asked, or is about to be asked, to complete.
    Completing {
        upload_id: String,
        draft_id: Option<String>,
    },
    /// It is a draft, which is to be confirmed.
    Uploaded {
        draft_id: Option<String>,
        etag: String,
        idempotency_key: String,
    },
}
