//! Storage options in requests and responses.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use draftstore_proto::{Timestamp, v1};
use draftstore_service::draft::{RequestedOptions, RequestedRetention};
use draftstore_service::{Retention, RetentionMode};

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

/// Returns the time, in whole seconds as stores have them, or `None` for one before 1970.
pub(super) fn time(time: Timestamp) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(time.seconds).ok()?))
}
