//! The table of calls: one row for each rpc. Routing, dispatch on both ports, bounds, audit, metric labels and `OpenAPI` come
//! from it.
//!
//! A new rpc is a message in the proto, a file in the service, a row here, a mapping in `api`, and a test.

use draftstore_proto::v1;
use draftstore_service::Scope;
use serde::de::DeserializeOwned;

use crate::MAX_REQUEST_BYTES;
use crate::api::{Api, Mapping, StreamMapping, Updates};
use crate::audit::DraftRef;
use crate::errors::{
    BUCKET_NOT_FOUND, CHECKS_PENDING, DELETES_NOT_CONFIGURED, DRAFT_NOT_FOUND, FEED_NOT_CONFIGURED, Failure,
    IDEMPOTENCY_KEY_REUSED, NO_MORE_UPLOADS, OBJECT_ALREADY_EXISTS, OBJECT_ARCHIVED, OBJECT_BUSY, OBJECT_CHANGED,
    OBJECT_LOCKED, OBJECT_NOT_FOUND, PIN_MISMATCH, REJECTED, Reason, SCANNER_UNAVAILABLE, STREAM_ENDED,
    TICKETS_NOT_CONFIGURED, UPLOAD_INCOMPLETE, UPLOAD_NOT_FOUND, USAGE_NOT_COUNTED, VERSION_NOT_FOUND,
    VERSIONS_NOT_ENABLED, WEBHOOK_NOT_FOUND,
};
use crate::gate::{Admitted, Bounds};

/// The beginning of every call's path in gRPC.
pub(crate) const GRPC_PREFIX: &str = "/draft.v1.DraftService/";

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    /// The rpc of the call.
    pub rpc: Rpc,
    /// The path in REST, by POST, and by GET too if the call is a stream.
    pub path: &'static str,
    /// The scopes of the call: the caller needs all scopes of one of these sets. The service checks them.
    pub scopes: &'static [&'static [Scope]],
    /// The size class of the message.
    pub size: Size,
    /// The kind of work that the call does.
    pub kind: Kind,
    /// The failures that the call can have besides those that every call can have.
    pub(crate) failures: &'static [Reason],
    /// The group of calls in `OpenAPI`.
    pub(crate) tag: &'static str,
}

/// A size class of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A message about one thing. An object's name and metadata have about 3 KiB.
    One,
    /// A message about as many things as a batch may have, each of the size of [`Size::One`] at most.
    Batch,
    /// A message about the parts of an upload, or about as many objects as one call deletes. The largest one completes an upload
    /// of 10,000 parts, each with its `ETag`.
    Parts,
}

impl Size {
    /// The maximum size of a message, in bytes.
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::One => 64 * 1024,
            Self::Batch | Self::Parts => MAX_REQUEST_BYTES as u64,
        }
    }

    /// The maximum number of elements that are decoded of one list. The service has limits of its own, which are not higher.
    pub(crate) const fn max_elements(self) -> usize {
        match self {
            Self::One | Self::Batch => 1_000,
            Self::Parts => 10_001,
        }
    }
}

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call that takes milliseconds.
    Quick,
    /// A call that moves or reads whole objects. The store bounds its time.
    Long,
    /// A confirm. The store bounds its time, and it counts against the rate limit of confirms.
    Confirm,
    /// A call with a stream of responses, whose beginning takes milliseconds. The gate bounds its time, and the number of
    /// streams.
    Stream,
}

impl Call {
    /// Returns the call at this REST path.
    pub(crate) fn at_path(path: &str) -> Option<&'static Self> {
        CALLS.iter().find(|call| call.path == path)
    }

    /// Returns the call with this rpc name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        CALLS.iter().find(|call| call.rpc.as_str() == name)
    }

    /// Returns true if the call has a stream of responses.
    pub(crate) const fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream)
    }

    /// Returns the bounds within which the gate admits a request.
    pub const fn bounds(&self) -> Bounds {
        Bounds {
            rpc: self.rpc.as_str(),
            scopes: self.scopes,
            max_bytes: self.size.max_bytes(),
            envelope: 0,
            is_long: matches!(self.kind, Kind::Long | Kind::Confirm),
            is_confirm: matches!(self.kind, Kind::Confirm),
            is_stream: self.is_stream(),
        }
    }
}

