//! The identity of an upload, which determines whether a command resumes an earlier one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::cli::{HeaderArgs, OptionArgs};

/// The identity of an upload. Two uploads with equal identities are the same upload.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct UploadIdentity {
    pub(crate) server: String,
    /// The canonical path.
    #[serde(skip)]
    pub(crate) file: PathBuf,
    pub(crate) object_name: String,
    pub(crate) unique: bool,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: HeaderArgs,
    pub(crate) storage: OptionArgs,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl UploadIdentity {
    /// Returns a unique file name.
    pub(super) fn digest(&self) -> String {
        let text = serde_json::to_vec(&(self, self.file.as_os_str().as_encoded_bytes()));
        let digest = Sha256::digest(text.expect("text and numbers are JSON"));
        BASE64_URL_SAFE_NO_PAD.encode(digest)
    }
}
