//! Presigning: a URL, the headers to send with it, and its true end.
//!
//! Uploads are signed in one piece, in parts and by a form, only into the draft bucket; downloads from both.

mod form;
mod validity;

#[cfg(test)]
mod equality;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_sdk_s3::config::Builder;
use draftstore_sigv4::{BucketUrl, UploadForm, UrlRequest};
use draftstore_storage::{
    BucketName, Condition, Error, Method, ObjectKey, Operation, Presign, PresignGet, PresignPart, PresignPost,
    PresignPut, PresignStep, PresignedRequest, SecretFields, SecretUrl, Sha256, UploadStep,
};

use self::validity::Validity;
use crate::S3Storage;
use crate::bucket_urls::BucketUrls;
use crate::calls::attribute_headers;
use crate::error::Call;
use crate::signer_cache::SignerCache;
use crate::signers::Signers;

#[async_trait]
impl Presign for S3Storage {
    async fn presign_put(&self, put: &PresignPut<'_>) -> Result<PresignedRequest, Error> {
        let write_once = put.write_once && self.conditions.sent(Condition::UploadOnce, ()).is_some();
        let mut headers = constraints(put.content_length, put.checksum_sha256);
        if write_once {
            headers.insert("if-none-match".to_owned(), "*".to_owned());
        }
        headers.extend(attribute_headers(put.attributes));
        let request = ObjectRequest {
            method: Method::Put,
            bucket: put.bucket.name(),
            key: put.key,
            query: &[],
            headers,
            now: put.now,
            expires_in: put.expires_in,
        };
        self.uploads().url(request).await
    }

    async fn presign_part(&self, part: &PresignPart<'_>) -> Result<PresignedRequest, Error> {
        let number = part.number.to_string();
        let request = ObjectRequest {
            method: Method::Put,
            bucket: part.bucket.name(),
            key: part.key,
            query: &[("partNumber", &number), ("uploadId", part.upload_id.as_str())],
            headers: constraints(part.content_length, part.checksum_sha256),
            now: part.now,
            expires_in: part.expires_in,
        };
        self.uploads().url(request).await
    }

    async fn presign_post(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error> {
        self.uploads().form(post).await
    }

    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>
    async fn presign_step(&self, step: &PresignStep<'_>) -> Result<PresignedRequest, Error> {
        let (method, query) = match step.step {
            UploadStep::Create(_) => (Method::Post, ("uploads", "")),
            UploadStep::ListParts(id) => (Method::Get, ("uploadId", id.as_str())),
            UploadStep::Complete(id) => (Method::Post, ("uploadId", id.as_str())),
            UploadStep::Abort(id) => (Method::Delete, ("uploadId", id.as_str())),
        };
        let headers = match step.step {
            UploadStep::Create(attributes) => attribute_headers(attributes).into_iter().collect(),
            UploadStep::ListParts(_) | UploadStep::Complete(_) | UploadStep::Abort(_) => BTreeMap::new(),
        };
        let request = ObjectRequest {
            method,
            bucket: step.bucket.name(),
            key: step.key,
            query: &[query],
            headers,
            now: step.now,
            expires_in: step.expires_in,
        };
        self.uploads().url(request).await
    }

    async fn presign_get(&self, get: &PresignGet<'_>) -> Result<PresignedRequest, Error> {
        let mut query = vec![
            ("response-content-disposition", get.response_content_disposition),
            ("response-content-type", get.response_content_type.as_str()),
        ];
        query.extend(get.version.map(|version| ("versionId", version.as_str())));
        let if_match = get.if_match.map(|etag| ("if-match".to_owned(), etag.quoted()));
        let if_match = if_match.into_iter();
        let request = ObjectRequest {
            method: Method::Get,
            bucket: get.bucket,
            key: get.key,
            query: &query,
            headers: if_match.collect(),
            now: get.now,
            expires_in: get.expires_in,
        };
        self.presigner.url(request).await
    }
}

/// The presigner of the public endpoint, with the credentials of one provider.
#[derive(Debug)]
pub(crate) struct Presigner {
    pub(crate) signers: Signers,
    buckets: BucketUrls,
}

/// A request for one object, to be presigned.
#[derive(Debug)]
struct ObjectRequest<'a> {
    method: Method,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    query: &'a [(&'a str, &'a str)],
    headers: BTreeMap<String, String>,
    now: SystemTime,
    expires_in: Duration,
}

