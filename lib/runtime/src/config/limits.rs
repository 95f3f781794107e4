//! What bounds a sweep, and a confirm.

use std::str::FromStr;

use draftstore_service::cleaner::Brakes;
use draftstore_service::draft::ConfirmLimits;

use super::errors::Errors;
use super::values::Seconds;
use super::variables::Values;

/// What stops a sweep.
pub(super) fn brakes(values: &mut Values, errors: &mut Errors) -> Brakes {
    let max_delete: Option<Count> = errors.parse("MAX_DELETE", values.max_delete.take());
    Brakes {
        max_delete: max_delete.map(|Count(count)| count),
        max_delete_fraction: errors.parse("MAX_DELETE_FRACTION", values.max_delete_fraction.take()),
    }
}

/// The bounds of a confirm. The size from which on drafts are copied in parts is no matter of configuration.
pub(super) fn confirm_limits(values: &mut Values, errors: &mut Errors) -> ConfirmLimits {
    let timeout: Option<Seconds> = errors.parse("CONFIRM_TIMEOUT", values.confirm_timeout.take());
    if timeout == Some(Seconds(0)) {
        errors.add("CONFIRM_TIMEOUT: must be at least 1 second");
    }
    let default = ConfirmLimits::default();
    ConfirmLimits {
        timeout: timeout.map_or(default.timeout, Seconds::duration),
        ..default
    }
}

/// How many.
struct Count(u64);

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be a whole number")
    }
}
