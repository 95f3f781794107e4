//! The traits of an object store, and the types in their signatures.
//!
//! [`Objects`] reads and writes objects. [`Presign`] signs the requests that clients send directly to the store.
//! [`Administration`] sets up buckets and probes the store. [`Storage`] combines the three. This crate does no I/O, and
//! does not know an SDK, a confirm or a sweep.

mod administration;
mod bucket;
mod closed;
mod error;
mod etag;
mod grammar;
mod key;
mod media_type;
mod object_headers;
mod objects;
mod observer;
mod operation;
mod presign;
mod sha256;
mod storage;

pub use administration::{
    Administration, Capabilities, Condition, CorsRule, Created, Feature, Features, Lifecycle, NoncurrentRule, Support,
    Transition,
};
pub use bucket::{BucketName, DraftBucket, InvalidBucketName, MainBucket, SameBucket};
pub use error::{Error, ErrorKind};
pub use etag::{ETag, InvalidETag};
pub use key::{InvalidObjectKey, ObjectKey};
pub use media_type::{InvalidMediaType, MediaType};
pub use object_headers::{InvalidHeader, ObjectHeader, ObjectHeaders};
pub use objects::{
    Attributes, CompleteUpload, CopyInMain, CopyToMain, CopyVersion, CreateUpload, DeleteFailure, DraftVersion,
    Encryption, IfDestination, KeptVersion, ListObjects, ListParts, ListUploads, ListVersions, ListedBytes,
    ListedObject, ListedPart, ListedUpload, ListedVersion, ObjectDeleted, ObjectDescription, ObjectInfo, ObjectPage,
    Objects, PartPage, PutDraft, ReadDraft, RestoreArchived, RestoreStatus, RestoreTier, Retention, RetentionMode,
    StageCopy, StageInMain, StagedCopy, StagedPart, StorageOption, StorageOptions, StoredAttributes, UploadCursor,
    UploadId, UploadPage, VersionCopied, VersionId, VersionPage,
};
pub use observer::{CallEnded, CallObserver, CallOutcome, TRACE_TARGET};
pub use operation::Operation;
pub use presign::{
    Method, Presign, PresignGet, PresignPart, PresignPost, PresignPut, PresignStep, PresignedRequest, SecretFields,
    SecretUrl, UploadStep,
};
pub use sha256::{InvalidSha256, Sha256};
pub use storage::Storage;
