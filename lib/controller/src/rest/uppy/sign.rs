//! The route `POST /s3/sign`: one signed request to the store, for pages that speak S3 themselves.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{DraftName, S3Request, SignRequest};
use serde::{Deserialize, Serialize};

use super::failure::UppyFailure;
use super::file::content_type;
use super::name::proposed_name;
use super::params::max_form_bytes;
use crate::Api;
use crate::calls::Size;
use crate::errors::Failure;
use crate::gate::Admitted;
use crate::rest::message::{NOT_IN_CONTRACT, Reply, decode};

/// The request of Uppy 6's `signRequest`, with what a page may add. Further fields are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sign {
    method: String,
    key: String,
    upload_id: Option<String>,
    part_number: Option<i32>,
    /// The media type of the object. Uppy names it from 6.3 on.
    content_type: Option<String>,
    /// Added by a page that wants a unique draft.
    unique: Option<bool>,
    /// Added by a page that wants a limit on the size, in bytes.
    max_content_length: Option<i64>,
}

/// The signed request. Uppy takes an empty object of fields for a form, so what is empty is left out.
#[derive(Debug, Default, Serialize)]
pub(super) struct Signed {
    url: String,
    /// The key for all further requests of the upload, and for the backend's confirm.
    key: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, String>,
}

pub(super) async fn sign(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply<Signed>, UppyFailure> {
    let sign: Sign = decode(NOT_IN_CONTRACT, &headers, &body, Size::One)?;
    let Some(request) = multipart_request(&sign)? else {
        return Ok(Reply(put_object(&api, &admitted, sign).await?));
    };
    let is_new = matches!(request, S3Request::CreateMultipartUpload { unique: true, .. });
    let object_name = if is_new {
        proposed_name(&admitted.caller, &sign.key)
    } else {
        sign.key
    };
    let signed = api
        .sign_request(&admitted, SignRequest { object_name, request })
        .await?;
    Ok(Reply(Signed {
        url: signed.request.url.expose(),
        key: signed.name,
        headers: signed.request.headers,
        ..Signed::default()
    }))
}

/// Returns the upload of an object in one request: by a form where its size is limited, since no PUT limits it.
async fn put_object(api: &Api, admitted: &Admitted, sign: Sign) -> Result<Signed, Failure> {
    let caller = &admitted.caller;
    let most = caller.profile.max_object_bytes.map(|_| max_form_bytes(caller));
    let max_content_length = sign.max_content_length.or(most);
    // Uppy takes the key of a form from its fields, where a named draft of a tenant has another key than its name.
    let unique = sign.unique.unwrap_or_default() || max_content_length.is_some() || caller.drafts.is_some();
    let object_name = if unique {
        proposed_name(caller, &sign.key)
    } else {
        sign.key
    };
    let request = v1::GetUploadUrlRequest {
        object_name,
        content_type: sign.content_type.as_deref().and_then(content_type),
        max_content_length,
        unique,
        ..v1::GetUploadUrlRequest::default()
    };
    let issued = api.call(admitted, request).await?;
    let key = match issued.draft_id {
        None => issued.object_name,
        draft_id => {
            let draft = DraftName {
                object_name: issued.object_name,
                draft_id,
            };
            api.whole_key(caller, &draft)?
        }
    };
    Ok(Signed {
        url: issued.upload_url,
        key,
        headers: issued.headers,
        fields: issued.fields,
    })
}

/// Returns the request of a multipart upload, or `None` for the upload of an object in one request.
fn multipart_request(sign: &Sign) -> Result<Option<S3Request>, Failure> {
    let upload_id = sign.upload_id.clone();
    let is_whole = sign.method == "PUT" && upload_id.is_none();
    if sign.max_content_length.is_some() && !is_whole {
        let rule = "must not be given for an upload in parts, which no signature limits";
        return Err(Failure::invalid("maxContentLength", rule));
    }
    Ok(Some(match (sign.method.as_str(), upload_id, sign.part_number) {
        ("PUT", None, None) => return Ok(None),
        ("PUT", Some(upload_id), Some(part_number)) => S3Request::UploadPart { upload_id, part_number },
        ("POST", None, None) => S3Request::CreateMultipartUpload {
            content_type: sign.content_type.as_deref().and_then(content_type),
            unique: sign.unique.unwrap_or_default(),
        },
        ("POST", Some(upload_id), None) => S3Request::CompleteMultipartUpload { upload_id },
        ("GET", Some(upload_id), None) => S3Request::ListParts { upload_id },
        ("DELETE", Some(upload_id), None) => S3Request::AbortMultipartUpload { upload_id },
        _ => {
            let rule = "must be PUT for an object, PUT with uploadId and partNumber for a part, POST to create a multipart \
                        upload, or POST, GET or DELETE with uploadId";
            return Err(Failure::invalid("method", rule));
        }
    }))
}

/// Returns the whole seconds from now until then, at least one, because 0 means no limit to Uppy.
pub(super) fn seconds_left(until: Timestamp) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    until.seconds.saturating_sub(now).max(1)
}