/// A request message of a call.
pub(crate) trait RpcRequest: prost::Name + Default + DeserializeOwned + 'static {
    /// The rpc of this message.
    const RPC: Rpc;

    /// Returns the drafts that the request is about, for the audit.
    fn drafts(&self) -> Vec<DraftRef>;
}

/// Code that is generic over the messages of a call.
pub(crate) trait Visitor {
    /// The type that the code returns.
    type Output;

    /// Runs for the call with this request and one response.
    fn visit<R: RpcRequest + Mapping>(self) -> Self::Output;

    /// Runs for the call with this request and a stream of responses.
    fn visit_stream<R: RpcRequest + StreamMapping>(self) -> Self::Output;
}

impl Api {
    /// Runs the call, and writes its outcome to the audit.
    pub(crate) async fn call<R: RpcRequest + Mapping>(
        &self,
        admitted: &Admitted,
        request: R,
    ) -> Result<R::Response, Failure> {
        let caller = &admitted.caller;
        let Some(audit) = &admitted.audit else {
            return request.call(self, admitted).await;
        };
        let drafts = request.drafts();
        let result = request.call(self, admitted).await;
        audit.decided(R::RPC.as_str(), caller, &drafts, result.as_ref().map(R::outcomes));
        result
    }

    /// Begins the stream of a call, within its bounds, and writes the outcome to the audit. Returns `None` if the caller has
    /// every response already.
    pub(crate) async fn stream<R: RpcRequest + StreamMapping>(
        &self,
        admitted: &Admitted,
        request: R,
    ) -> Result<Option<Updates<R::Response>>, Failure> {
        let drafts = request.drafts();
        let result = request.open(self, admitted).await;
        if let Some(audit) = &admitted.audit {
            let outcome = result.as_ref().map(|_| Vec::new());
            audit.decided(R::RPC.as_str(), &admitted.caller, &drafts, outcome);
        }
        Ok(result?.map(|updates| admitted.bound(updates)))
    }
}

/// Defines the table. The column `audit` is what a request is about: `none`; a new draft or an object by its `name`; a `draft`, by
/// its name and ID; a `confirm` of one, with its destination; an `object`, or one that may be a draft; a `transfer` of an object,
/// with its destination; a `version` of an object, if it names one; or one of these for each upload of a batch, in brackets, or
/// for each object, in braces; the `webhook` of events, or each of its `events`.
macro_rules! calls {
    ($($rpc:ident($request:ident): POST $path:literal {
        scopes: [$([$($scope:ident),+]),+], size: $size:ident, kind: $kind:ident, audit: $audit:tt,
        failures: [$($failure:ident),*],
        tag: $tag:literal,
    })*) => {
        /// A call of the contract.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Rpc {
            $(#[doc = concat!("The call at `", $path, "`.")] $rpc,)*
        }

        /// Every call of the contract, in the order of [`Rpc`].
        pub const CALLS: &[Call] = &[$(Call {
            rpc: Rpc::$rpc,
            path: $path,
            scopes: &[$(&[$(Scope::$scope),+]),+],
            size: Size::$size,
            kind: Kind::$kind,
            failures: &[$($failure),*],
            tag: $tag,
        }),*];

        impl Rpc {
            /// Returns the name in the contract.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$rpc => stringify!($rpc),)* }
            }

            /// Returns the row of this call.
            pub const fn row(self) -> &'static Call {
                &CALLS[self as usize]
            }

            /// Runs the visitor for the messages of this call.
            pub(crate) fn visit<V: Visitor>(self, visitor: V) -> V::Output {
                match self { $(Self::$rpc => calls!(@visit $kind visitor $request),)* }
            }
        }

        $(impl RpcRequest for v1::$request {
            const RPC: Rpc = Rpc::$rpc;

            fn drafts(&self) -> Vec<DraftRef> {
                calls!(@$audit self)
            }
        })*
    };
    (@visit Stream $visitor:ident $request:ident) => { $visitor.visit_stream::<v1::$request>() };
    (@visit $kind:ident $visitor:ident $request:ident) => { $visitor.visit::<v1::$request>() };
    (@none $request:ident) => { Vec::new() };
    (@name $request:ident) => { vec![DraftRef {
        object_name: Option::from($request.object_name.clone()),
        ..DraftRef::default()
    }] };
    (@draft $request:ident) => { vec![DraftRef {
        object_name: Some($request.object_name.clone()),
        draft_id: $request.draft_id.clone(),
        ..DraftRef::default()
    }] };
    (@confirm $request:ident) => { vec![DraftRef {
        object_name: Some($request.object_name.clone()),
        draft_id: $request.draft_id.clone(),
        destination_name: $request.destination_name.clone(),
        destination: $request.destination.clone(),
        ..DraftRef::default()
    }] };
    (@transfer $request:ident) => { vec![DraftRef {
        object_name: Some($request.object_name.clone()),
        destination_name: Some($request.destination_name.clone()),
        destination: $request.destination.clone(),
        ..DraftRef::default()
    }] };
    (@webhook $request:ident) => { vec![DraftRef {
        webhook: Some($request.webhook.clone()),
        ..DraftRef::default()
    }] };
    (@events $request:ident) => {{
        let event = |event_id: &String| DraftRef {
            webhook: Some($request.webhook.clone()),
            event_id: Some(event_id.clone()),
            ..DraftRef::default()
        };
        $request.event_ids.iter().map(event).collect()
    }};
    (@version $request:ident) => { vec![DraftRef {
        object_name: Some($request.object_name.clone()),
        version_id: Option::from($request.version_id.clone()),
        destination: $request.destination.clone(),
        ..DraftRef::default()
    }] };
    (@object $request:ident) => { vec![DraftRef {
        object_name: Some($request.object_name.clone()),
        destination: $request.destination.clone(),
        ..DraftRef::default()
    }] };
    (@draft_or_object $request:ident) => { vec![DraftRef {
        object_name: Some($request.object_name.clone()),
        draft_id: $request.draft_id.clone(),
        destination: $request.destination.clone(),
        ..DraftRef::default()
    }] };
    (@{$audit:tt} $request:ident) => { $request.objects.iter().flat_map(|object| calls!(@$audit object)).collect() };
    (@[$audit:tt] $request:ident) => { $request.uploads.iter().flat_map(|upload| calls!(@$audit upload)).collect() };
}

