//! What bounds a sweep, and a confirm.

use std::str::FromStr;

use draftstore_service::cleaner::{Brakes, Part};
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

/// Which part of the draft bucket is swept. Kubernetes numbers the pods of an Indexed Job, which says nothing of a sweep
/// before it is said into how many parts it is split.
pub(super) fn sweep_part(values: &mut Values, errors: &mut Errors) -> Part {
    let is_split = values.sweep_shards.is_some();
    let numbered = values.job_completion_index.take().filter(|_| is_split);
    let (name, shard) = match (values.sweep_shard.take(), numbered) {
        (None, Some(numbered)) => ("JOB_COMPLETION_INDEX", Some(numbered)),
        (shard, _) => ("SWEEP_SHARD", shard),
    };
    let said = shard.is_some();
    let shards: Option<Shards> = errors.parse("SWEEP_SHARDS", values.sweep_shards.take());
    let shard: Option<Shard> = errors.parse(name, shard);
    if said != is_split {
        errors.add("SWEEP_SHARD: must be set together with SWEEP_SHARDS");
    }
    let (Some(Shard(shard)), Some(Shards(shards))) = (shard, shards) else {
        return Part::WHOLE;
    };
    Part::new(shard, shards).unwrap_or_else(|| {
        errors.add(format!("{name}: must be less than SWEEP_SHARDS, which is {shards}"));
        Part::WHOLE
    })
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

/// Into how many parts.
struct Shards(u16);

impl FromStr for Shards {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shards = text
            .parse()
            .ok()
            .filter(|shards| (1..=Part::MAX_PARTS).contains(shards));
        shards
            .map(Self)
            .ok_or_else(|| format!("must be a whole number, 1 to {}", Part::MAX_PARTS))
    }
}

/// Which of them.
struct Shard(u16);

impl FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| "must be a whole number, from 0")
    }
}
