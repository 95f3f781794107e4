//! The end of a multipart upload.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns the end of an upload that begins now, in whole seconds and never after the lifetime.
pub fn ends_at(now: SystemTime, lifetime: Duration) -> SystemTime {
    let since_epoch = (now + lifetime).duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}

/// Returns true if an upload has ended, and accepts no further call. An upload completed later could have expired
/// already, by the date that the store gives it.
pub fn has_ended(now: SystemTime, ends_at: SystemTime) -> bool {
    now >= ends_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_an_upload_is_rounded_down_to_seconds() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(ends_at(at(1_500), Duration::from_secs(10)), at(11_000));
        assert_eq!(ends_at(at(2_000), Duration::from_secs(10)), at(12_000));
        assert!(!has_ended(at(11_999), at(12_000)));
        assert!(has_ended(at(12_000), at(12_000)));
    }
}
