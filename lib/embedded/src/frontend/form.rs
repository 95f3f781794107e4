//! Uploads from HTML forms with a signed policy. The file is streamed; `s3s` would hold it in memory.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

mod allowance;
mod policy;
mod reply;

use std::time::Duration;

use draftstore_connections::Client;
use futures::StreamExt as _;
use http::request::Parts;
use http::{Method, Response, header};
use http_body_util::BodyExt as _;
use multer::{Constraints, Field, Multipart, SizeLimit};
use s3s::{Body, S3Error, S3Result, StdError, s3_error};

use self::allowance::Allowance;
use super::body::RecoverableBody;
use super::query::parameters;
use crate::backend::{Backend, MAX_PUT, NewObject, form_attributes};
use crate::checksums::{Algorithm, ExpectedDigests};
use crate::conditions::WriteCondition;
use crate::keyring::Keyring;

/// The maximum number of fields before the file.
const MAX_FIELDS: usize = 100;
/// The maximum number of bytes before the file: fields, their heads and boundaries. AWS has the same limit.
const MAX_FIELDS_BYTES: usize = 20 * 1024;
/// The time within which the fields before the file must arrive.
const FIELDS_TIME: Duration = Duration::from_secs(60);
/// The maximum length of an object key, in bytes.
const MAX_KEY: usize = 1024;

/// The fields before the file: names in lower case, values unchanged.
#[derive(Debug, Default)]
pub(super) struct FormFields(Vec<(String, String)>);

impl FormFields {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn require(&self, name: &'static str) -> S3Result<&str> {
        self.get(name)
            .ok_or_else(|| s3_error!(InvalidArgument, "The form must contain the field {name}."))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Returns true if the request is a form upload. The test is broader than that of `s3s`, so that no form bypasses it.
pub(super) fn is_form(request: &Parts) -> bool {
    let content_type = request
        .headers
        .get(header::CONTENT_TYPE)
        .map(header::HeaderValue::as_bytes);
    let content_type = content_type.unwrap_or_default().trim_ascii_start();
    let form = b"multipart/form-data";
    request.method == Method::POST
        && content_type
            .get(..form.len())
            .is_some_and(|t| t.eq_ignore_ascii_case(form))
}

/// Stores the file of a form.
///
/// # Errors
/// Returns 403 for a policy or a signature that is not valid, and otherwise the errors of a PUT.
pub(super) async fn handle(
    backend: &Backend,
    keyring: &Keyring,
    bucket: &str,
    request: &Parts,
    body: RecoverableBody,
) -> S3Result<Response<Body>> {
    let at_bucket = request.uri.path().trim_start_matches('/').trim_end_matches('/') == bucket && !bucket.is_empty();
    if !at_bucket {
        return Err(s3_error!(
            MethodNotAllowed,
            "The specified method is not allowed against this resource."
        ));
    }
    if let Some((name, _)) = parameters(&request.uri).next() {
        return Err(s3_error!(
            NotImplemented,
            "This store does not support the query parameter {name} with a form."
        ));
    }
    let content_type = request
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(malformed)?;
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(u64::MAX).per_field(u64::MAX));
    let allowance = Allowance::default();
    let mut form = Multipart::with_constraints(allowance.clone().limit(body.into_data_stream()), boundary, limits);
    let read = tokio::time::timeout(FIELDS_TIME, read_fields(&mut form)).await;
    let read = read.map_err(|_| {
        s3_error!(
            RequestTimeout,
            "The fields before the file did not arrive within {} seconds.",
            FIELDS_TIME.as_secs()
        )
    })?;
    let (fields, file) = read.map_err(|error| if allowance.is_exceeded() { too_long() } else { error })?;
    allowance.lift();

    let file_name = file.file_name().unwrap_or_default();
    let key = fields
        .require("key")?
        .replace("${filename}", file_name.rsplit(['/', '\\']).next().unwrap_or_default());
    if key.is_empty() || key.len() > MAX_KEY {
        return Err(s3_error!(KeyTooLongError, "The key must have 1 to {MAX_KEY} bytes."));
    }
    let allowed = policy::check(&fields, keyring, bucket, &key, time::OffsetDateTime::now_utc())?;
    if let Some(client) = request.extensions.get::<Client>() {
        client.authenticated();
    }
    let mut expected = ExpectedDigests::default();
    if let Some(md5) = fields.get("content-md5") {
        expected.add_md5(md5)?;
    }
    for algorithm in Algorithm::ALL {
        if let Some(value) = fields.get(algorithm.header()) {
            expected.add(algorithm, value)?;
        }
    }
    let new = NewObject {
        bucket: bucket.to_owned(),
        key: key.clone(),
        attributes: form_attributes(&fields.0, backend.clock.now_ms())?,
        expected,
        condition: WriteCondition::default(),
        expected_len: None,
        min_len: allowed.start,
        max_len: allowed.end.min(MAX_PUT),
    };
    let file = file.map(|chunk| chunk.map_err(|error| StdError::from(malformed(error))));
    let stored = backend.store(new, file).await?;
    reply::response(&fields, &request.headers, bucket, &key, &stored)
}

async fn read_fields(form: &mut Multipart<'static>) -> S3Result<(FormFields, Field<'static>)> {
    let mut fields = FormFields::default();
    let mut bytes = 0;
    while let Some(mut field) = form.next_field().await.map_err(malformed)? {
        let name = field.name().unwrap_or_default().to_ascii_lowercase();
        if name == "file" {
            return Ok((fields, field));
        }
        let mut value = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(malformed)? {
            bytes += chunk.len();
            if bytes > MAX_FIELDS_BYTES {
                return Err(too_long());
            }
            value.extend_from_slice(&chunk);
        }
        let value = String::from_utf8(value);
        let value =
            value.map_err(|_| s3_error!(MalformedPOSTRequest, "The value of the field {name} must be UTF-8."))?;
        if fields.get(&name).is_some() {
            return Err(s3_error!(
                MalformedPOSTRequest,
                "The field {name} appears twice: send it once."
            ));
        }
        if fields.0.len() == MAX_FIELDS {
            return Err(s3_error!(
                MalformedPOSTRequest,
                "The form has more than {MAX_FIELDS} fields before the file."
            ));
        }
        fields.0.push((name, value));
    }
    Err(s3_error!(
        InvalidArgument,
        "POST requires exactly one file upload per request."
    ))
}

fn too_long() -> S3Error {
    s3_error!(MaxPostPreDataLengthExceededError)
}

fn malformed(error: multer::Error) -> S3Error {
    let message = "The body of your POST request is not well-formed multipart/form-data.";
    s3_error!(error, MalformedPOSTRequest, "{message}")
}
