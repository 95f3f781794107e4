//! What can be kept of what an upload client says of a file, where refusing the upload would help nobody: the user cannot
//! change what the client sends.

use std::collections::BTreeMap;

use percent_encoding::{CONTROLS, utf8_percent_encode};

use crate::ObjectName;
use crate::fields;
use crate::limits::MAX_NAME_BYTES;
use crate::name::is_invisible;

/// What a file is called of which nothing can be kept.
const NAMELESS: &str = "file";

/// Stands for each character that cannot be kept.
const STAND_IN: char = '_';

/// A longer text after the last dot is no extension.
const MAX_EXTENSION_BYTES: usize = 32;

/// A name by the rules of [`ObjectName`], as near to the file's own as they allow, and that needs no encoding in a URL
/// but what browsers do by themselves: upload clients join URL and key as they are.
///
/// A name that is too long loses the end of what is before its extension.
pub fn object_name(file_name: &str) -> String {
    object_name_under("", file_name)
}

/// The same with a prefix before it, which is kept as it is.
pub fn object_name_under(prefix: &str, file_name: &str) -> String {
    let keep = |c: char| {
        let breaks = matches!(c, '/' | '\\' | '%' | '?' | '#') || is_invisible(c);
        if breaks { STAND_IN } else { c }
    };
    let name: String = file_name.chars().map(keep).collect();
    // A form's key with this in it is another one at the store.
    let name = name.replace("${filename}", "_{filename}");
    // Browsers cut a URL's end.
    let name = shortened(name.trim_end(), MAX_NAME_BYTES.saturating_sub(prefix.len()));
    match name.parse::<ObjectName>() {
        Ok(_) => format!("{prefix}{name}"),
        // Nothing is left, or nothing but one dot or two.
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

/// The media type, where it is one.
pub fn content_type(text: &str) -> Option<String> {
    fields::content_type(text).ok().map(ToOwned::to_owned)
}

/// As much of the metadata as the rules allow: names in lower case, values percent-encoded where they are not printable
/// ASCII. What breaks a rule even so is left out, and so is what no room is left for; `name` comes first.
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
    fn names_are_kept_but_for_what_breaks() {
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
    fn prefix_stays_before_what_is_kept_of_the_name() {
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
    fn metadata_is_kept_as_far_as_it_can_be() {
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

    #[test]
    fn what_is_no_media_type_is_left_out() {
        assert_eq!(content_type("image/jpeg").as_deref(), Some("image/jpeg"));
        for bad in ["", "null", "image", "image/jpeg\r\nx: y"] {
            assert_eq!(content_type(bad), None, "{bad:?}");
        }
    }
}
