//! The moment at which an upload is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns when an upload ends that is begun now: in whole seconds, as callers are told, and never after that lifetime.
pub fn ends_at(now: SystemTime, lifetime: Duration) -> SystemTime {
    let since_epoch = (now + lifetime).duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}

/// Returns whether an upload has ended: no call goes on with it any more. What would be completed later could have expired by the
/// date that the store gives it, before anybody saw it.
pub fn has_ended(now: SystemTime, ends_at: SystemTime) -> bool {
    now >= ends_at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upload_ends_in_a_whole_second_and_not_late() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!(ends_at(at(1_500), Duration::from_secs(10)), at(11_000));
        assert_eq!(ends_at(at(2_000), Duration::from_secs(10)), at(12_000));
        assert!(!has_ended(at(11_999), at(12_000)));
        assert!(has_ended(at(12_000), at(12_000)));
    }
}
