//! Evaluation of conditional requests: `If-Match`, `If-None-Match`, and the dates. Pure functions.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html>

use http::HeaderMap;
use s3s::dto::{ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};

use crate::clock;
use crate::index::ObjectRecord;

/// The conditions that a write puts on the object its key currently holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl WriteCondition {
    /// Reads the conditions from the headers: the input of `CopyObject` has no fields for them.
    ///
    /// # Errors
    /// Returns `InvalidArgument` for a value that is neither an ETag nor `*`.
    pub(crate) fn from_headers(headers: &HeaderMap) -> S3Result<Self> {
        let read = |name: &'static str| {
            let parse = |value: &http::HeaderValue| ETagCondition::parse_http_header(value.as_bytes());
            let invalid = |_| s3_error!(InvalidArgument, "The value of {name} must be an ETag or *.");
            headers.get(name).map(parse).transpose().map_err(invalid)
        };
        Ok(Self {
            if_match: read("if-match")?,
            if_none_match: read("if-none-match")?,
        })
    }

    /// # Errors
    /// Returns 412 if a condition fails, or 404 if `If-Match` finds no object.
    pub(crate) fn check(&self, current: Option<&ObjectRecord>) -> S3Result<()> {
        match (&self.if_match, current) {
            (Some(_), None) => return Err(no_such_key()),
            (Some(condition), Some(object)) if !matches(condition, object) => {
                return Err(precondition_failed("If-Match"));
            }
            _ => {}
        }
        match (&self.if_none_match, current) {
            (Some(condition), Some(object)) if matches(condition, object) => Err(precondition_failed("If-None-Match")),
            _ => Ok(()),
        }
    }
}

/// The conditions of a read, or of a copy on its source.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_field_names, reason = "they are the names of the headers")]
pub(crate) struct ReadCondition {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
    pub(crate) if_modified_since: Option<Timestamp>,
    pub(crate) if_unmodified_since: Option<Timestamp>,
}

/// The reason why a [`ReadCondition`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailedCondition {
    /// The object is not the expected one: 412.
    Changed,
    /// The caller already has the object: 304 for a read, 412 for a copy.
    NotModified,
}

impl ReadCondition {
    /// Evaluates the conditions by RFC 9110, section 13.2.2: an ETag takes precedence over a date. Dates have a precision
    /// of one second.
    pub(crate) fn check(&self, object: &ObjectRecord) -> Result<(), FailedCondition> {
        let modified = clock::seconds(object.modified_ms);
        let since = |date: &Option<Timestamp>| date.as_ref().map(clock::timestamp_seconds);
        match (&self.if_match, since(&self.if_unmodified_since)) {
            (Some(condition), _) if !matches(condition, object) => return Err(FailedCondition::Changed),
            (None, Some(date)) if modified > date => return Err(FailedCondition::Changed),
            _ => {}
        }
        match (&self.if_none_match, since(&self.if_modified_since)) {
            (Some(condition), _) if matches(condition, object) => Err(FailedCondition::NotModified),
            (None, Some(date)) if modified <= date => Err(FailedCondition::NotModified),
            _ => Ok(()),
        }
    }

    /// Evaluates the conditions for the source of a copy.
    pub(crate) fn check_source(&self, object: &ObjectRecord) -> S3Result<()> {
        self.check(object)
            .map_err(|_| precondition_failed("x-amz-copy-source-If-*"))
    }
}

fn matches(condition: &ETagCondition, object: &ObjectRecord) -> bool {
    condition.as_etag().is_none_or(|etag| etag.value() == object.etag)
}

pub(crate) fn precondition_failed(condition: &'static str) -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold: {condition}"
    )
}

pub(crate) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

#[cfg(test)]
mod tests {
    use s3s::dto::ETag;

    use super::*;
    use crate::index::{ObjectAttributes, VersionStamp};

    fn object() -> ObjectRecord {
        ObjectRecord {
            version: VersionStamp::new(10_999),
            etag: "a".into(),
            size: 0,
            modified_ms: 10_999,
            attributes: ObjectAttributes::default(),
            checksums: crate::checksums::Checksums::default(),
            segments: Vec::new(),
            parts: Vec::new(),
            upload_id: None,
            restored: None,
        }
    }

    fn etag(value: &str) -> ETagCondition {
        ETagCondition::ETag(ETag::Strong(value.into()))
    }

    fn at(seconds: i64) -> Timestamp {
        clock::timestamp(seconds * 1000)
    }

    #[test]
    fn write_conditions_are_enforced() {
        let only_new = WriteCondition {
            if_none_match: Some(ETagCondition::Any),
            ..WriteCondition::default()
        };
        assert!(only_new.check(None).is_ok());
        assert!(only_new.check(Some(&object())).is_err());
        let only_a = WriteCondition {
            if_match: Some(etag("a")),
            ..WriteCondition::default()
        };
        assert!(only_a.check(Some(&object())).is_ok());
        assert!(only_a.check(None).is_err());
        let only_b = WriteCondition {
            if_match: Some(etag("b")),
            ..WriteCondition::default()
        };
        assert!(only_b.check(Some(&object())).is_err());
    }

    #[test]
    fn etag_takes_precedence_over_date() {
        let same = ReadCondition {
            if_match: Some(etag("a")),
            if_unmodified_since: Some(at(1)),
            ..ReadCondition::default()
        };
        assert_eq!(same.check(&object()), Ok(()));
        let other = ReadCondition {
            if_none_match: Some(etag("b")),
            if_modified_since: Some(at(99)),
            ..ReadCondition::default()
        };
        assert_eq!(other.check(&object()), Ok(()));
    }

    #[test]
    fn dates_are_compared_by_second() {
        let since = |seconds| ReadCondition {
            if_modified_since: Some(at(seconds)),
            ..ReadCondition::default()
        };
        assert_eq!(since(10).check(&object()), Err(FailedCondition::NotModified));
        assert_eq!(since(9).check(&object()), Ok(()));
        let unmodified = |seconds| ReadCondition {
            if_unmodified_since: Some(at(seconds)),
            ..ReadCondition::default()
        };
        assert_eq!(unmodified(10).check(&object()), Ok(()));
        assert_eq!(unmodified(9).check(&object()), Err(FailedCondition::Changed));
    }
}
