//! What callers do with drafts: have the buckets made, get URLs, confirm.

mod buckets;
mod confirm;
mod disposition;
mod issue_download;
mod issue_upload;

use std::sync::Arc;

use draftstore_storage::{CorsRule, Storage};

pub use buckets::BucketsReady;
pub use confirm::{ConfirmUpload, Confirmed};
pub use disposition::Disposition;
pub use issue_download::{DownloadIssued, IssueDownload, Stage};
pub use issue_upload::IssueUpload;

use crate::{Buckets, Clock, Policy};

/// The service: one for a process, shared by both fronts. Holds no state but its configuration.
#[derive(Debug, Clone)]
pub struct Drafts {
    storage: Arc<dyn Storage>,
    buckets: Buckets,
    policy: Policy,
    cors: Option<CorsRule>,
    clock: Arc<dyn Clock>,
}

impl Drafts {
    /// A service on these buckets. `cors` is what the draft bucket shall allow to browsers, if anything.
    pub fn new(
        storage: Arc<dyn Storage>,
        buckets: Buckets,
        policy: Policy,
        cors: Option<CorsRule>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            storage,
            buckets,
            policy,
            cors,
            clock,
        }
    }
}
