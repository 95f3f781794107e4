//! Names: what parses keeps every rule, and comes back out of a key as it went in.

use crate::offline::with_drafts;
use draftstore_service::ObjectName;
use draftstore_service::draft::{DraftName, uppy_names};

/// A unique draft's.
const ID: &str = "01J00000000000000000000000";

/// Parses the data as an object name, and takes it into a key and back.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<ObjectName>() {
        Ok(name) => {
            assert!(keeps_the_rules(text), "{text:?}");
            assert_eq!(name.as_str(), text);
            assert_eq!(name.key().as_str(), text);
            let name = DraftName {
                object_name: text.to_owned(),
                draft_id: Some(ID.to_owned()),
            };
            let key = with_drafts(|drafts| drafts.whole_key(&name)).expect("both are valid");
            assert!(key.len() <= 1024, "{key:?}");
            let back = with_drafts(|drafts| drafts.of_whole_key(&key)).expect("a whole key");
            assert_eq!((back.object_name, back.draft_id), (name.object_name, name.draft_id));
        }
        Err(violation) => {
            assert!(!keeps_the_rules(text), "{text:?}: {}", violation.rule);
            assert_eq!(violation.field, "object_name");
        }
    }
    let kept = uppy_names::object_name(text);
    assert!(keeps_the_rules(&kept), "{text:?} became {kept:?}");
    assert!(kept.parse::<ObjectName>().is_ok(), "{text:?} became {kept:?}");
}

/// The contract's rules once more, said in another way.
pub(crate) fn keeps_the_rules(name: &str) -> bool {
    let hides = |c: char| {
        matches!(u32::from(c),
            0..=0x1F | 0x7F..=0x9F | 0x2028..=0x202E | 0x2066..=0x2069 | 0xFEFF)
    };
    let white = |c: char| {
        matches!(
            u32::from(c),
            0x20 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000
        )
    };
    let walks = |segment: &str| segment.is_empty() || segment == "." || segment == "..";
    (1..=900).contains(&name.len())
        && !name.chars().any(|c| hides(c) || c == '\\')
        && !name.chars().all(white)
        && !name.split('/').any(walks)
        && !name.starts_with(".drafts/")
}
