//! The entries of lists of objects and of uploads, whose keys are URL-encoded.

use std::time::SystemTime;

use aws_sdk_s3::types::EncodingType;
use aws_smithy_types::DateTime;
use draftstore_storage::{Error, ObjectKey};
use percent_encoding::percent_decode_str;

use crate::error::Call;

/// Decodes a listed key. Listings are requested with `encoding-type=url`, because XML cannot contain every key, and the SDK
/// does not decode them. AWS encodes a space as `+`, other stores as `%20`.
pub(crate) fn decoded(call: Call<'_>, encoding: Option<&EncodingType>, text: &str) -> Result<String, Error> {
    if encoding != Some(&EncodingType::Url) {
        return Ok(text.to_owned());
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(Into::into)
        .map_err(|_| call.unexpected("a key in the list is not UTF-8"))
}

/// A listed key, verbatim.
pub(crate) fn key(call: Call<'_>, encoding: Option<&EncodingType>, text: Option<&str>) -> Result<ObjectKey, Error> {
    let text = text.ok_or_else(|| call.unexpected("an entry of the list has no key"))?;
    ObjectKey::new(decoded(call, encoding, text)?).map_err(|error| call.unexpected(error.to_string()))
}

/// A time that an entry must have.
pub(crate) fn time(call: Call<'_>, time: Option<&DateTime>) -> Result<SystemTime, Error> {
    time.and_then(|time| SystemTime::try_from(*time).ok())
        .ok_or_else(|| call.unexpected("the answer lacks a time"))
}

#[cfg(test)]
mod tests {
    use draftstore_storage::{BucketName, ErrorKind, Operation};

    use super::*;

    #[test]
    fn listed_keys_come_back_verbatim() {
        let bucket: BucketName = "draft".parse().expect("valid");
        let call = Call::on_bucket(Operation::ListObjectsV2, &bucket);
        let url = Some(EncodingType::Url);
        let key = |encoding: &Option<_>, text| key(call, encoding.as_ref(), Some(text)).map(|k| k.as_str().to_owned());
        assert_eq!(key(&url, "a+b%2Bc%20d%2520/e").expect("a key"), "a b+c d%20/e");
        assert_eq!(key(&url, "%F0%9F%91%8D").expect("a key"), "👍");
        assert_eq!(key(&None, "a+b%20").expect("a key"), "a+b%20");
        assert_eq!(key(&url, "%FF").expect_err("no UTF-8").kind, ErrorKind::Unexpected);
        assert_eq!(key(&url, "").expect_err("no key").kind, ErrorKind::Unexpected);
    }
}
