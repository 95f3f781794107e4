//! Requests that clients send to the store by themselves.

mod presigned;
mod request;

use std::fmt;

use async_trait::async_trait;

use crate::Error;

pub use presigned::{Method, PresignedRequest, SecretFields, SecretUrl};
pub use request::{PresignGet, PresignPart, PresignPost, PresignPut, PresignStep, UploadStep};

/// A signer of requests on a store. Sends nothing to the store.
///
/// All but downloads are signed for the draft bucket only. Every method fails with kind `CredentialsRefused` when there
/// are no live credentials to sign with.
#[async_trait]
pub trait Presign: Send + Sync + fmt::Debug {
    /// Signs an upload in one piece.
    async fn presign_put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error>;

    /// Signs the upload of a part.
    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error>;

    /// Signs an upload by a form; its URL ends with a slash. Some stores (R2, B2) have no forms.
    async fn presign_post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error>;

    /// Signs a step of a multipart upload. Of its headers only the host is signed.
    async fn presign_step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error>;

    /// Signs a download of an object.
    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error>;
}
