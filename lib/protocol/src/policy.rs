//! The lifetimes of URLs and drafts.

use std::time::{Duration, SystemTime};

use crate::DraftId;

/// The maximum validity of a presigned URL: seven days.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
pub const MAX_TTL: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The time for which an event is kept in the feed, unless a policy says another: seven days.
const DEFAULT_EVENTS_RETENTION: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The lifetimes of URLs and drafts, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    upload_ttl: Duration,
    download_ttl: Duration,
    object_lifetime: Duration,
    sweep_grace: Duration,
    complete_idle_after: Option<Duration>,
    replaced_lifetime: Option<Duration>,
    events_retention: Duration,
}

/// The reason why durations are not a valid policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// The validity of a URL is zero, or more than seven days.
    #[error("must be 1 to 604800 seconds")]
    Ttl(&'static str),
    /// A draft would expire while its upload URL is still valid.
    #[error("must be at least UPLOAD_TTL: a draft must not expire while its upload URL is valid")]
    Lifetime,
    /// An upload would end before it is completed.
    #[error("must be less than OBJECT_LIFETIME: an upload ends then")]
    IdleAfter,
}

impl Policy {
    /// Creates a policy under which no live draft can be swept.
    ///
    /// # Errors
    /// [`InvalidPolicy`] if the validity of a URL is zero, exceeds [`MAX_TTL`], or exceeds the lifetime of drafts.
    pub fn new(
        upload_ttl: Duration,
        download_ttl: Duration,
        object_lifetime: Duration,
        sweep_grace: Duration,
    ) -> Result<Self, InvalidPolicy> {
        for (name, ttl) in [("UPLOAD_TTL", upload_ttl), ("DOWNLOAD_TTL", download_ttl)] {
            if ttl.is_zero() || ttl > MAX_TTL {
                return Err(InvalidPolicy::Ttl(name));
            }
        }
        if object_lifetime < upload_ttl {
            return Err(InvalidPolicy::Lifetime);
        }
        Ok(Self {
            upload_ttl,
            download_ttl,
            object_lifetime,
            sweep_grace,
            complete_idle_after: None,
            replaced_lifetime: None,
            events_retention: DEFAULT_EVENTS_RETENTION,
        })
    }

    /// Completes uploads in parts whose parts are all there, if none arrived for this time. `None` leaves the completion
    /// to clients.
    ///
    /// # Errors
    /// [`InvalidPolicy::IdleAfter`] if uploads end before.
    pub fn completing_idle_after(self, idle_after: Option<Duration>) -> Result<Self, InvalidPolicy> {
        if idle_after.is_some_and(|idle_after| idle_after >= self.object_lifetime) {
            return Err(InvalidPolicy::IdleAfter);
        }
        Ok(Self {
            complete_idle_after: idle_after,
            ..self
        })
    }

    /// Keeps a copy of what is replaced or deleted in a main bucket without versions, for this time. `None` keeps none.
    #[must_use]
    pub fn keeping_replaced_for(self, lifetime: Option<Duration>) -> Self {
        Self {
            replaced_lifetime: lifetime,
            ..self
        }
    }

    /// Keeps the events of the feed for this time.
    #[must_use]
    pub fn keeping_events_for(self, events_retention: Duration) -> Self {
        Self {
            events_retention,
            ..self
        }
    }

    /// Returns the maximum validity of an upload URL, which is also the default.
    pub fn upload_ttl(&self) -> Duration {
        self.upload_ttl
    }

    /// Returns the maximum validity of a download URL, which is also the default.
    pub fn download_ttl(&self) -> Duration {
        self.download_ttl
    }

    /// Returns the age at which a draft expires.
    pub fn object_lifetime(&self) -> Duration {
        self.object_lifetime
    }

    /// Returns the time without a new part after which the server completes an upload that has all its parts, if it does.
    pub fn complete_idle_after(&self) -> Option<Duration> {
        self.complete_idle_after
    }

    /// Returns the time for which a copy of what was replaced or deleted is kept, if one is.
    pub fn replaced_lifetime(&self) -> Option<Duration> {
        self.replaced_lifetime
    }

    /// Returns the time for which an event is kept in the feed.
    pub fn events_retention(&self) -> Duration {
        self.events_retention
    }

    /// Returns the time for which a sweep keeps a draft after it has expired.
    pub fn sweep_grace(&self) -> Duration {
        self.sweep_grace
    }

    /// Returns the time until which a unique draft can be uploaded, or `None` if it has passed. An ID that ends later than
    /// those that are issued now was never issued, so its draft cannot be uploaded either. Clocks may differ by the grace of a
    /// sweep.
    pub fn can_arrive_until(&self, id: DraftId, now: SystemTime) -> Option<SystemTime> {
        let expires_at = id.expires_at();
        let left = expires_at.duration_since(now).ok().filter(|left| !left.is_zero())?;
        (left <= self.object_lifetime.saturating_add(self.sweep_grace)).then_some(expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn lifetime_shorter_than_upload_urls_is_rejected() {
        assert_eq!(Policy::new(HOUR, HOUR, HOUR / 2, HOUR), Err(InvalidPolicy::Lifetime));
        assert!(Policy::new(HOUR, HOUR, HOUR, Duration::ZERO).is_ok());
    }

    #[test]
    fn uploads_end_after_they_are_completed() {
        let policy = Policy::new(HOUR, HOUR, HOUR, HOUR).expect("valid");
        for (idle_after, is_valid) in [(None, true), (Some(HOUR / 2), true), (Some(HOUR), false)] {
            let completing = policy.completing_idle_after(idle_after);
            assert_eq!(completing.is_ok(), is_valid, "{idle_after:?}");
        }
    }

    #[test]
    fn unique_draft_can_arrive_while_an_id_of_now_is_valid() {
        let policy = Policy::new(HOUR, HOUR, 2 * HOUR, HOUR).expect("valid");
        let now = SystemTime::UNIX_EPOCH + 10 * HOUR;
        for (hours, can_arrive) in [
            (0, false),
            (10, false),
            (11, true),
            (13, true),
            (14, false),
            (70_000_000, false),
        ] {
            let expires_at = SystemTime::UNIX_EPOCH + hours * HOUR;
            let found = policy.can_arrive_until(DraftId::new(expires_at, 7), now);
            assert_eq!(found, can_arrive.then_some(expires_at), "{hours}");
        }
    }

    #[test]
    fn ttl_is_between_a_second_and_seven_days() {
        assert_eq!(
            Policy::new(Duration::ZERO, HOUR, HOUR, HOUR),
            Err(InvalidPolicy::Ttl("UPLOAD_TTL"))
        );
        assert_eq!(
            Policy::new(HOUR, MAX_TTL + HOUR, HOUR, HOUR),
            Err(InvalidPolicy::Ttl("DOWNLOAD_TTL"))
        );
    }
}
