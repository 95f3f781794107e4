//! The setting `TRANSITIONS`: when objects move to other storage classes.

use std::collections::BTreeMap;

use draftstore_storage::{BucketName, Transition};

use crate::Buckets;
use crate::draft::options::class;

/// The maximum age, in days: a hundred years.
const MAX_DAYS: u32 = 36_500;

/// The storage class in which objects begin.
const FIRST_CLASS: &str = "STANDARD";

/// A transition with its bucket. `None` is the main bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BucketTransition {
    bucket: Option<BucketName>,
    transition: Transition,
}

/// Parses transitions with commas between, each `DAYS:STORAGE_CLASS`, with `@BUCKET` or `@BUCKET/PREFIX` behind.
pub(super) fn parse(text: &str) -> Result<Vec<BucketTransition>, String> {
    text.split(',').map(|one| parse_one(one.trim())).collect()
}

fn parse_one(text: &str) -> Result<BucketTransition, String> {
    let form = || {
        format!("{text:?}: must be DAYS:STORAGE_CLASS, such as 30:STANDARD_IA, with @BUCKET or @BUCKET/PREFIX behind")
    };
    let (days, rest) = text.split_once(':').ok_or_else(form)?;
    let (storage_class, place) = match rest.split_once('@') {
        Some((storage_class, place)) => (storage_class, Some(place)),
        None => (rest, None),
    };
    let days = days.parse::<u32>().ok().filter(|days| *days <= MAX_DAYS);
    let days = days.ok_or_else(|| format!("{text:?}: must have 0 to {MAX_DAYS} days"))?;
    let storage_class = class(storage_class).map_err(|violation| format!("{text:?}: a class {}", violation.rule))?;
    if storage_class == FIRST_CLASS {
        return Err(format!("{text:?}: must have another class than {FIRST_CLASS}"));
    }
    let (bucket, prefix) = match place.map(|place| place.split_once('/').unwrap_or((place, ""))) {
        Some((bucket, prefix)) => (
            Some(
                bucket
                    .parse::<BucketName>()
                    .map_err(|error| format!("{text:?}: {error}"))?,
            ),
            prefix,
        ),
        None => (None, ""),
    };
    let transition = Transition {
        prefix: prefix.to_owned(),
        days,
        storage_class,
    };
    Ok(BucketTransition { bucket, transition })
}

/// Returns the transitions of each bucket, those of an earlier age first.
///
/// # Errors
/// The rule that one of them breaks: its bucket is another one, or one of the same prefix has the same age or class.
pub(super) fn by_bucket(
    all: Vec<BucketTransition>,
    buckets: &Buckets,
) -> Result<BTreeMap<BucketName, Vec<Transition>>, String> {
    let mut by_bucket: BTreeMap<BucketName, Vec<Transition>> = BTreeMap::new();
    for BucketTransition { bucket, transition } in all {
        let bucket = bucket.unwrap_or_else(|| buckets.main.name().clone());
        if !buckets.confirmed().any(|main| *main.name() == bucket) {
            return Err(format!(
                "names {bucket}, which is neither BUCKET_NAME nor in DESTINATION_BUCKETS"
            ));
        }
        let of_bucket = by_bucket.entry(bucket.clone()).or_default();
        let contradicts = |other: &Transition| {
            other.prefix == transition.prefix
                && (other.days == transition.days || other.storage_class == transition.storage_class)
        };
        if of_bucket.iter().any(contradicts) {
            let rule = "must have another age and another class than the others of its prefix";
            return Err(format!(
                "{}:{} of {bucket} {rule}",
                transition.days, transition.storage_class
            ));
        }
        of_bucket.push(transition);
    }
    for transitions in by_bucket.values_mut() {
        transitions.sort_by_key(|transition| transition.days);
    }
    Ok(by_bucket)
}
