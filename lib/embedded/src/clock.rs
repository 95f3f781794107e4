//! Times as the index stores them, in milliseconds since 1970, and as S3 formats them.

use s3s::dto::{Timestamp, TimestampFormat};
use time::OffsetDateTime;

/// The current time.
pub(crate) fn now_ms() -> i64 {
    let now = OffsetDateTime::now_utc();
    now.unix_timestamp() * 1000 + i64::from(now.millisecond())
}

/// Whole seconds, the precision of `Last-Modified`.
pub(crate) fn seconds(ms: i64) -> i64 {
    ms.div_euclid(1000)
}

/// The time in whole seconds, which is S3's precision in headers and listings.
pub(crate) fn timestamp(ms: i64) -> Timestamp {
    OffsetDateTime::from_unix_timestamp(seconds(ms))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .into()
}

/// The time in the form of an HTTP header.
pub(crate) fn http_date(ms: i64) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail, and every time here has a year of four digits.
    let _ = timestamp(ms).format(TimestampFormat::HttpDate, &mut text);
    String::from_utf8(text).unwrap_or_default()
}

pub(crate) fn timestamp_seconds(timestamp: &Timestamp) -> i64 {
    OffsetDateTime::from(timestamp.clone()).unix_timestamp()
}
