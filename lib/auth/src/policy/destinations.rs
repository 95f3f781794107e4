//! The destinations of the policy: named places where confirms may put objects, beside the main bucket.

use std::collections::BTreeMap;
use std::sync::Arc;

use draftstore_service::caller::{Destination, DestinationPrefix, Destinations, Profile};

use super::file;
use super::problems::Problems;
use super::profiles::fixed;

/// The maximum length of a name.
const MAX_NAME_BYTES: usize = 63;

pub(super) fn destinations(written: &BTreeMap<String, file::Destination>, problems: &mut Problems) -> Destinations {
    let named = written.iter();
    named
        .map(|(name, written)| {
            let place = format!("destinations.{name}");
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            if !(1..=MAX_NAME_BYTES).contains(&name.len()) || !name.bytes().all(is_plain) {
                let rule = format!("must have a name of 1 to {MAX_NAME_BYTES} letters, digits, '-', '_' and '.'");
                problems.add(&place, rule);
            }
            (name.clone(), Arc::new(destination(&place, name, written, problems)))
        })
        .collect()
}

fn destination(place: &str, name: &str, written: &file::Destination, problems: &mut Problems) -> Destination {
    let bucket = written.bucket.as_ref();
    let prefix = written.prefix.as_deref().map(DestinationPrefix::new);
    let prefix = prefix.map(|prefix| prefix.map_err(|violation| violation.rule));
    Destination {
        name: name.to_owned(),
        bucket: bucket.and_then(|bucket| problems.take(format_args!("{place}.bucket"), bucket.parse())),
        prefix: prefix
            .and_then(|prefix| problems.take(format_args!("{place}.prefix"), prefix))
            .unwrap_or_default(),
        options: fixed(place, &written.options(), &Profile::default(), problems).unwrap_or_default(),
    }
}

/// Returns the destinations of these names, and records an error for each that there is not.
pub(super) fn granted(all: &Destinations, place: &str, names: &[String], problems: &mut Problems) -> Destinations {
    let granted = names.iter().filter_map(|name| {
        let found = all
            .get(name)
            .ok_or_else(|| format!("there is no [destinations.{name}]"));
        Some((name.clone(), Arc::clone(problems.take(place, found)?)))
    });
    granted.collect()
}
