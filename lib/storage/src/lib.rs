//! The object store as DraftStore uses it: the traits, and the vocabulary of their signatures.
//!
//! Three traits, by who needs them: [`Objects`] reads and writes, [`Presign`] signs what clients send by themselves,
//! [`Administration`] sets buckets up and probes the store. [`Storage`] is all of them. Nothing here knows an SDK, does
//! I/O, or knows what a confirm or a sweep is.

mod administration;
mod bucket;
mod closed;
mod error;
mod etag;
mod key;
mod objects;
mod observer;
mod presign;
mod sha256;
mod storage;

pub use administration::{Administration, Capabilities, Condition, CorsRule, Created, Lifecycle, Support};
pub use bucket::{BucketName, DraftBucket, InvalidBucketName, MainBucket, SameBucket};
pub use error::{Error, ErrorKind, Operation};
pub use etag::{ETag, InvalidETag};
pub use key::{InvalidObjectKey, ObjectKey};
pub use objects::{
    Attributes, CompleteUpload, CopyToMain, CreateUpload, DeleteFailure, DraftVersion, IfDestination, ListObjects,
    ListParts, ListUploads, ListedObject, ListedPart, ListedUpload, ObjectInfo, ObjectPage, Objects, PartPage,
    PutDraft, StageCopy, StagedCopy, StagedPart, UploadCursor, UploadId, UploadPage,
};
pub use observer::{CallEnded, CallObserver, CallOutcome, StoreCall, TRACE_TARGET};
pub use presign::{
    Method, Presign, PresignGet, PresignPart, PresignPost, PresignPut, PresignStep, PresignedRequest, SecretFields,
    SecretUrl, UploadStep,
};
pub use sha256::{InvalidSha256, Sha256};
pub use storage::Storage;
