//! `POST /s3/sign`: one request at the store, for pages that choose their keys.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::extract::{Request, State};
use draftstore_proto::Timestamp;
use draftstore_service::draft::{S3Request, SignRequest};
use draftstore_service::{Caller, Error};
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::query::invalid;
use crate::Api;
use crate::webapi::message::{Reply, read};

/// What Uppy 6 gives to its `signRequest`. Later ones say more of it, which is not signed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sign {
    method: String,
    key: String,
    upload_id: Option<String>,
    part_number: Option<i32>,
}

/// Where to send it.
#[derive(Debug, Serialize)]
pub(super) struct Signed {
    url: String,
}

pub(super) async fn sign(
    State(api): State<Api>,
    Extension(caller): Extension<Arc<Caller>>,
    request: Request,
) -> Result<Reply<Signed>, Failure> {
    let sign: Sign = read(request).await?;
    let request = s3_request(&sign)?;
    let object_name = sign.key;
    let url = api.sign_request(&caller, SignRequest { object_name, request }).await?;
    Ok(Reply(Signed { url }))
}

fn s3_request(sign: &Sign) -> Result<S3Request, Error> {
    let upload_id = sign.upload_id.clone();
    match (sign.method.as_str(), upload_id, sign.part_number) {
        ("PUT", None, None) => Ok(S3Request::PutObject),
        ("PUT", Some(upload_id), Some(part_number)) => Ok(S3Request::UploadPart { upload_id, part_number }),
        ("POST", None, None) => Ok(S3Request::CreateMultipartUpload),
        ("POST", Some(upload_id), None) => Ok(S3Request::CompleteMultipartUpload { upload_id }),
        ("GET", Some(upload_id), None) => Ok(S3Request::ListParts { upload_id }),
        ("DELETE", Some(upload_id), None) => Ok(S3Request::AbortMultipartUpload { upload_id }),
        _ => {
            let rule = "must be PUT of an object, PUT of a part with uploadId and partNumber, POST, or with uploadId \
                        POST, GET or DELETE";
            Err(invalid("method", rule))
        }
    }
}

/// Whole seconds from now until then; one at least, for Uppy takes none for no limit.
pub(super) fn seconds_left(until: Timestamp) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    until.seconds.saturating_sub(now).max(1)
}
