//! Presigned requests: a URL, and the headers that its holder must send.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use crate::{DraftBucket, ObjectKey, Sha256, UploadId};

/// An upload to sign: `PUT` of one object into the draft bucket.
///
/// Each constraint that is given becomes a signed header, so that the store enforces it.
#[derive(Debug, Clone)]
pub struct PresignPut<'a> {
    /// Where it goes. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key, verbatim.
    pub key: &'a ObjectKey,
    /// Exact size in bytes.
    pub content_length: Option<u64>,
    /// Exact `Content-Type`.
    pub content_type: Option<&'a str>,
    /// SHA-256 of the body, which the store checks before it keeps anything.
    pub checksum_sha256: Option<Sha256>,
    /// User metadata, names in lower case.
    pub metadata: &'a BTreeMap<String, String>,
    /// Refuse the upload where the key exists already (`If-None-Match: *`), on stores that honour it.
    pub write_once: bool,
    /// When the URL begins to be valid: now, by the clock of whoever calls.
    pub now: SystemTime,
    /// How long it is valid, 1 s to 7 days, cut short where the signing credentials end sooner.
    pub expires_in: Duration,
}

/// An upload by a form to sign: `POST` of one object into the draft bucket, of any size up to a limit.
///
/// Each constraint becomes a condition of the form's policy, so that the store enforces it. A form cannot ask that the key be
/// new: it can be sent again for as long as it is valid.
#[derive(Debug, Clone)]
pub struct PresignPost<'a> {
    /// Where it goes. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key, verbatim. Not one with `${filename}` in it, which stores replace.
    pub key: &'a ObjectKey,
    /// The largest size in bytes.
    pub max_content_length: u64,
    /// Exact `Content-Type`. Unset: the form has none.
    pub content_type: Option<&'a str>,
    /// SHA-256 of the file, which the store checks before it keeps anything.
    pub checksum_sha256: Option<Sha256>,
    /// User metadata, names in lower case.
    pub metadata: &'a BTreeMap<String, String>,
    /// See [`PresignPut::now`].
    pub now: SystemTime,
    /// See [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// A step of a multipart upload into the draft bucket to sign, for clients that speak S3 by themselves. Their parts are
/// uploads like any other: see [`crate::PresignPart`].
#[derive(Debug, Clone, Copy)]
pub struct PresignStep<'a> {
    /// Where the upload is. There is no way to name the main bucket here.
    pub bucket: &'a DraftBucket,
    /// The key that it becomes, verbatim.
    pub key: &'a ObjectKey,
    /// What the client shall do.
    pub step: UploadStep<'a>,
    /// See [`PresignPut::now`].
    pub now: SystemTime,
    /// See [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// What a client that speaks S3 does with a multipart upload, beside uploading its parts.
#[derive(Debug, Clone, Copy)]
pub enum UploadStep<'a> {
    /// Begin it: `POST`.
    Create,
    /// Say which parts have arrived: `GET`.
    ListParts(&'a UploadId),
    /// Make the parts an object: `POST`.
    Complete(&'a UploadId),
    /// Give it up: `DELETE`.
    Abort(&'a UploadId),
}

/// A download to sign: `GET` of one object, of draft or of main.
#[derive(Debug, Clone)]
pub struct PresignGet<'a> {
    /// Where it lies.
    pub bucket: &'a crate::BucketName,
    /// The key, verbatim.
    pub key: &'a ObjectKey,
    /// The `Content-Disposition` that the store shall answer with, whatever is stored.
    pub response_content_disposition: Option<&'a str>,
    /// See [`PresignPut::now`].
    pub now: SystemTime,
    /// See [`PresignPut::expires_in`].
    pub expires_in: Duration,
}

/// The HTTP method of a presigned request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `PUT`
    Put,
    /// `POST`: of a form, where there are fields
    Post,
    /// `DELETE`
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// What a client needs to talk to the store by itself.
#[derive(Debug, Clone)]
pub struct PresignedRequest {
    /// The method that was signed.
    pub method: Method,
    /// The URL, with its signature.
    pub url: SecretUrl,
    /// Exactly the headers that the client must send beside those that every HTTP client sends by itself (`Host`).
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The fields of the form, all of them, to be sent before the file; none but for `POST`.
    pub fields: SecretFields,
    /// When the URL truly ends: whole seconds, never after the credentials that signed it.
    pub expires_at: SystemTime,
}

/// A presigned URL. Whoever holds it has the power it grants, so it does not show itself in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL itself, for the one answer that hands it out.
    pub fn expose(self) -> String {
        self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[presigned URL]")
    }
}

/// The fields of a signed form. Whoever holds them can upload, so they do not show themselves in logs.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretFields(BTreeMap<String, String>);

impl SecretFields {
    /// Wraps fields.
    pub fn new(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }

    /// The fields themselves, for the one answer that hands them out.
    pub fn expose(self) -> BTreeMap<String, String> {
        self.0
    }
}

impl fmt::Debug for SecretFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[signed fields]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presigned_url_does_not_show_itself() {
        let url = SecretUrl::new("https://s3.example/b/k?X-Amz-Signature=abc");
        assert_eq!(format!("{url:?} {url:#?}"), "[presigned URL] [presigned URL]");
    }

    #[test]
    fn fields_of_a_form_do_not_show_themselves() {
        let fields = SecretFields::new(BTreeMap::from([("x-amz-signature".to_owned(), "abc".to_owned())]));
        assert_eq!(format!("{fields:?} {fields:#?}"), "[signed fields] [signed fields]");
    }
}
