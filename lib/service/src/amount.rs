//! Numbers with their units, as errors show them.

use std::fmt;

/// A number with its unit, which is in the plural unless the number is one: `1 second`, `2 seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount(u64, &'static str);

impl Amount {
    /// Creates an amount of bytes.
    pub fn bytes(number: u64) -> Self {
        Self(number, "byte")
    }

    /// Creates an amount of seconds.
    pub fn seconds(number: impl Into<u64>) -> Self {
        Self(number.into(), "second")
    }

    /// Creates an amount of days.
    pub fn days(number: impl Into<u64>) -> Self {
        Self(number.into(), "day")
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, unit) = self;
        write!(f, "{number} {unit}{}", if *number == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_is_in_the_plural_unless_the_number_is_one() {
        for (amount, text) in [
            (Amount::seconds(1_u32), "1 second"),
            (Amount::seconds(0_u32), "0 seconds"),
            (Amount::bytes(2), "2 bytes"),
            (Amount::days(1_u32), "1 day"),
        ] {
            assert_eq!(amount.to_string(), text);
        }
    }
}
