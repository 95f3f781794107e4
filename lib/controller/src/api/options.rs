//! Storage options in requests and responses.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{RequestedOptions, RequestedRetention};
use draftstore_service::{Retention, RetentionMode};

use crate::errors::Failure;

/// The seconds of the times that protobuf defines and that JSON is read with: 0001-01-01T00:00:00Z to 9999-12-30T22:00:00Z.
const SECONDS: RangeInclusive<i64> = -62_135_596_800..=253_402_207_200;

/// Converts the options of a request.
pub(super) fn requested(options: Option<v1::StorageOptions>) -> RequestedOptions {
    let options = options.unwrap_or_default();
    RequestedOptions {
        tags: options.tags.into_iter().collect(),
        storage_class: options.storage_class,
        retention: options.retention.map(|retention| RequestedRetention {
            mode: mode(retention.mode),
            until: retention.until.and_then(time),
        }),
        legal_hold: options.legal_hold,
        encryption: options.encryption,
        kms_key_id: options.kms_key_id,
    }
}

pub(super) fn retention(retention: &Retention) -> v1::ObjectRetention {
    let mode = match retention.mode {
        RetentionMode::Governance => v1::RetentionMode::Governance,
        RetentionMode::Compliance => v1::RetentionMode::Compliance,
    };
    v1::ObjectRetention {
        mode: mode.into(),
        until: Some(Timestamp::from(retention.until)),
    }
}

fn mode(number: i32) -> Option<RetentionMode> {
    match v1::RetentionMode::try_from(number).ok()? {
        v1::RetentionMode::Unspecified => None,
        v1::RetentionMode::Governance => Some(RetentionMode::Governance),
        v1::RetentionMode::Compliance => Some(RetentionMode::Compliance),
    }
}

/// Returns the time, in whole seconds as stores have them, or `None` for one before 1970, and for one that JSON cannot have.
fn time(time: Timestamp) -> Option<SystemTime> {
    let seconds = Some(time.seconds).filter(|_| is_valid(&time));
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds?).ok()?))
}

/// Tells whether protobuf defines the time. gRPC passes on any numbers.
fn is_valid(time: &Timestamp) -> bool {
    SECONDS.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos)
}

/// Returns the time of a filter, in whole seconds. One before 1970 becomes 1970: nothing is that old.
pub(super) fn filter_time(field: &str, at: Option<Timestamp>) -> Result<Option<SystemTime>, Failure> {
    let Some(at) = at else {
        return Ok(None);
    };
    if !is_valid(&at) {
        let rule = "must be a time from 0001-01-01T00:00:00Z to 9999-12-30T22:00:00Z";
        return Err(Failure::invalid(field, rule));
    }
    Ok(Some(time(at).unwrap_or(UNIX_EPOCH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_within_the_range_of_protobuf() {
        let read = |seconds, nanos| filter_time("confirmed_after", Some(Timestamp { seconds, nanos }));
        for (seconds, nanos, since_epoch) in [
            (1_800_000_000, 999_999_999, 1_800_000_000),
            (*SECONDS.end(), 0, 253_402_207_200),
            (0, 0, 0),
            (-1, 0, 0),
            (*SECONDS.start(), 0, 0),
        ] {
            let expected = UNIX_EPOCH + Duration::from_secs(since_epoch);
            assert_eq!(read(seconds, nanos).expect("valid"), Some(expected), "{seconds}");
        }
        let retained = |seconds, nanos| {
            let retention = v1::RetentionOption {
                mode: v1::RetentionMode::Governance.into(),
                until: Some(Timestamp { seconds, nanos }),
            };
            let options = v1::StorageOptions {
                retention: Some(retention),
                ..v1::StorageOptions::default()
            };
            requested(Some(options)).retention.expect("requested").until
        };
        assert!(retained(1_800_000_000, 0).is_some());
        for (seconds, nanos) in [
            (i64::MAX, 0),
            (i64::MIN, 0),
            (*SECONDS.end() + 1, 0),
            (*SECONDS.start() - 1, 0),
            (0, -1),
            (0, 1_000_000_000),
            (0, i32::MAX),
        ] {
            let failure = format!("{:?}", read(seconds, nanos).expect_err("rejected"));
            assert!(failure.contains("confirmed_after"), "{seconds} {nanos}: {failure}");
            assert_eq!(retained(seconds, nanos), None, "{seconds} {nanos}");
        }
        assert_eq!(filter_time("confirmed_after", None).expect("valid"), None);
    }
}
