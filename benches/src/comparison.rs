//! Two things measured in turn, so that whatever else the machine does weighs on both.

/// A subject beside a reference: one figure of each per round.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    rounds: Vec<Round>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Round {
    reference: f64,
    subject: f64,
}

impl Comparison {
    /// Measures reference and subject alternately: once for nothing, to warm up, and then `rounds` times.
    ///
    /// # Errors
    /// The first of either one.
    ///
    /// # Panics
    /// When there are no rounds.
    pub fn alternate(
        rounds: usize,
        mut reference: impl FnMut() -> anyhow::Result<f64>,
        mut subject: impl FnMut() -> anyhow::Result<f64>,
    ) -> anyhow::Result<Self> {
        assert!(rounds > 0, "a comparison needs a round");
        let mut round = || {
            Ok(Round {
                reference: reference()?,
                subject: subject()?,
            })
        };
        round()?;
        let rounds = (0..rounds).map(|_| round()).collect::<anyhow::Result<_>>()?;
        Ok(Self { rounds })
    }

    /// The reference's median.
    pub fn reference(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.reference))
    }

    /// The subject's median.
    pub fn subject(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.subject))
    }

    /// The median of the rounds' ratios, subject to reference.
    pub fn ratio(&self) -> f64 {
        median(self.ratios())
    }

    /// The lowest and the highest of the rounds' ratios.
    pub fn ratio_range(&self) -> (f64, f64) {
        let lowest = self.ratios().fold(f64::INFINITY, f64::min);
        let highest = self.ratios().fold(f64::NEG_INFINITY, f64::max);
        (lowest, highest)
    }

    fn ratios(&self) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(|round| round.subject / round.reference)
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len() % 2 == 1 {
        figures[middle]
    } else {
        f64::midpoint(figures[middle - 1], figures[middle])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()).to_string(), "2");
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()).to_string(), "2.5");
    }

    #[test]
    fn measurements_alternate_and_the_first_pair_does_not_count() {
        let mut references = [100.0, 1.0, 2.0, 4.0].into_iter();
        let mut subjects = [100.0, 2.0, 6.0, 4.0].into_iter();
        let order = std::cell::RefCell::new(String::new());
        let comparison = Comparison::alternate(
            3,
            || {
                order.borrow_mut().push('A');
                Ok(references.next().expect("four rounds"))
            },
            || {
                order.borrow_mut().push('B');
                Ok(subjects.next().expect("four rounds"))
            },
        );
        let comparison = comparison.expect("measured");
        assert_eq!(order.into_inner(), "ABABABAB");
        let figures = (comparison.reference(), comparison.subject(), comparison.ratio());
        assert_eq!(figures, (2.0, 4.0, 2.0));
        assert_eq!(comparison.ratio_range(), (1.0, 3.0));
    }
}