impl Presigner {
    /// Creates the presigner. `config` is that of a client of the public endpoint, without credentials.
    pub(crate) fn new(signers: Signers, config: Builder) -> Self {
        Self {
            signers,
            buckets: BucketUrls::new(config),
        }
    }

    async fn url(&self, request: ObjectRequest<'_>) -> Result<PresignedRequest, Error> {
        let call = Call::on_key(Operation::Presign, request.bucket, request.key);
        let cached = self.signers.with_cached(request.now, |signer| {
            self.buckets
                .with_cached(request.bucket, |bucket| request.signed(call, signer, bucket))
        });
        let (url, expires_at) = if let Some(signed) = cached.flatten() {
            signed?
        } else {
            // Boxed: every signature would have room for what few need.
            let (signer, bucket) = Box::pin(self.resolve(call, request.bucket, request.now)).await?;
            request.signed(call, &signer, &bucket)?
        };
        Ok(PresignedRequest {
            method: request.method,
            url: SecretUrl::new(url),
            headers: request.headers,
            fields: SecretFields::default(),
            expires_at,
        })
    }

    async fn form(&self, post: &PresignPost<'_>) -> Result<PresignedRequest, Error> {
        let call = Call::on_key(Operation::Presign, post.bucket.name(), post.key);
        if post.key.as_str().contains(form::FILE_NAME_VARIABLE) {
            return Err(call.unexpected("the store would replace ${filename} in the key of a form"));
        }
        let (signer, bucket) = self.resolve(call, post.bucket.name(), post.now).await?;
        let validity = Validity::new(call, post.now, post.expires_in, signer.ends_at())?;
        let form = UploadForm {
            bucket: post.bucket.name().as_str(),
            fields: form::fields(post),
            max_content_length: post.max_content_length,
            seconds: validity.seconds,
        };
        let fields = signer.with_signer_at(validity.from, |signer| signer.sign_form(form));
        Ok(PresignedRequest {
            method: Method::Post,
            url: SecretUrl::new(bucket.as_str()),
            headers: BTreeMap::new(),
            fields: SecretFields::new(fields),
            expires_at: validity.until(),
        })
    }

    /// Returns the signer and the URL of the bucket, and loads them if they are not cached.
    async fn resolve(
        &self,
        call: Call<'_>,
        bucket: &BucketName,
        now: SystemTime,
    ) -> Result<(Arc<SignerCache>, Arc<BucketUrl>), Error> {
        let signer = self.signers.signer(now).await;
        let signer = signer.map_err(|error| call.without_credentials(&error))?;
        Ok((signer, self.buckets.get(call, bucket).await?))
    }
}

impl ObjectRequest<'_> {
    /// Returns the URL and its end.
    fn signed(&self, call: Call<'_>, signer: &SignerCache, bucket: &BucketUrl) -> Result<(String, SystemTime), Error> {
        let validity = Validity::new(call, self.now, self.expires_in, signer.ends_at())?;
        let request = UrlRequest {
            method: self.method.as_str(),
            bucket,
            key: self.key.as_str(),
            query: self.query,
            headers: &self.headers,
            seconds: validity.seconds,
        };
        let url = signer.with_signer_at(validity.from, |signer| signer.sign_url(&request));
        Ok((url, validity.until()))
    }
}

/// Returns the headers of the known properties of the bytes.
fn constraints(content_length: Option<u64>, checksum_sha256: Option<Sha256>) -> BTreeMap<String, String> {
    let length = content_length.map(|bytes| ("content-length".to_owned(), bytes.to_string()));
    let checksum = checksum_sha256.map(|checksum| ("x-amz-checksum-sha256".to_owned(), checksum.to_string()));
    length.into_iter().chain(checksum).collect()
}
