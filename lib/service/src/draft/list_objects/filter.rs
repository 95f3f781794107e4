//! Filters of a listing of confirmed objects: by the properties that the store lists, and by those that need a call for each
//! object.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::Violation;
use crate::caller::{ContentTypes, Profile};
use crate::draft::options::tags;
use crate::fields::not_negative;
use crate::violation::Violations;

/// The filter of a request, not yet validated. The default passes everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectFilter {
    /// The minimum size in bytes.
    pub min_size: Option<i64>,
    /// The maximum size in bytes.
    pub max_size: Option<i64>,
    /// The earliest time of the confirm.
    pub confirmed_after: Option<SystemTime>,
    /// The time before which the object was confirmed.
    pub confirmed_before: Option<SystemTime>,
    /// The media type, or a wildcard such as `image/*`.
    pub content_type: Option<String>,
    /// The tags that the object has.
    pub tags: BTreeMap<String, String>,
}

/// A validated filter.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    min_size: Option<u64>,
    max_size: Option<u64>,
    after: Option<SystemTime>,
    before: Option<SystemTime>,
    pub(super) content_type: Option<ContentTypes>,
    pub(super) tags: BTreeMap<String, String>,
}

impl ObjectFilter {
    /// Validates the filter, and records the rules that it breaks.
    pub(super) fn check(&self, broken: &mut Violations) -> Filter {
        let min_size = broken.take_optional(self.min_size.map(|bytes| not_negative("min_size", bytes)));
        let max_size = broken.take_optional(self.max_size.map(|bytes| not_negative("max_size", bytes)));
        if min_size.zip(max_size).is_some_and(|(least, most)| least > most) {
            broken.take::<()>(Err(Violation::new("max_size", "must not be less than min_size")));
        }
        let times = self.confirmed_after.zip(self.confirmed_before);
        if times.is_some_and(|(after, before)| after >= before) {
            broken.take::<()>(Err(Violation::new(
                "confirmed_before",
                "must be later than confirmed_after",
            )));
        }
        let content_type = self.content_type.as_deref().map(|text| {
            let parsed = text.parse::<ContentTypes>();
            parsed.map_err(|error| Violation::new("content_type", error.to_string()))
        });
        Filter {
            content_type: broken.take_optional(content_type),
            tags: broken.take(tags(&self.tags, &Profile::default())).unwrap_or_default(),
            min_size,
            max_size,
            after: self.confirmed_after,
            before: self.confirmed_before,
        }
    }
}

impl Filter {
    /// Returns `true` if the store does not list what the filter is about.
    pub(super) fn needs_description(&self) -> bool {
        self.content_type.is_some() || !self.tags.is_empty()
    }

    /// Returns `true` if an object of this size, confirmed at this time, passes.
    pub(super) fn passes(&self, size: u64, confirmed_at: SystemTime) -> bool {
        self.min_size.is_none_or(|least| size >= least)
            && self.max_size.is_none_or(|most| size <= most)
            && self.after.is_none_or(|after| confirmed_at >= after)
            && self.before.is_none_or(|before| confirmed_at < before)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn limits_are_part_of_sizes_and_the_end_of_times_is_not() {
        let time = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut broken = Violations::default();
        let filter = ObjectFilter {
            min_size: Some(2),
            max_size: Some(4),
            confirmed_after: Some(time(10)),
            confirmed_before: Some(time(20)),
            ..ObjectFilter::default()
        };
        let filter = filter.check(&mut broken);
        assert!(broken.as_slice().is_empty());
        for (size, at, passes) in [
            (2, 10, true),
            (4, 19, true),
            (1, 10, false),
            (5, 10, false),
            (3, 9, false),
            (3, 20, false),
        ] {
            assert_eq!(filter.passes(size, time(at)), passes, "{size} {at}");
        }
        assert!(Filter::default().passes(0, UNIX_EPOCH));
    }
}
