//! The moves of objects in main to other storage classes by their age, on a store that does not make them itself.

use std::time::{Duration, SystemTime};

use draftstore_storage::{ListedObject, Transition};

use crate::REPLACED_PREFIX;

/// The storage classes whose objects must be restored before they can be read or copied.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/archived-objects.html>
pub const ARCHIVE_CLASSES: [&str; 2] = ["GLACIER", "DEEP_ARCHIVE"];

/// The storage class in which a store keeps objects unless it is told otherwise.
const FIRST_CLASS: &str = "STANDARD";

/// The length of a day.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the transition that is due for an object: of those for its key, the one of the highest age that it has reached.
///
/// An object moves only from the first class, or from that of a transition of a lower age. So none moves twice, or back. One in an
/// archive class is left, and so is one whose class the store does not list, and a copy of a replaced object.
pub fn due_transition<'t>(
    transitions: &'t [Transition],
    object: &ListedObject,
    now: SystemTime,
) -> Option<&'t Transition> {
    let (key, class) = (object.key.as_str(), object.storage_class.as_deref()?);
    if key.starts_with(REPLACED_PREFIX) || ARCHIVE_CLASSES.contains(&class) {
        return None;
    }
    let of_key = || {
        transitions
            .iter()
            .filter(|transition| key.starts_with(&transition.prefix))
    };
    let age = now.duration_since(object.last_modified).unwrap_or_default();
    let due = of_key().filter(|transition| age >= DAY * transition.days);
    let due = due.max_by_key(|transition| transition.days)?;
    let is_earlier = |other: &Transition| other.days < due.days && other.storage_class == class;
    (due.storage_class != class && (class == FIRST_CLASS || of_key().any(is_earlier))).then_some(due)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn transition(prefix: &str, days: u32, class: &str) -> Transition {
        Transition {
            prefix: prefix.to_owned(),
            days,
            storage_class: class.to_owned(),
        }
    }

    fn due(key: &str, class: Option<&str>, days: u32) -> Option<String> {
        let transitions = [
            transition("", 30, "STANDARD_IA"),
            transition("", 90, "GLACIER_IR"),
            transition("", 365, "DEEP_ARCHIVE"),
            transition("logs/", 7, "GLACIER"),
            transition("films/", 60, "STANDARD_IA"),
        ];
        let modified = UNIX_EPOCH + 10_000 * DAY;
        let object = ListedObject {
            key: key.parse().expect("a key"),
            etag: "0".parse().expect("an ETag"),
            size: 1,
            last_modified: modified,
            storage_class: class.map(ToOwned::to_owned),
        };
        let due = due_transition(&transitions, &object, modified + DAY * days);
        due.map(|transition| transition.storage_class.clone())
    }

    #[test]
    fn object_moves_to_the_class_of_its_age() {
        for (days, class) in [
            (0, None),
            (29, None),
            (30, Some("STANDARD_IA")),
            (90, Some("GLACIER_IR")),
            (400, Some("DEEP_ARCHIVE")),
        ] {
            assert_eq!(due("a", Some("STANDARD"), days).as_deref(), class, "{days}");
        }
        assert_eq!(due("logs/a", Some("STANDARD"), 8).as_deref(), Some("GLACIER"));
        assert_eq!(due("logs/a", Some("STANDARD"), 30).as_deref(), Some("STANDARD_IA"));
    }

    #[test]
    fn object_moves_neither_twice_nor_back_nor_out_of_an_archive() {
        assert_eq!(due("a", Some("STANDARD_IA"), 40), None);
        assert_eq!(
            due("films/a", Some("STANDARD_IA"), 70),
            None,
            "another transition to the same class"
        );
        assert_eq!(due("a", Some("STANDARD_IA"), 90).as_deref(), Some("GLACIER_IR"));
        assert_eq!(due("a", Some("GLACIER_IR"), 40), None, "back");
        assert_eq!(due("a", Some("ONEZONE_IA"), 40), None, "a class that somebody chose");
        assert_eq!(due("a", Some("GLACIER"), 400), None, "not readable");
        assert_eq!(due("logs/a", Some("GLACIER"), 400), None, "not readable");
        assert_eq!(due("a", None, 400), None, "not listed");
    }

    #[test]
    fn copy_of_a_replaced_object_stays() {
        assert_eq!(due(".replaced/a/replaced-1", Some("STANDARD"), 400), None);
        let behind = UNIX_EPOCH + DAY;
        let object = ListedObject {
            key: "a".parse().expect("a key"),
            etag: "0".parse().expect("an ETag"),
            size: 1,
            last_modified: behind + DAY,
            storage_class: Some("STANDARD".to_owned()),
        };
        let transitions = [transition("", 1, "STANDARD_IA")];
        assert_eq!(
            due_transition(&transitions, &object, behind),
            None,
            "a clock that is behind"
        );
    }
}
