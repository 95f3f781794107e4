//! Conversion of file names, media types and metadata that upload clients send.
//!
//! Values that break a rule are changed or left out, not refused: a user cannot change what the client sends.

use std::collections::BTreeMap;

use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::ObjectName;
use crate::fields;
use crate::limits::MAX_NAME_BYTES;
use crate::name::is_invisible;

/// The object name of a file whose own name is empty or unusable.
const NAMELESS: &str = "file";

/// The replacement for each character that is not allowed.
const STAND_IN: char = '_';

/// The maximum length of an extension. A longer text after the last dot is part of the stem.
const MAX_EXTENSION_BYTES: usize = 32;

/// Converts a file name into a valid [`ObjectName`] that is as similar as possible.
///
/// The name needs no encoding in a URL beyond the browser's own, because upload clients join URL and key without
/// encoding. A name that is too long is cut before its extension.
pub fn object_name(file_name: &str) -> String {
    object_name_under("", file_name)
}

/// Converts a file name like [`object_name`], and adds a prefix, which is kept verbatim.
pub fn object_name_under(prefix: &str, file_name: &str) -> String {
    let keep = |c: char| {
        let breaks = matches!(c, '/' | '\\' | '%' | '?' | '#') || is_invisible(c);
        if breaks { STAND_IN } else { c }
    };
    let name: String = file_name.chars().map(keep).collect();
    // Stores replace this in the key of a form.
    let name = name.replace("${filename}", "_{filename}");
    // Browsers trim white space at the end of a URL.
    let name = shortened(name.trim_end(), MAX_NAME_BYTES.saturating_sub(prefix.len()));
    match name.parse::<ObjectName>() {
        Ok(_) => format!("{prefix}{name}"),
        // The name is empty, or one or two dots.
        Err(_) => format!("{prefix}{NAMELESS}"),
    }
}

fn shortened(name: &str, most: usize) -> String {
    if name.len() <= most {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= MAX_EXTENSION_BYTES);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let end = stem.floor_char_boundary(most.saturating_sub(extension.len()));
    format!("{}{extension}", &stem[..end])
}

/// Converts metadata to what the rules allow: names in lower case, values percent-encoded unless they are printable
/// ASCII.
///
/// Entries that still break a rule are left out, and so are those beyond the size limit. The entry `name` has priority.
pub fn metadata(given: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut given: Vec<_> = given.into_iter().collect();
    given.sort_by(|(a, _), (b, _)| (a != "name", a).cmp(&(b != "name", b)));
    let mut kept = BTreeMap::new();
    for (name, value) in given {
        let name = name.to_ascii_lowercase();
        let value = utf8_percent_encode(value.trim(), CONTROLS).to_string();
        if kept.contains_key(&name) {
            continue;
        }
        kept.insert(name.clone(), value);
        if fields::metadata(&kept).is_err() {
            kept.remove(&name);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_characters_in_names_are_replaced() {
        for (file_name, kept) in [
            ("photo.jpg", "photo.jpg"),
            ("été 1+1=2 & more!.jpg", "été 1+1=2 & more!.jpg"),
            ("写真 🐱.png", "写真 🐱.png"),
            ("a/b\\c?d#e%20f", "a_b_c_d_e_20f"),
            ("exe\u{202E}gpj\n\0.txt", "exe_gpj__.txt"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            (".drafts/staging/x", ".drafts_staging_x"),
            ("${filename}", "_{filename}"),
            (" trailing  ", " trailing"),
            ("", "file"),
            ("   ", "file"),
            (".", "file"),
            ("..", "file"),
            ("/", "_"),
        ] {
            let name = object_name(file_name);
            assert_eq!(name, kept, "{file_name:?}");
            assert!(name.parse::<ObjectName>().is_ok(), "{file_name:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let name = object_name(&format!("{}.pdf", "é".repeat(600)));
        assert!(
            name.len() > 890 && name.len() <= 900 && name.ends_with("éé.pdf"),
            "{name}"
        );
        for long in ["x".repeat(5000), format!("a.{}", "🐱".repeat(300))] {
            let name = object_name(&long);
            assert!(name.len() > 890 && name.parse::<ObjectName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn prefix_is_kept_verbatim() {
        for (prefix, file_name, kept) in [
            ("users/42/", "a/b.jpg", "users/42/a_b.jpg"),
            ("a-", "..", "a-file"),
            ("a-", "", "a-file"),
        ] {
            assert_eq!(object_name_under(prefix, file_name), kept);
        }
        let prefix = "x".repeat(600);
        let name = object_name_under(&prefix, &format!("{}.pdf", "é".repeat(600)));
        assert!(name.starts_with(&prefix) && name.ends_with("é.pdf") && name.len() > 890);
        assert!(name.parse::<ObjectName>().is_ok(), "{name}");
    }

    #[test]
    fn metadata_that_breaks_a_rule_is_converted_or_left_out() {
        let given = [
            ("relativePath", "a/b"),
            ("name", "été.jpg"),
            ("caption", " 100% "),
            ("empty", ""),
            ("a b", "x"),
            ("draftstore-draft", "x"),
            ("Caption", "first"),
            ("line", "a\nb"),
        ];
        let kept = metadata(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let expected = [
            ("caption", "first"),
            ("line", "a%0Ab"),
            ("name", "%C3%A9t%C3%A9.jpg"),
            ("relativepath", "a/b"),
        ];
        assert_eq!(kept, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
        let long = [
            ("a", "x".repeat(1500)),
            ("name", "y".repeat(100)),
            ("z", "z".to_owned()),
        ];
        let kept = metadata(long.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["name", "z"]);
    }
}
