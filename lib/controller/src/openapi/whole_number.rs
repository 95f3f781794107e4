//! Regular expressions for ranges of whole numbers in strings, in the common syntax of ECMA-262, Python and Rust.

use std::fmt::Write as _;

/// Returns the pattern of a whole number from `least` (0 or 1) to `most` in a string, as the JSON mapping reads it.
pub(super) fn whole_number(least: i64, most: i64) -> String {
    let digits = up_to(&most.to_string());
    if least == 0 {
        format!("^(?:\\+?0*(?:0|{digits})|-0+)$")
    } else {
        format!("^\\+?0*(?:{digits})$")
    }
}

/// Returns the pattern of the numbers from 1 to this one, without leading zeros: all shorter numbers, and all numbers of the
/// same length whose first different digit is smaller.
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
    use regex::Regex;

    use super::*;

    #[test]
    fn pattern_matches_whole_numbers_in_the_range_only() {
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
}
