//! `ListObjects` and `ListObjectsV2`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3Result, s3_error};

use super::{Backend, owner, page_size, strong_etag, to_i64};
use crate::clock;
use crate::index::{ListEntry, ListPage, ListQuery, ObjectRecord};

/// The characters that `encoding-type=url` leaves unencoded, besides letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

pub(super) async fn v1(backend: &Backend, input: ListObjectsInput) -> S3Result<ListObjectsOutput> {
    let encoding = KeyEncoding::from_request(input.encoding_type.as_ref())?;
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
    // S3 returns it only with a delimiter, because clients can use the last key instead. Returning it always is harmless.
    let next_marker = page.last().filter(|_| page.truncated).map(|last| encoding.encode(last));
    let ListedObjects {
        contents,
        common_prefixes,
        truncated,
    } = ListedObjects::from_page(page, &encoding, true);
    Ok(ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&input.prefix.unwrap_or_default())),
        marker: Some(encoding.encode(&input.marker.unwrap_or_default())),
        max_keys: Some(max_keys),
        is_truncated: Some(truncated),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: encoding.delimiter(input.delimiter),
        next_marker,
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

pub(super) async fn v2(backend: &Backend, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let encoding = KeyEncoding::from_request(input.encoding_type.as_ref())?;
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
    let ListedObjects {
        contents,
        common_prefixes,
        truncated,
    } = ListedObjects::from_page(page, &encoding, input.fetch_owner == Some(true));
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&input.prefix.unwrap_or_default())),
        max_keys: Some(max_keys),
        key_count: Some(key_count),
        continuation_token: input.continuation_token,
        is_truncated: Some(truncated),
        next_continuation_token: next,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        delimiter: encoding.delimiter(input.delimiter),
        encoding_type: input.encoding_type,
        start_after: input.start_after.map(|after| encoding.encode(&after)),
        ..ListObjectsV2Output::default()
    })
}

/// The encoding of names in a response. XML cannot represent every character that a key may contain.
pub(super) struct KeyEncoding(bool);

impl KeyEncoding {
    pub(super) fn from_request(encoding: Option<&EncodingType>) -> S3Result<Self> {
        match encoding.map(EncodingType::as_str) {
            None => Ok(Self(false)),
            Some(EncodingType::URL) => Ok(Self(true)),
            Some(_) => Err(s3_error!(
                InvalidArgument,
                "Invalid Encoding Method specified in Request"
            )),
        }
    }

    /// Returns the delimiter of a response. S3 leaves out an empty one, which divides nothing.
    pub(super) fn delimiter(&self, requested: Option<String>) -> Option<String> {
        let delimiter = requested.filter(|delimiter| !delimiter.is_empty());
        delimiter.map(|delimiter| self.encode(&delimiter))
    }

    pub(super) fn encode(&self, name: &str) -> String {
        if self.0 { encode_key(name) } else { name.to_owned() }
    }
}

/// Percent-encodes a key for a URL path.
pub(crate) fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

/// Percent-encodes a name or value for a URL query.
pub(crate) fn encode_query(text: &str) -> String {
    encode_key(text).replace('/', "%2F")
}

struct ListedObjects {
    contents: Vec<Object>,
    common_prefixes: Vec<CommonPrefix>,
    truncated: bool,
}

impl ListedObjects {
    fn from_page(page: ListPage<ObjectRecord>, encoding: &KeyEncoding, with_owner: bool) -> Self {
        let mut listed = Self {
            contents: Vec::new(),
            common_prefixes: Vec::new(),
            truncated: page.truncated,
        };
        for entry in page.entries {
            match entry {
                ListEntry::Item(key, object) => listed.contents.push(Object {
                    key: Some(encoding.encode(&key)),
                    e_tag: Some(strong_etag(object.etag)),
                    last_modified: Some(clock::timestamp(object.modified_ms)),
                    owner: with_owner.then(owner),
                    size: Some(to_i64(object.size)),
                    storage_class: Some(ObjectStorageClass::from_static(object.attributes.class.name())),
                    ..Object::default()
                }),
                ListEntry::CommonPrefix(prefix) => {
                    listed.common_prefixes.push(CommonPrefix {
                        prefix: Some(encoding.encode(&prefix)),
                    });
                }
            }
        }
        listed
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
