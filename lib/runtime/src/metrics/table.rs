//! A family of metrics whose labels have fixed sets of values.

use std::fmt;
use std::sync::OnceLock;

/// The name of a label, and all of its values.
pub type Label = (&'static str, &'static [&'static str]);

/// A function that creates the series of some label values.
type Make<M> = Box<dyn Fn(&[&str]) -> M + Send + Sync>;

/// The series of a family, found by the indexes of their label values. After its first use, a series costs one load: no
/// hash, no allocation, no lock.
pub struct Table<M, const LABELS: usize> {
    labels: [Label; LABELS],
    make: Make<M>,
    series: Box<[OnceLock<M>]>,
}

impl<M, const LABELS: usize> fmt::Debug for Table<M, LABELS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl<M, const LABELS: usize> Table<M, LABELS> {
    /// Creates a table whose series are made by this function, from the label values.
    pub(super) fn new(labels: [Label; LABELS], make: impl Fn(&[&str]) -> M + Send + Sync + 'static) -> Self {
        let series: usize = labels.iter().map(|(_, values)| values.len()).product();
        Self {
            labels,
            make: Box::new(make),
            series: (0..series).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Returns the series of the values at these indexes.
    ///
    /// # Panics
    /// If a label has no such value.
    pub fn at(&self, places: [usize; LABELS]) -> &M {
        let place = self.labels.iter().zip(places);
        let place = place.fold(0, |place, ((_, values), at)| place * values.len() + at);
        self.series[place].get_or_init(|| {
            let values = self.labels.iter().zip(places);
            (self.make)(&values.map(|((_, values), at)| values[at]).collect::<Vec<_>>())
        })
    }

    /// Creates every series at once, so that each is exported as zero from the start.
    #[must_use]
    pub fn with_every_series(self) -> Self {
        let mut places = [0; LABELS];
        for mut number in 0..self.series.len() {
            for (place, (_, values)) in places.iter_mut().zip(&self.labels).rev() {
                *place = number % values.len();
                number /= values.len();
            }
            self.at(places);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_made_once_at_its_own_index() {
        let labels = [("a", &["x", "y", "z"][..]), ("b", &["1", "2"][..])];
        let table = Table::new(labels, |values| values.join("")).with_every_series();
        let all: Vec<_> = table.series.iter().map(|series| series.get().cloned()).collect();
        let expected = ["x1", "x2", "y1", "y2", "z1", "z2"].map(|name| Some(name.to_owned()));
        assert_eq!(all, expected);
        assert_eq!(table.at([2, 0]), "z1");
    }
}
