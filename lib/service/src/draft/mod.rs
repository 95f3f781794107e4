//! The calls on drafts and confirmed objects: create buckets, issue URLs, inspect, check, watch, list, confirm,
//! discard, delete, and usage.

mod acts;
mod attributes;
mod auto_confirm;
mod buckets;
mod checks;
mod confirm;
mod discard;
mod disposition;
mod draft_ref;
mod feed;
mod identity;
mod inspect;
mod issue_download;
mod issue_upload;
mod list;
mod list_objects;
mod multipart;
mod object;
pub(crate) mod options;
mod page;
mod place;
mod sign_request;
mod staging;
mod undelivered;
mod unsigned_url;
pub mod uppy_names;
mod usage;
mod watch;

use std::any::Any;
use std::sync::Arc;

use draftstore_storage::{BucketName, ErrorKind};

use auto_confirm::AutoConfirms;
pub use auto_confirm::ProfileSource;
pub use buckets::BucketsReady;
use checks::RunningChecks;
pub use checks::{CheckLimits, CheckState, ChecksInProgress, DraftChecked, ScanReport, ScanVerdict};
pub use confirm::RemovalBounds;
pub use confirm::{ConfirmBatch, ConfirmLimits, ConfirmUpload, Confirmed, DEFAULT_CONFIRM_TIMEOUT, MAX_COPY_BYTES};
use confirm::{Locks, RemovalQueue};
pub use disposition::Disposition;
pub use draft_ref::DraftName;
pub use draftstore_protocol::checks::{Reason as CheckReason, SilentScanner};
pub use draftstore_protocol::{DraftId, Stage};
use feed::SharedPages;
pub use feed::{EventsPage, EventsUpdate, EventsWatch, FeedEvent, ListEvents, SelectEvents};
pub use inspect::{DraftInspected, UploadedDraft};
pub use issue_download::{DownloadIssued, IssueDownload};
pub use issue_upload::{IssueUpload, UploadIssued};
pub use list::{DraftListed, DraftPage, ListDrafts};
pub use list_objects::{ListObjects, ObjectFilter, ObjectListed, ObjectTotals, ObjectsPage};
pub use multipart::{
    CompleteMultipart, CompletedPart, CreateMultipart, MultipartCompleted, MultipartCreated, PartToSign, PartsSigned,
    SignParts, SignedPart, UploadName, UploadStatus,
};
pub(crate) use object::options_of;
pub use object::{
    ArchiveState, CopyObject, DeleteObject, DeleteVersion, DescribeObject, ListVersions, ObjectDeleted,
    ObjectDescribed, ObjectTransferred, RestoreObject, RestoreVersion, UpdateObject, VersionListed, VersionRestored,
    VersionsPage,
};
pub use options::{RequestedOptions, RequestedRetention};
pub use sign_request::{RequestSigned, S3Request, SignRequest};
pub use undelivered::{ListUndelivered, RedeliverEvents, RedeliveryResult, UndeliveredEvent, UndeliveredPage};
pub use usage::{GetUsage, UsagePage};
use watch::WatchedDrafts;
pub use watch::{DraftState, DraftWatch, WatchDraft};

use tokio_util::task::TaskTracker;

use crate::caller::Destination;
use crate::events::{Courier, EndpointSource, Events};
use crate::observer::ConfirmEnded;
use crate::secrets::{Binding, Purpose, SecretSource, Secrets};
use crate::{AllowedOrigins, Caller, Clock, Error, Observer, Policy, Store, UrlKind, WebhookClient};

/// The service for one caller. Has no state except its configuration, which clones share.
#[derive(Debug, Clone)]
pub struct Drafts {
    shared: Arc<Shared>,
    caller: Arc<Caller>,
    /// The destination that the call is about. `None` is the main bucket.
    place: Option<Arc<Destination>>,
    /// Dropped when all work for the call is done.
    guard: Option<Arc<dyn Any + Send + Sync>>,
}

/// The configuration that all callers share.
#[derive(Debug, Clone)]
struct Shared {
    store: Store,
    policy: Policy,
    origins: AllowedOrigins,
    clock: Arc<dyn Clock>,
    confirm_limits: ConfirmLimits,
    /// The confirms, the deletes of their drafts, and the checks.
    tasks: TaskTracker,
    removals: RemovalQueue,
    locks: Locks,
    checks: RunningChecks,
    auto_confirms: AutoConfirms,
    watched: WatchedDrafts,
    observer: Option<Arc<dyn Observer>>,
    webhooks: Option<Arc<dyn WebhookClient>>,
    secrets: Arc<dyn SecretSource>,
    usage: usage::MergedCache,
    events: Events,
    /// `true` if each event is kept in the feed.
    feeds: bool,
    feed_pages: SharedPages,
}

