//! The response to a form upload: 204, or the one that its `success_action_*` fields ask for.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use s3s::{Body, S3Result, s3_error};

use super::FormFields;
use crate::backend::StoredObject;

pub(super) fn response(
    fields: &FormFields,
    request: &HeaderMap,
    bucket: &str,
    key: &str,
    stored: &StoredObject,
) -> S3Result<Response<Body>> {
    let host = request
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let location = format!("http://{host}/{bucket}/{}", crate::backend::encode_key(key));
    let quoted = format!("\"{}\"", stored.etag);
    let mut response = Response::new(Body::empty());
    let target = match (
        fields.get("success_action_redirect"),
        fields.get("success_action_status"),
    ) {
        (Some(target), _) if !target.is_empty() => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            let separator = if target.contains('?') { '&' } else { '?' };
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("bucket", bucket)
                .append_pair("key", key)
                .append_pair("etag", &quoted)
                .finish();
            format!("{target}{separator}{query}")
        }
        (_, Some("201")) => {
            *response.status_mut() = StatusCode::CREATED;
            *response.body_mut() = Body::from(document(&location, bucket, key, &quoted));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
            location
        }
        (_, Some("200")) => location,
        _ => {
            *response.status_mut() = StatusCode::NO_CONTENT;
            location
        }
    };
    for (name, value) in [(header::LOCATION, &target), (header::ETAG, &quoted)] {
        let value = HeaderValue::from_str(value);
        let value =
            value.map_err(|_| s3_error!(InvalidArgument, "The value of success_action_redirect must be a URL."))?;
        response.headers_mut().insert(name, value);
    }
    if let Some(id) = stored
        .version_id
        .as_deref()
        .and_then(|id| HeaderValue::from_str(id).ok())
    {
        let name = HeaderName::from_static("x-amz-version-id");
        response.headers_mut().insert(name, id);
    }
    Ok(response)
}

fn document(location: &str, bucket: &str, key: &str, etag: &str) -> String {
    let [location, bucket, key, etag] = [location, bucket, key, etag].map(escape);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{location}</Location>\
         <Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>{etag}</ETag></PostResponse>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
