//! The brakes of a sweep: limits on what it may delete.

use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// Limits that stop a sweep which would delete more than expected, because of a wrong lifetime, bucket or clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Brakes {
    /// The maximum number of drafts and uploads that a sweep removes. `None` means no limit.
    pub max_delete: Option<u64>,
    /// The maximum fraction of all drafts and uploads that a sweep removes. If more has expired, it removes this much, and
    /// leaves the rest to the next sweeps. `None` means no limit.
    ///
    /// To know the fraction, a sweep counts everything first, so it reads the whole bucket, not only what has expired.
    pub max_delete_fraction: Option<Fraction>,
}

/// A fraction of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Fraction(f64);

/// Valid because a fraction is never NaN.
impl Eq for Fraction {}

impl Hash for Fraction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Fraction {
    /// Returns this fraction of `all`, rounded down, but one at least unless the fraction is zero: otherwise a sweep of a
    /// small bucket would never get anywhere.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a bucket has not 2^53 objects, and a fraction is not negative"
    )]
    pub(super) fn of(self, all: u64) -> u64 {
        let some = (self.0 * all as f64) as u64;
        if self.0 > 0.0 { some.max(1) } else { 0 }
    }

    /// Returns true if `some` is more than this fraction of `all`.
    #[expect(clippy::cast_precision_loss, reason = "a bucket has not 2^53 objects")]
    pub(super) fn is_exceeded_by(self, some: u64, all: u64) -> bool {
        some as f64 > self.0 * all as f64
    }
}

/// The error of a text that is not a number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 0 to 1, such as 0.5")]
pub struct InvalidFraction;

impl FromStr for Fraction {
    type Err = InvalidFraction;

    fn from_str(text: &str) -> Result<Self, InvalidFraction> {
        let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
        // The sign of -0 is dropped, since equal values must have equal hashes.
        number.map(|number| Self(number.abs())).ok_or(InvalidFraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_numbers_from_0_to_1() {
        for bad in ["", "x", "-0.1", "1.1", "NaN", "inf", "50%"] {
            assert_eq!(bad.parse::<Fraction>(), Err(InvalidFraction), "{bad}");
        }
        let half: Fraction = "0.5".parse().expect("a fraction");
        assert!(half.is_exceeded_by(6, 10));
        assert!(!half.is_exceeded_by(5, 10));
        assert!(!half.is_exceeded_by(0, 0));
        assert_eq!([half.of(0), half.of(1), half.of(5)], [1, 1, 2]);
        assert_eq!("0".parse::<Fraction>().expect("a fraction").of(5), 0);
        let whole: Fraction = "1".parse().expect("a fraction");
        assert!(!whole.is_exceeded_by(10, 10));
    }
}
