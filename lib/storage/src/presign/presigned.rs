//! Presigned requests: a URL, and the headers or form fields to send with it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

/// The HTTP method of a presigned request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The `GET` method, for downloads and listings.
    Get,
    /// The `PUT` method, for uploads.
    Put,
    /// The `POST` method: of a form if there are fields, else of a step of a multipart upload.
    Post,
    /// The `DELETE` method, to abort multipart uploads.
    Delete,
}

impl Method {
    /// Returns the method's name in HTTP.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A presigned request, with everything that a client needs to send it.
#[derive(Debug, Clone)]
pub struct PresignedRequest {
    /// The method that was signed.
    pub method: Method,
    /// The URL, including its signature.
    pub url: SecretUrl,
    /// The headers that the client must send with exactly these values. Excludes those that every HTTP client sends by
    /// itself (`Host`). Names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// The fields of the form, which the client must send before the file. Empty except for `POST`.
    pub fields: SecretFields,
    /// The end of the URL's validity, in whole seconds. Never later than the expiry of the signing credentials.
    pub expires_at: SystemTime,
}

/// A presigned URL. It grants access to its holder, so its `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a presigned URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Returns the URL, for the one response that contains it.
    pub fn expose(self) -> String {
        self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[presigned URL]")
    }
}

/// The fields of a presigned form. They grant access to their holder, so their `Debug` output is redacted.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretFields(BTreeMap<String, String>);

impl SecretFields {
    /// Wraps the fields of a form.
    pub fn new(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }

    /// Returns the fields, for the one response that contains them.
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
