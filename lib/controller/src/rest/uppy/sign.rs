//! The route `POST /s3/sign`: one signed request to the store, for pages that choose their keys.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use draftstore_proto::Timestamp;
use draftstore_service::draft::{S3Request, SignRequest};
use serde::{Deserialize, Serialize};

use super::failure::UppyFailure;
use super::file::content_type;
use crate::Api;
use crate::calls::Size;
use crate::errors::Failure;
use crate::gate::Admitted;
use crate::rest::message::{NOT_IN_CONTRACT, Reply, decode};

/// The request of Uppy 6's `signRequest`. Only the host is signed, so the media type that later versions send is only
/// checked, and further fields are ignored.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sign {
    method: String,
    key: String,
    upload_id: Option<String>,
    part_number: Option<i32>,
    content_type: Option<String>,
}

/// The response with the signed URL.
#[derive(Debug, Serialize)]
pub(super) struct Signed {
    url: String,
}

pub(super) async fn sign(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply<Signed>, UppyFailure> {
    let sign: Sign = decode(NOT_IN_CONTRACT, &headers, &body, Size::One)?;
    let request = s3_request(&sign)?;
    let object_name = sign.key;
    let content_type = sign.content_type.as_deref().and_then(content_type);
    let request = SignRequest {
        object_name,
        content_type,
        request,
    };
    let url = api.sign_request(&admitted, request).await?;
    Ok(Reply(Signed { url }))
}

fn s3_request(sign: &Sign) -> Result<S3Request, Failure> {
    let upload_id = sign.upload_id.clone();
    match (sign.method.as_str(), upload_id, sign.part_number) {
        ("PUT", None, None) => Ok(S3Request::PutObject),
        ("PUT", Some(upload_id), Some(part_number)) => Ok(S3Request::UploadPart { upload_id, part_number }),
        ("POST", None, None) => Ok(S3Request::CreateMultipartUpload),
        ("POST", Some(upload_id), None) => Ok(S3Request::CompleteMultipartUpload { upload_id }),
        ("GET", Some(upload_id), None) => Ok(S3Request::ListParts { upload_id }),
        ("DELETE", Some(upload_id), None) => Ok(S3Request::AbortMultipartUpload { upload_id }),
        _ => {
            let rule = "must be PUT for an object, PUT with uploadId and partNumber for a part, POST to create a multipart \
                        upload, or POST, GET or DELETE with uploadId";
            Err(Failure::invalid("method", rule))
        }
    }
}

/// Returns the whole seconds from now until then, at least one, because 0 means no limit to Uppy.
pub(super) fn seconds_left(until: Timestamp) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    until.seconds.saturating_sub(now).max(1)
}
