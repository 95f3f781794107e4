//! Signed requests: a URL, and the headers that its holder must send.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

/// The HTTP method of a presigned request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`
    Get,
    /// `PUT`
    Put,
    /// `POST`, of a form where there are fields
    Post,
    /// `DELETE`
    Delete,
}

impl Method {
    /// Returns the method as HTTP writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A signed request, with everything that a client needs to send it.
#[derive(Debug, Clone)]
pub struct PresignedRequest {
    /// The method that was signed.
    pub method: Method,
    /// The URL, with its signature.
    pub url: SecretUrl,
    /// The headers that the client must send, exactly, beside those that every HTTP client sends by itself (`Host`).
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The fields of the form, all of them, to be sent before the file; none but for `POST`.
    pub fields: SecretFields,
    /// The end of the URL's validity: whole seconds, never after the credentials that signed it.
    pub expires_at: SystemTime,
}

/// A presigned URL. Its holder has the power it grants, so its `Debug` form is redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a presigned URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Returns the URL, for the one response that hands it out.
    pub fn expose(self) -> String {
        self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[presigned URL]")
    }
}

/// The fields of a signed form. Their holder can upload, so their `Debug` form is redacted.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SecretFields(BTreeMap<String, String>);

impl SecretFields {
    /// Wraps the fields of a form.
    pub fn new(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }

    /// Returns the fields, for the one response that hands them out.
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
