//! Times as the index stores them, in milliseconds since 1970, and as S3 formats them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use s3s::dto::{Timestamp, TimestampFormat};
use time::OffsetDateTime;

/// The clock by which objects age. Tests set it forward. Clones share one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clock {
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The current time.
    pub(crate) fn now_ms(&self) -> i64 {
        let now = OffsetDateTime::now_utc();
        let now_ms = now.unix_timestamp() * 1000 + i64::from(now.millisecond());
        now_ms.saturating_add(self.ahead_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by_ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
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

/// A day, in milliseconds.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Returns the first midnight of UTC that is not before the end of these days, which is how S3 counts them.
pub(crate) fn days_later(from_ms: i64, days: u32) -> i64 {
    let end = from_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS));
    let since_midnight = end.rem_euclid(DAY_MS);
    if since_midnight == 0 {
        end
    } else {
        end.saturating_add(DAY_MS - since_midnight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_end_at_midnight() {
        assert_eq!(days_later(0, 1), DAY_MS);
        assert_eq!(days_later(1, 1), 2 * DAY_MS);
        assert_eq!(days_later(DAY_MS - 1, 1), 2 * DAY_MS);
        assert_eq!(days_later(i64::MAX, u32::MAX), i64::MAX);
    }
}
