//! `ListObjects` and `ListObjectsV2`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3Result, s3_error};

use super::{Backend, owner, page_size, signed, strong};
use crate::clock;
use crate::index::{Entry, ListQuery, ObjectRecord, Page};

/// What `encoding-type=url` leaves as it is, besides letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

pub(super) async fn v1(backend: &Backend, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let url = Url::from(input.encoding_type.as_ref())?;
    let query = ListQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after: input.marker.clone().unwrap_or_default(),
        after_is_key: false,
        max: page_size(input.max_keys)?,
    };
    let max_keys = count(query.max);
    let page = backend.read(move |snapshot| snapshot.list(&query)).await?;
    // S3 gives it only with a delimiter; without one the last key serves. To give it always harms nobody.
    let next_marker = page.last().filter(|_| page.truncated).map(|last| url.encode(last));
    let Lines {
        contents,
        common_prefixes,
        truncated,
    } = Lines::from(page, &url, true);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(url.encode(&input.prefix.unwrap_or_default())),
        marker: Some(url.encode(&input.marker.unwrap_or_default())),
        max_keys: Some(max_keys),
        is_truncated: Some(truncated),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.map(|delimiter| url.encode(&delimiter)),
        next_marker,
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn v2(backend: &Backend, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let url = Url::from(input.encoding_type.as_ref())?;
    let (after, after_is_key) = match &input.continuation_token {
        Some(token) => (from_token(token)?, false),
        None => (input.start_after.clone().unwrap_or_default(), true),
    };
    let query = ListQuery {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().unwrap_or_default(),
        after,
        after_is_key,
        max: page_size(input.max_keys)?,
    };
    let max_keys = count(query.max);
    let page = backend.read(move |snapshot| snapshot.list(&query)).await?;
    let next = page
        .last()
        .filter(|_| page.truncated)
        .map(|last| URL_SAFE_NO_PAD.encode(last));
    let key_count = count(page.entries.len());
    let Lines {
        contents,
        common_prefixes,
        truncated,
    } = Lines::from(page, &url, input.fetch_owner == Some(true));
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(url.encode(&input.prefix.unwrap_or_default())),
        max_keys: Some(max_keys),
        key_count: Some(key_count),
        continuation_token: input.continuation_token,
        is_truncated: Some(truncated),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: input.delimiter.map(|delimiter| url.encode(&delimiter)),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|after| url.encode(&after)),
        ..ListObjectsV2Output::default()
    })
}

/// Whether names are percent-encoded in the answer, for XML cannot hold every character that a key can.
pub(super) struct Url(bool);

impl Url {
    pub(super) fn from(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some(EncodingType::URL) => Ok(Self(true)),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    pub(super) fn encode(&self, name: &str) -> String {
        if self.0 { encode_key(name) } else { name.to_owned() }
    }
}

/// A key as it stands in a URL's path.
pub(crate) fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

struct Lines {
    contents: Vec<Object>,
    common_prefixes: Vec<CommonPrefix>,
    truncated: bool,
}

impl Lines {
    fn from(page: Page<ObjectRecord>, url: &Url, with_owner: bool) -> Self {
        let mut lines = Self {
            contents: Vec::new(),
            common_prefixes: Vec::new(),
            truncated: page.truncated,
        };
        for entry in page.entries {
            match entry {
                Entry::Item(key, object) => lines.contents.push(Object {
                    key: Some(url.encode(&key)),
                    e_tag: Some(strong(object.etag)),
                    last_modified: Some(clock::timestamp(object.modified_ms)),
                    owner: with_owner.then(owner),
                    size: Some(signed(object.size)),
                    storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                    ..Object::default()
                }),
                Entry::CommonPrefix(prefix) => {
                    lines.common_prefixes.push(CommonPrefix {
                        prefix: Some(url.encode(&prefix)),
                    });
                }
            }
        }
        lines
    }
}

fn from_token(token: &str) -> S3Result<String> {
    let decoded = URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
