//! Rules of texts, as regular expressions that ECMA-262, Python and Rust read alike: without looking ahead.

use std::fmt::Write as _;

/// What no name has in it, and what ends a segment of one.
const NEVER: &str = "\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff\\\\/";

/// Of the white space, what names may have in them, though not alone.
const SPACE: &str = " \\u00a0\\u1680\\u2000-\\u200a\\u202f\\u205f\\u3000";

/// What is between slashes: neither nothing nor one or two dots.
fn segment() -> String {
    format!("(?:[^{NEVER}.][^{NEVER}]*|\\.[^{NEVER}.][^{NEVER}]*|\\.\\.[^{NEVER}]+)")
}

/// Names of objects, and whole keys: no character that hides or reorders text, no backslash, not white space alone. That a
/// name is at most 900 bytes and not under `.drafts/` is said in words.
pub(super) fn object_name() -> String {
    let segment = segment();
    let several = format!("{segment}(?:/{segment})+");
    let visible = format!("[{SPACE}]*[^{NEVER}{SPACE}.][^{NEVER}]*|[{SPACE}]+\\.[^{NEVER}]*");
    let dotted = format!("\\.[^{NEVER}.][^{NEVER}]*|\\.\\.[^{NEVER}]+");
    format!("^(?:{several}|{visible}|{dotted})$")
}

/// What names can begin with.
pub(super) fn prefix() -> String {
    format!("^(?:{}/)*[^{NEVER}]*$", segment())
}

/// A media type, or a kind of them.
pub(super) const CONTENT_TYPES: &str = "^[A-Za-z0-9!#$%&'+.^_`|~-]+/(?:[A-Za-z0-9!#$%&'+.^_`|~-]+|\\*)$";

/// `kind/subtype` of HTTP's tokens, and parameters of printable ASCII.
pub(super) const CONTENT_TYPE: &str =
    "^[A-Za-z0-9!#$%&'*+.^_`|~-]+/[A-Za-z0-9!#$%&'*+.^_`|~-]+(?: *;(?:[ -~]*[!-~])?)?$";

/// 32 bytes in padded base64: the last digit has two bits to spare, which are zero.
pub(super) const SHA256: &str = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";

/// A ULID in its canonical form.
pub(super) const DRAFT_ID: &str = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$";

/// One `ETag`, quoted or bare, but not `*`.
pub(super) const ETAG: &str =
    "^(?:[!#-)+-~][!#-~]{0,127}|\\*[!#-~]{1,127}|\"[!#-)+-~][!#-~]{0,127}\"|\"\\*[!#-~]{1,127}\")$";

/// Visible ASCII.
pub(super) const IDEMPOTENCY_KEY: &str = "^[!-~]{1,128}$";

/// What can be the name of user metadata.
pub(super) const METADATA_NAME: &str = "^[a-z0-9_.-]+$";

/// What can be its value.
pub(super) const METADATA_VALUE: &str = "^[!-~](?:[ -~]*[!-~])?$";

/// A file name for a browser: nothing that hides or reorders text, no slash of either kind.
pub(super) const FILE_NAME: &str =
    "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff\\\\/]+$";

/// A whole number from `least` (0 or 1) to `most` in a string, as the JSON mapping reads it.
pub(super) fn whole_number(least: i64, most: i64) -> String {
    let digits = up_to(&most.to_string());
    if least == 0 {
        format!("^(?:\\+?0*(?:0|{digits})|-0+)$")
    } else {
        format!("^\\+?0*(?:{digits})$")
    }
}

/// Numbers from 1 to this one, without leading zeros: all that are shorter, and of those as long all that differ first in a
/// digit that is less.
fn up_to(most: &str) -> String {
    let mut choices = Vec::new();
    if most.len() > 1 {
        choices.push(format!("[1-9][0-9]{{0,{}}}", most.len() - 2));
    }
    for (place, digit) in most.char_indices() {
        let least = if place == 0 { '1' } else { '0' };
        if digit > least {
            let mut choice = most[..place].to_owned();
            let below = char::from(digit as u8 - 1);
            // Writing to a string does not fail.
            let _ = write!(choice, "[{least}-{below}]");
            let rest = most.len() - place - 1;
            if rest > 0 {
                let _ = write!(choice, "[0-9]{{{rest}}}");
            }
            choices.push(choice);
        }
    }
    choices.push(most.to_owned());
    choices.join("|")
}

#[cfg(test)]
mod tests {
    use draftstore_service::ObjectName;
    use regex::Regex;

    use super::*;

    #[test]
    fn whole_numbers_are_told_from_those_beyond() {
        for (least, most) in [
            (1, 3600),
            (1, 1000),
            (0, 5_368_709_120),
            (1, 1),
            (1, 10),
            (0, 9),
            (0, i64::MAX),
        ] {
            let pattern = Regex::new(&whole_number(least, most)).expect("a pattern");
            let mut good = vec![least, 1, most, most - (most - least) / 2, (most / 10).max(1)];
            good.extend((1..=most.min(1100)).collect::<Vec<_>>());
            for number in good {
                assert!(pattern.is_match(&number.to_string()), "{number} of {least} to {most}");
                assert!(
                    pattern.is_match(&format!("+00{number}")),
                    "{number} of {least} to {most}"
                );
            }
            for bad in [
                i128::from(least) - 1,
                i128::from(most) + 1,
                i128::from(most) * 10,
                i128::from(most) + 1000,
            ] {
                assert!(!pattern.is_match(&bad.to_string()), "{bad} of {least} to {most}");
            }
            for bad in ["", "-", "1.0", "1e3", " 1", "1 ", "0x1", "-1"] {
                assert!(!pattern.is_match(bad), "{bad:?} of {least} to {most}");
            }
            assert_eq!(pattern.is_match("-0"), least == 0);
        }
    }

    /// Every character alone, at the start, in the middle and at the end, and everything that dots and slashes can be.
    #[test]
    fn names_are_what_the_service_takes() {
        let pattern = Regex::new(&object_name()).expect("a pattern");
        let prefix = Regex::new(&prefix()).expect("a pattern");
        let same = |name: &str| {
            assert_eq!(pattern.is_match(name), name.parse::<ObjectName>().is_ok(), "{name:?}");
            let goes_on = format!("{name}x").parse::<ObjectName>().is_ok();
            assert_eq!(prefix.is_match(name), goes_on, "{name:?} and more");
        };
        for c in (0..=0xffff_u32).chain([0x1f600, 0x10_ffff]).filter_map(char::from_u32) {
            for name in [
                format!("{c}"),
                format!(" {c}"),
                format!("{c}a"),
                format!("a{c}b"),
                format!("a{c}"),
            ] {
                same(&name);
            }
        }
        let letters = ['.', '/', 'a', ' '];
        for length in 0..=6_u32 {
            for number in 0..4_usize.pow(length) {
                let name = (0..length).map(|place| letters[number >> (2 * place) & 3]);
                same(&name.collect::<String>());
            }
        }
    }
}