impl Drafts {
    /// Creates the service for callers without authentication. Web pages of `origins` may use the draft bucket.
    ///
    /// Its secrets end with the process, unless [`Drafts::with_secrets`] sets others.
    pub fn new(store: Store, policy: Policy, origins: AllowedOrigins, clock: Arc<dyn Clock>) -> Self {
        let shared = Shared {
            store,
            policy,
            origins,
            clock,
            confirm_limits: ConfirmLimits::default(),
            tasks: TaskTracker::new(),
            removals: RemovalQueue::new(ConfirmLimits::default().removals),
            locks: Locks::default(),
            checks: RunningChecks::new(CheckLimits::default()),
            auto_confirms: AutoConfirms::new(None),
            watched: WatchedDrafts::default(),
            observer: None,
            webhooks: None,
            secrets: Arc::new(Secrets::random()),
            usage: usage::MergedCache::default(),
            events: Events::default(),
            feeds: false,
            feed_pages: SharedPages::default(),
        };
        Self {
            shared: Arc::new(shared),
            caller: Arc::new(Caller::anyone()),
            place: None,
            guard: None,
        }
    }

    /// Returns the service for one caller. Calls beyond its scopes are refused, and objects of other tenants are not
    /// found.
    #[must_use]
    pub fn for_caller(&self, caller: Arc<Caller>) -> Self {
        let shared = Arc::clone(&self.shared);
        Self {
            shared,
            caller,
            place: None,
            guard: None,
        }
    }

    /// Keeps the guard until all work for the call is done: a confirm goes on after its caller has disconnected.
    #[must_use]
    pub fn keeping(mut self, guard: Arc<dyn Any + Send + Sync>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Sets the limits of confirms.
    #[must_use]
    pub fn with_confirm_limits(mut self, limits: ConfirmLimits) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.confirm_limits = limits;
        shared.removals = RemovalQueue::new(limits.removals);
        self
    }

    /// Sets the limits of checks.
    #[must_use]
    pub fn with_check_limits(mut self, limits: CheckLimits) -> Self {
        Arc::make_mut(&mut self.shared).checks = RunningChecks::new(limits);
        self
    }

    /// Sets the source of the profiles by which drafts confirm themselves. Without one, none does.
    #[must_use]
    pub fn with_profiles(mut self, profiles: Arc<dyn ProfileSource>) -> Self {
        Arc::make_mut(&mut self.shared).auto_confirms = AutoConfirms::new(Some(profiles));
        self
    }

    /// Sets the observer of URLs and confirms.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        Arc::make_mut(&mut self.shared).observer = Some(observer);
        self
    }

    /// Sets the client that sends requests to scanners.
    #[must_use]
    pub fn with_webhooks(mut self, client: Arc<dyn WebhookClient>) -> Self {
        Arc::make_mut(&mut self.shared).webhooks = Some(client);
        self
    }

    /// Sets the secrets. All servers of an installation need the same, so that each accepts what callers hold from
    /// another, and recognizes its confirms.
    #[must_use]
    pub fn with_secrets(mut self, secrets: Arc<dyn SecretSource>) -> Self {
        Arc::make_mut(&mut self.shared).secrets = secrets;
        self
    }

    /// Sets the endpoints that events are sent to.
    #[must_use]
    pub fn with_endpoints(mut self, source: Arc<dyn EndpointSource>) -> Self {
        Arc::make_mut(&mut self.shared).events = Events::new(source);
        self
    }

    /// Keeps each event in the feed.
    #[must_use]
    pub fn with_feed(mut self) -> Self {
        Arc::make_mut(&mut self.shared).feeds = true;
        self
    }

    /// Returns the deliverer of events.
    pub(crate) fn courier(&self) -> Courier<'_> {
        let shared = &self.shared;
        Courier {
            events: &shared.events,
            store: &shared.store,
            clock: &shared.clock,
            observer: shared.observer.as_ref(),
            feeds: shared.feeds,
        }
    }

    /// Seals a token for this caller, bound to these parts as well.
    fn seal(&self, purpose: Purpose, parts: &[&str], content: &[u8]) -> String {
        let parts = [&self.caller.identity()[..], self.destination().as_slice(), parts].concat();
        let binding = Binding { purpose, parts: &parts };
        self.shared.secrets.current().seal(binding, content)
    }

    /// Opens a token that was sealed for this caller and these parts. Returns `None` for any other text.
    fn open(&self, purpose: Purpose, parts: &[&str], token: &str) -> Option<Vec<u8>> {
        let parts = [&self.caller.identity()[..], self.destination().as_slice(), parts].concat();
        let binding = Binding { purpose, parts: &parts };
        self.shared.secrets.current().open(binding, token)
    }

    fn observe_issued(&self, kind: UrlKind, count: usize) {
        if let Some(observer) = &self.shared.observer {
            observer.issued(kind, count);
        }
    }

    fn observe_confirmed(&self, result: &Result<Confirmed, Error>) {
        if let Some(observer) = &self.shared.observer {
            observer.confirmed(ConfirmEnded::from(result));
        }
    }

    /// Returns the lifetimes of URLs and drafts.
    pub fn policy(&self) -> Policy {
        self.shared.policy
    }

    /// Returns the bucket of all uploads.
    pub fn draft_bucket(&self) -> &BucketName {
        self.shared.store.buckets.draft.name()
    }

    /// Waits for all running confirms and checks, including those whose callers have disconnected, and until their drafts were
    /// deleted. Call it after the last request.
    pub async fn drain(&self) {
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

/// Maps the error of a missing object to `None`.
pub(crate) fn found<T>(
    looked_up: Result<T, draftstore_storage::Error>,
) -> Result<Option<T>, draftstore_storage::Error> {
    match looked_up {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
