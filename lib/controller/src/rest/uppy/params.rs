//! The route `GET /s3/params`, for files that are uploaded with one form.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::{RawQuery, State};
use draftstore_proto::v1;
use draftstore_service::Caller;
use draftstore_service::draft::uppy_names;
use serde::Serialize;

use super::failure::UppyFailure;
use super::file::{FileSizes, content_type};
use super::name::object_name;
use super::query::Query;
use crate::Api;
use crate::api::size;
use crate::errors::Failure;
use crate::gate::Admitted;
use crate::rest::message::Reply;

/// The maximum size of one form upload, in bytes. Uppy does not send the file's size.
const MAX_FORM_BYTES: i64 = 5 * 1024 * 1024 * 1024;

/// The form for the upload.
#[derive(Debug, Serialize)]
pub(super) struct Params {
    method: String,
    url: String,
    fields: BTreeMap<String, String>,
    /// The validity in seconds.
    expires: i64,
}

pub(super) async fn params(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    RawQuery(query): RawQuery,
) -> Result<Reply<Params>, UppyFailure> {
    let query = Query::parse(query.as_deref());
    let mut metadata = query.metadata().collect();
    let sizes = FileSizes::take(&mut metadata)?;
    let request = v1::GetUploadUrlRequest {
        object_name: object_name(&admitted.caller, query.need("filename")?),
        content_type: query.get("type").and_then(content_type),
        max_content_length: Some(max_content_length(&query, sizes, &admitted.caller)?),
        metadata: uppy_names::metadata(metadata),
        unique: true,
        ..v1::GetUploadUrlRequest::default()
    };
    let issued = api.call(&admitted, request).await?;
    Ok(Reply(Params {
        expires: issued.expires_at.map_or(0, super::sign::seconds_left),
        method: issued.method,
        url: issued.upload_url,
        fields: issued.fields,
    }))
}

/// Returns the maximum size that the page requests, or else the size of the file, or else the largest that the caller may
/// upload.
fn max_content_length(query: &Query, sizes: FileSizes, caller: &Caller) -> Result<i64, Failure> {
    let asked = query.get("max_content_length").map(str::parse);
    asked
        .unwrap_or_else(|| {
            let sent = sizes.content_length;
            Ok(sent.unwrap_or_else(|| max_form_bytes(caller)))
        })
        .map_err(|_| Failure::invalid("max_content_length", "must be a whole number of bytes"))
}

/// Returns the maximum size of a form upload of this caller, in bytes.
pub(super) fn max_form_bytes(caller: &Caller) -> i64 {
    let most = caller.profile.max_object_bytes.map_or(MAX_FORM_BYTES, size);
    most.min(MAX_FORM_BYTES)
}
