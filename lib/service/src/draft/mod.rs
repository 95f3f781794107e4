//! What callers do with drafts: have the buckets made, get URLs, look, list, confirm, discard.

mod buckets;
mod confirm;
mod discard;
mod disposition;
pub(crate) mod id;
mod inspect;
mod issue_download;
mod issue_upload;
mod keys;
mod list;

use std::sync::Arc;

use draftstore_storage::{ErrorKind, ObjectInfo, Storage};

pub use buckets::BucketsReady;
pub use confirm::{ConfirmUpload, Confirmed};
pub use disposition::Disposition;
pub use id::DraftId;
pub use inspect::{DraftInspected, DraftName};
pub use issue_download::{DownloadIssued, IssueDownload, Stage};
pub use issue_upload::{IssueUpload, UploadIssued};
pub use list::{DraftListed, DraftPage, ListDrafts};

use crate::{AllowedOrigins, Buckets, Clock, Policy};

/// The service: one for a process, shared by both fronts. Holds no state but its configuration.
#[derive(Debug, Clone)]
pub struct Drafts {
    storage: Arc<dyn Storage>,
    buckets: Buckets,
    policy: Policy,
    origins: AllowedOrigins,
    clock: Arc<dyn Clock>,
}

impl Drafts {
    /// A service on these buckets. Web pages of `origins` may use the draft bucket.
    pub fn new(
        storage: Arc<dyn Storage>,
        buckets: Buckets,
        policy: Policy,
        origins: AllowedOrigins,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            storage,
            buckets,
            policy,
            origins,
            clock,
        }
    }
}

/// An object that is not there is an observation, not an error.
fn found(head: Result<ObjectInfo, draftstore_storage::Error>) -> Result<Option<ObjectInfo>, draftstore_storage::Error> {
    match head {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
