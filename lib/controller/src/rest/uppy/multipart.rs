//! The routes `/s3/multipart…`: multipart uploads. The page chooses the part size.

use std::collections::BTreeMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use draftstore_proto::v1;
use draftstore_service::draft::{DraftName, uppy_names};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::failure::UppyFailure;
use super::file::{FileSizes, content_type};
use super::name::object_name;
use super::query::{Query, part_number, path};
use super::sign::seconds_left;
use crate::Api;
use crate::calls::Size;
use crate::errors::Failure;
use crate::gate::Admitted;
use crate::rest::message::{NOT_IN_CONTRACT, Reply, decode};

type Id = Result<Path<String>, PathRejection>;

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    filename: String,
    r#type: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Created {
    key: String,
    #[serde(rename = "uploadId")]
    upload_id: String,
    bucket: String,
}

pub(super) async fn create(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply<Created>, UppyFailure> {
    let create: Create = decode(NOT_IN_CONTRACT, &headers, &body, Size::One)?;
    let metadata = create.metadata.unwrap_or_default().into_iter();
    let mut metadata = metadata
        .filter_map(|(name, value)| Some((name, text(value)?)))
        .collect();
    let sizes = FileSizes::take(&mut metadata)?;
    let created = api
        .call(
            &admitted,
            v1::CreateMultipartUploadRequest {
                object_name: object_name(&admitted.caller, &create.filename),
                content_type: create.r#type.as_deref().and_then(content_type),
                content_length: sizes.content_length,
                part_size: sizes.part_size(),
                metadata: uppy_names::metadata(metadata),
                unique: true,
                ..v1::CreateMultipartUploadRequest::default()
            },
        )
        .await?;
    let draft = DraftName {
        object_name: created.object_name,
        draft_id: created.draft_id,
    };
    Ok(Reply(Created {
        key: api.whole_key(&admitted.caller, &draft)?,
        upload_id: created.upload_id,
        bucket: api.draft_bucket(),
    }))
}

/// Returns a scalar value as text, or `None` for other values.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Part {
    #[serde(rename = "PartNumber")]
    number: i32,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(rename = "Size")]
    size: i64,
}

pub(super) async fn list(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    id: Id,
    RawQuery(query): RawQuery,
) -> Result<Reply<Vec<Part>>, UppyFailure> {
    let DraftName { object_name, draft_id } = Query::parse(query.as_deref()).draft(&api, &admitted.caller)?;
    let listed = api
        .call(
            &admitted,
            v1::ListPartsRequest {
                object_name,
                draft_id,
                upload_id: path(id)?,
            },
        )
        .await?;
    let part = |part: v1::UploadedPart| Part {
        number: part.part_number,
        etag: format!("\"{}\"", part.etag),
        size: part.size,
    };
    Ok(Reply(listed.parts.into_iter().map(part).collect()))
}

#[derive(Debug, Serialize)]
pub(super) struct Signed {
    url: String,
    /// The validity in seconds.
    expires: i64,
}

pub(super) async fn sign(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    id: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Reply<Signed>, UppyFailure> {
    let (id, number) = path(id)?;
    let signed = sign_parts(&api, &admitted, id, &Query::parse(query.as_deref()), &number).await?;
    let expires = signed.expires_at.map_or(0, seconds_left);
    let url = signed.parts.into_iter().next().map(|part| part.upload_url);
    Ok(Reply(Signed {
        url: url.unwrap_or_default(),
        expires,
    }))
}

#[derive(Debug, Serialize)]
pub(super) struct SignedMany {
    #[serde(rename = "presignedUrls")]
    presigned_urls: BTreeMap<i32, String>,
}

pub(super) async fn sign_many(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    id: Id,
    RawQuery(query): RawQuery,
) -> Result<Reply<SignedMany>, UppyFailure> {
    let query = Query::parse(query.as_deref());
    let signed = sign_parts(&api, &admitted, path(id)?, &query, query.need("partNumbers")?).await?;
    let parts = signed.parts.into_iter();
    Ok(Reply(SignedMany {
        presigned_urls: parts.map(|part| (part.part_number, part.upload_url)).collect(),
    }))
}

/// Signs the parts with these comma-separated numbers.
async fn sign_parts(
    api: &Api,
    admitted: &Admitted,
    upload_id: String,
    query: &Query,
    numbers: &str,
) -> Result<v1::SignPartsResponse, Failure> {
    let DraftName { object_name, draft_id } = query.draft(api, &admitted.caller)?;
    let part = |number| {
        Ok(v1::PartToSign {
            part_number: part_number(number)?,
            ..v1::PartToSign::default()
        })
    };
    api.call(
        admitted,
        v1::SignPartsRequest {
            object_name,
            draft_id,
            upload_id,
            parts: numbers.split(',').map(part).collect::<Result<_, Failure>>()?,
            expires_in: None,
        },
    )
    .await
}

#[derive(Debug, Deserialize)]
pub(super) struct Complete {
    parts: Vec<CompletePart>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CompletePart {
    part_number: i32,
    #[serde(rename = "ETag")]
    etag: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Completed {
    location: String,
    key: String,
    bucket: String,
}

pub(super) async fn complete(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    id: Id,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply<Completed>, UppyFailure> {
    let draft = Query::parse(query.as_deref()).draft(&api, &admitted.caller)?;
    let upload_id = path(id)?;
    let Complete { parts } = decode(NOT_IN_CONTRACT, &headers, &body, Size::Parts)?;
    if parts.is_empty() {
        // In the API an empty list means all parts that have arrived; in Uppy it means none.
        return Err(Failure::invalid("parts", "must not be empty").into());
    }
    let part = |part: CompletePart| v1::CompletedPart {
        part_number: part.part_number,
        etag: part.etag,
    };
    let key = api.whole_key(&admitted.caller, &draft)?;
    let location = api.unsigned_url(&admitted.caller, &draft).await?;
    api.call(
        &admitted,
        v1::CompleteMultipartUploadRequest {
            object_name: draft.object_name,
            draft_id: draft.draft_id,
            upload_id,
            parts: parts.into_iter().map(part).collect(),
        },
    )
    .await?;
    Ok(Reply(Completed {
        location,
        key,
        bucket: api.draft_bucket(),
    }))
}

#[derive(Debug, Serialize)]
pub(super) struct Aborted {}

pub(super) async fn abort(
    State(api): State<Api>,
    Extension(admitted): Extension<Admitted>,
    id: Id,
    RawQuery(query): RawQuery,
) -> Result<Reply<Aborted>, UppyFailure> {
    let DraftName { object_name, draft_id } = Query::parse(query.as_deref()).draft(&api, &admitted.caller)?;
    api.call(
        &admitted,
        v1::AbortMultipartUploadRequest {
            object_name,
            draft_id,
            upload_id: path(id)?,
        },
    )
    .await?;
    Ok(Reply(Aborted {}))
}
