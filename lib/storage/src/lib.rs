//! What DraftStore needs of an object store: the [`Storage`] trait, its vocabulary, and S3.
//!
//! Only `s3` knows the AWS SDK. Nothing here knows what a confirm or a sweep is.

mod bucket;
mod capabilities;
mod closed;
mod cors;
mod error;
mod etag;
mod key;
mod lifecycle;
mod list;
mod multipart;
mod object;
mod observer;
mod presign;
mod put;
pub mod s3;
mod sha256;
mod stage;
mod storage;
mod upload;

pub use bucket::{BucketName, DraftBucket, InvalidBucketName, MainBucket, SameBucket};
pub use capabilities::{Capabilities, Condition, Support};
pub use cors::CorsRule;
pub use error::{Error, ErrorKind, Operation};
pub use etag::{ETag, InvalidETag};
pub use key::{InvalidObjectKey, ObjectKey};
pub use lifecycle::Lifecycle;
pub use list::{ListObjects, ListedObject, ObjectPage};
pub use multipart::{CompleteUpload, CreateUpload, ListParts, ListedPart, PartPage, PresignPart};
pub use object::{Attributes, ObjectInfo};
pub use observer::{CallEnded, CallObserver, CallOutcome, StoreCall, TRACE_TARGET};
pub use presign::{
    Method, PresignGet, PresignPost, PresignPut, PresignStep, PresignedRequest, SecretFields, SecretUrl, UploadStep,
};
pub use put::PutDraft;
pub use sha256::{InvalidSha256, Sha256};
pub use stage::{StageCopy, StagedCopy, StagedPart};
pub use storage::{CopyToMain, Created, DeleteFailure, DraftVersion, IfDestination, Storage};
pub use upload::{ListUploads, ListedUpload, UploadCursor, UploadId, UploadPage};
