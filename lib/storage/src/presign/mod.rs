//! Presigning of the requests that clients send directly to the store.

mod presigned;
mod request;

use std::fmt;

use async_trait::async_trait;

use crate::Error;

pub use presigned::{Method, PresignedRequest, SecretFields, SecretUrl};
pub use request::{PresignGet, PresignPart, PresignPost, PresignPut, PresignStep, UploadStep};

/// Signs requests for clients, without calling the store.
///
/// Only downloads can be signed for the main bucket. Every method fails with kind `CredentialsRefused` if there are no
/// valid credentials to sign with.
#[async_trait]
pub trait Presign: Send + Sync + fmt::Debug {
    /// Signs an upload by a single `PUT`.
    async fn presign_put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error>;

    /// Signs the upload of one part of a multipart upload.
    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error>;

    /// Signs an upload by a form. The URL ends with a slash. Some stores (R2, B2) do not support forms.
    async fn presign_post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error>;

    /// Signs a step of a multipart upload. The host is the only signed header.
    async fn presign_step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error>;

    /// Signs a download of an object.
    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error>;
}
