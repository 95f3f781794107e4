//! Alternating measurements, so that other load on the machine affects all subjects equally.

use std::collections::BTreeMap;

/// The figures of several subjects, one per round: a duration or a rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    pub(crate) less_is_better: bool,
    pub(crate) rounds: BTreeMap<String, Vec<f64>>,
}

/// A subject: its name, and a function that measures one figure.
pub type Measure<'a> = (&'a str, Box<dyn FnMut() -> anyhow::Result<f64> + 'a>);

impl Figures {
    /// Measures all subjects alternately: one warm-up round that is discarded, and then `rounds` rounds.
    ///
    /// # Errors
    /// Returns the first error of a measurement.
    ///
    /// # Panics
    /// Panics if `rounds` is 0.
    pub fn alternate(rounds: usize, less_is_better: bool, mut measures: Vec<Measure<'_>>) -> anyhow::Result<Self> {
        assert!(rounds > 0, "a comparison needs a round");
        let mut figures: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for round in 0..=rounds {
            for (name, measure) in &mut measures {
                let figure = measure()?;
                if round > 0 {
                    figures.entry((*name).to_owned()).or_default().push(figure);
                }
            }
        }
        Ok(Self {
            less_is_better,
            rounds: figures,
        })
    }

    /// Returns the figures of all other subjects.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut others = self.clone();
        others.rounds.remove(name);
        others
    }

    /// Returns the median figure of a subject.
    ///
    /// # Panics
    /// Panics if the subject was not measured.
    pub fn median(&self, name: &str) -> f64 {
        median(self.rounds[name].clone())
    }

    /// Returns the speed of the subject as a multiple of the reference's: the median, lowest and highest of all rounds.
    ///
    /// # Panics
    /// Panics if one of them was not measured.
    pub fn speed(&self, subject: &str, reference: &str) -> (f64, f64, f64) {
        let pairs = self.rounds[subject].iter().zip(&self.rounds[reference]);
        let ratio = |(ours, theirs)| {
            if self.less_is_better {
                theirs / ours
            } else {
                ours / theirs
            }
        };
        let ratios: Vec<f64> = pairs.map(ratio).collect();
        let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (median(ratios), lowest, highest)
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
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
    fn median_is_the_middle_or_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_string(), "2");
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]).to_string(), "2.5");
    }

    #[test]
    fn measurements_alternate_and_the_first_round_is_discarded() {
        let order = std::cell::RefCell::new(String::new());
        let measure = |name: &'static str, figures: [f64; 4]| -> Measure<'_> {
            let (order, mut figures) = (&order, figures.into_iter());
            let measure = move || {
                order.borrow_mut().push_str(name);
                Ok(figures.next().expect("four rounds"))
            };
            (name, Box::new(measure))
        };
        let measures = vec![
            measure("A", [100.0, 1.0, 2.0, 4.0]),
            measure("B", [100.0, 2.0, 6.0, 4.0]),
        ];
        let mut figures = Figures::alternate(3, false, measures).expect("measured");
        assert_eq!(*order.borrow(), "ABABABAB");
        assert_eq!((figures.median("A"), figures.median("B")), (2.0, 4.0));
        assert_eq!(figures.speed("B", "A"), (2.0, 1.0, 3.0));
        figures.less_is_better = true;
        assert_eq!(figures.speed("A", "B"), (2.0, 1.0, 3.0));
    }
}