calls! {
    CreateDraftBucket(CreateDraftBucketRequest): POST "/api/v1/draft-bucket" {
        scopes: [[Admin]], size: One, kind: Quick, audit: none,
        failures: [],
        tag: "Administration",
    }
    GetUploadURL(GetUploadUrlRequest): POST "/api/v1/upload-url" {
        scopes: [[Upload]], size: One, kind: Quick, audit: name,
        failures: [BUCKET_NOT_FOUND, NO_MORE_UPLOADS],
        tag: "Uploads",
    }
    BatchGetUploadURLs(BatchGetUploadUrLsRequest): POST "/api/v1/upload-urls" {
        scopes: [[Upload]], size: Batch, kind: Quick, audit: [name],
        failures: [],
        tag: "Uploads",
    }
    GetDownloadURL(GetDownloadUrlRequest): POST "/api/v1/download-url" {
        scopes: [[Download]], size: One, kind: Quick, audit: draft_or_object,
        failures: [OBJECT_NOT_FOUND, VERSION_NOT_FOUND, BUCKET_NOT_FOUND, VERSIONS_NOT_ENABLED, OBJECT_ARCHIVED],
        tag: "Downloads",
    }
    ConfirmUpload(ConfirmUploadRequest): POST "/api/v1/confirm-upload" {
        scopes: [[Confirm]], size: One, kind: Confirm, audit: confirm,
        failures: [
            DRAFT_NOT_FOUND,
            BUCKET_NOT_FOUND,
            OBJECT_ALREADY_EXISTS,
            OBJECT_CHANGED,
            CHECKS_PENDING,
            PIN_MISMATCH,
            IDEMPOTENCY_KEY_REUSED,
            REJECTED,
            SCANNER_UNAVAILABLE
        ],
        tag: "Confirms",
    }
    BatchConfirmUploads(BatchConfirmUploadsRequest): POST "/api/v1/confirm-uploads" {
        scopes: [[Confirm]], size: Batch, kind: Confirm, audit: [confirm],
        failures: [],
        tag: "Confirms",
    }
    InspectDraft(InspectDraftRequest): POST "/api/v1/inspect-draft" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: draft,
        failures: [DRAFT_NOT_FOUND, BUCKET_NOT_FOUND],
        tag: "Drafts and objects",
    }
    ReportScan(ReportScanRequest): POST "/api/v1/report-scan" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: draft,
        failures: [BUCKET_NOT_FOUND],
        tag: "Drafts and objects",
    }
    CheckDraft(CheckDraftRequest): POST "/api/v1/check-draft" {
        scopes: [[Inspect]], size: One, kind: Long, audit: draft,
        failures: [DRAFT_NOT_FOUND, BUCKET_NOT_FOUND, SCANNER_UNAVAILABLE],
        tag: "Drafts and objects",
    }
    WatchDraft(WatchDraftRequest): POST "/api/v1/watch-draft" {
        scopes: [[Inspect]], size: One, kind: Stream, audit: draft,
        failures: [DRAFT_NOT_FOUND, BUCKET_NOT_FOUND, STREAM_ENDED],
        tag: "Drafts and objects",
    }
    DiscardDraft(DiscardDraftRequest): POST "/api/v1/discard-draft" {
        scopes: [[Discard]], size: One, kind: Quick, audit: draft,
        failures: [BUCKET_NOT_FOUND],
        tag: "Drafts and objects",
    }
    ListDrafts(ListDraftsRequest): POST "/api/v1/list-drafts" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: none,
        failures: [BUCKET_NOT_FOUND],
        tag: "Drafts and objects",
    }
    ListObjects(ListObjectsRequest): POST "/api/v1/list-objects" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: none,
        failures: [BUCKET_NOT_FOUND],
        tag: "Drafts and objects",
    }
    GetObject(GetObjectRequest): POST "/api/v1/get-object" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: version,
        failures: [OBJECT_NOT_FOUND, VERSION_NOT_FOUND, VERSIONS_NOT_ENABLED],
        tag: "Drafts and objects",
    }
    DeleteObject(DeleteObjectRequest): POST "/api/v1/delete-object" {
        scopes: [[Manage]], size: One, kind: Quick, audit: object,
        failures: [
            BUCKET_NOT_FOUND,
            OBJECT_ARCHIVED,
            OBJECT_BUSY,
            OBJECT_CHANGED,
            PIN_MISMATCH,
            DELETES_NOT_CONFIGURED
        ],
        tag: "Drafts and objects",
    }
    BatchDeleteObjects(BatchDeleteObjectsRequest): POST "/api/v1/delete-objects" {
        scopes: [[Manage]], size: Parts, kind: Long, audit: {object},
        failures: [],
        tag: "Drafts and objects",
    }
    UpdateObject(UpdateObjectRequest): POST "/api/v1/update-object" {
        scopes: [[Manage]], size: One, kind: Long, audit: version,
        failures: [
            OBJECT_NOT_FOUND,
            VERSION_NOT_FOUND,
            BUCKET_NOT_FOUND,
            OBJECT_ARCHIVED,
            OBJECT_BUSY,
            OBJECT_CHANGED,
            OBJECT_LOCKED,
            PIN_MISMATCH,
            VERSIONS_NOT_ENABLED
        ],
        tag: "Drafts and objects",
    }
    CopyObject(CopyObjectRequest): POST "/api/v1/copy-object" {
        scopes: [[Manage]], size: One, kind: Long, audit: transfer,
        failures: [
            OBJECT_NOT_FOUND,
            BUCKET_NOT_FOUND,
            OBJECT_ALREADY_EXISTS,
            OBJECT_ARCHIVED,
            OBJECT_BUSY,
            OBJECT_CHANGED,
            PIN_MISMATCH,
            IDEMPOTENCY_KEY_REUSED
        ],
        tag: "Drafts and objects",
    }
    MoveObject(MoveObjectRequest): POST "/api/v1/move-object" {
        scopes: [[Manage]], size: One, kind: Long, audit: transfer,
        failures: [
            OBJECT_NOT_FOUND,
            BUCKET_NOT_FOUND,
            OBJECT_ALREADY_EXISTS,
            OBJECT_ARCHIVED,
            OBJECT_BUSY,
            OBJECT_CHANGED,
            OBJECT_LOCKED,
            PIN_MISMATCH,
            DELETES_NOT_CONFIGURED,
            IDEMPOTENCY_KEY_REUSED
        ],
        tag: "Drafts and objects",
    }
    ListVersions(ListVersionsRequest): POST "/api/v1/list-versions" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: object,
        failures: [OBJECT_NOT_FOUND, BUCKET_NOT_FOUND, VERSIONS_NOT_ENABLED],
        tag: "Versions",
    }
    RestoreVersion(RestoreVersionRequest): POST "/api/v1/restore-version" {
        scopes: [[Manage]], size: One, kind: Long, audit: version,
        failures: [
            VERSION_NOT_FOUND,
            BUCKET_NOT_FOUND,
            OBJECT_ALREADY_EXISTS,
            OBJECT_ARCHIVED,
            OBJECT_BUSY,
            OBJECT_CHANGED,
            PIN_MISMATCH,
            VERSIONS_NOT_ENABLED
        ],
        tag: "Versions",
    }
    RestoreObject(RestoreObjectRequest): POST "/api/v1/restore-object" {
        scopes: [[Manage]], size: One, kind: Quick, audit: version,
        failures: [OBJECT_NOT_FOUND, VERSION_NOT_FOUND, VERSIONS_NOT_ENABLED],
        tag: "Drafts and objects",
    }
    DeleteVersion(DeleteVersionRequest): POST "/api/v1/delete-version" {
        scopes: [[Admin]], size: One, kind: Quick, audit: version,
        failures: [VERSION_NOT_FOUND, BUCKET_NOT_FOUND, OBJECT_LOCKED, DELETES_NOT_CONFIGURED, VERSIONS_NOT_ENABLED],
        tag: "Versions",
    }
    GetUsage(GetUsageRequest): POST "/api/v1/usage" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: none,
        failures: [BUCKET_NOT_FOUND, USAGE_NOT_COUNTED],
        tag: "Drafts and objects",
    }
    ListUndeliveredEvents(ListUndeliveredEventsRequest): POST "/api/v1/list-undelivered-events" {
        scopes: [[Admin]], size: One, kind: Quick, audit: webhook,
        failures: [WEBHOOK_NOT_FOUND, BUCKET_NOT_FOUND],
        tag: "Events",
    }
    RedeliverEvents(RedeliverEventsRequest): POST "/api/v1/redeliver-events" {
        scopes: [[Admin]], size: One, kind: Long, audit: events,
        failures: [WEBHOOK_NOT_FOUND, BUCKET_NOT_FOUND],
        tag: "Events",
    }
    ListEvents(ListEventsRequest): POST "/api/v1/list-events" {
        scopes: [[Inspect]], size: One, kind: Quick, audit: none,
        failures: [BUCKET_NOT_FOUND, FEED_NOT_CONFIGURED],
        tag: "Events",
    }
    WatchEvents(WatchEventsRequest): POST "/api/v1/watch-events" {
        scopes: [[Inspect]], size: One, kind: Stream, audit: none,
        failures: [BUCKET_NOT_FOUND, FEED_NOT_CONFIGURED, STREAM_ENDED],
        tag: "Events",
    }
    CreateMultipartUpload(CreateMultipartUploadRequest): POST "/api/v1/multipart/create" {
        scopes: [[Upload]], size: One, kind: Quick, audit: name,
        failures: [BUCKET_NOT_FOUND, NO_MORE_UPLOADS],
        tag: "Uploads in parts",
    }
    SignParts(SignPartsRequest): POST "/api/v1/multipart/sign-parts" {
        scopes: [[Upload]], size: Parts, kind: Quick, audit: draft,
        failures: [UPLOAD_NOT_FOUND],
        tag: "Uploads in parts",
    }
    ListParts(ListPartsRequest): POST "/api/v1/multipart/list-parts" {
        scopes: [[Upload]], size: One, kind: Quick, audit: draft,
        failures: [UPLOAD_NOT_FOUND, BUCKET_NOT_FOUND],
        tag: "Uploads in parts",
    }
    CompleteMultipartUpload(CompleteMultipartUploadRequest): POST "/api/v1/multipart/complete" {
        scopes: [[Upload]], size: Parts, kind: Long, audit: draft,
        failures: [UPLOAD_NOT_FOUND, BUCKET_NOT_FOUND, PIN_MISMATCH, UPLOAD_INCOMPLETE],
        tag: "Uploads in parts",
    }
    AbortMultipartUpload(AbortMultipartUploadRequest): POST "/api/v1/multipart/abort" {
        scopes: [[Upload]], size: One, kind: Quick, audit: draft,
        failures: [UPLOAD_NOT_FOUND, BUCKET_NOT_FOUND],
        tag: "Uploads in parts",
    }
    CreateTicket(CreateTicketRequest): POST "/api/v1/tickets" {
        scopes: [[Upload, Confirm], [Upload, Admin]], size: One, kind: Quick, audit: name,
        failures: [TICKETS_NOT_CONFIGURED],
        tag: "Administration",
    }
}
