//! The validity of a signature.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::error::CredentialsError;
use draftstore_sigv4::{MAX_VALIDITY_SECONDS, Timestamp};
use draftstore_storage::Error;

use crate::error::Call;

/// A validity: a start and a duration, in whole seconds as the URL states them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) seconds: u64,
}

impl Validity {
    /// Creates a validity, which ends with the credentials at the latest.
    ///
    /// # Errors
    /// Kind `CredentialsRefused` if they end within this second, `Unexpected` if the duration is not between a
    /// second and seven days.
    pub(super) fn new(
        call: Call<'_>,
        now: SystemTime,
        expires_in: Duration,
        credentials_end: Option<SystemTime>,
    ) -> Result<Self, Error> {
        let from = Timestamp::try_from(now).map_err(|error| call.unexpected(error.to_string()))?;
        if !(1..=MAX_VALIDITY_SECONDS).contains(&expires_in.as_secs()) {
            return Err(call.unexpected("a presigned URL is valid for a second to seven days"));
        }
        let left = credentials_end.map_or(u64::MAX, |end| {
            let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            end.as_secs().saturating_sub(from.unix_seconds())
        });
        if left == 0 {
            let ended = CredentialsError::not_loaded("the credentials end within this second");
            return Err(call.without_credentials(&ended));
        }
        Ok(Self {
            from,
            seconds: expires_in.as_secs().min(left),
        })
    }

    /// Returns the end.
    pub(super) fn until(self) -> SystemTime {
        SystemTime::from(self.from) + Duration::from_secs(self.seconds)
    }
}
