//! A family of measures whose labels have closed sets of values.

use std::fmt;
use std::sync::OnceLock;

/// A label, and all the values that it can have.
pub type Label = (&'static str, &'static [&'static str]);

/// Makes the series of these labels' values.
type Make<M> = Box<dyn Fn(&[&str]) -> M + Send + Sync>;

/// Its series are found by the places of their labels' values. After the first time that costs one load: no text is hashed,
/// nothing is allocated, and nobody waits.
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
    /// Of series that are made so, of the labels' values.
    pub(super) fn new(labels: [Label; LABELS], make: impl Fn(&[&str]) -> M + Send + Sync + 'static) -> Self {
        let series: usize = labels.iter().map(|(_, values)| values.len()).product();
        Self {
            labels,
            make: Box::new(make),
            series: (0..series).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The series of the values at these places.
    ///
    /// # Panics
    /// Where a label has no such value: a bug.
    pub fn at(&self, places: [usize; LABELS]) -> &M {
        let place = self.labels.iter().zip(places);
        let place = place.fold(0, |place, ((_, values), at)| place * values.len() + at);
        self.series[place].get_or_init(|| {
            let values = self.labels.iter().zip(places);
            (self.make)(&values.map(|((_, values), at)| values[at]).collect::<Vec<_>>())
        })
    }

    /// Has all of them be there from now on, at their zero.
    #[must_use]
    pub fn all_there(self) -> Self {
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
    fn every_series_has_its_own_place_and_is_made_once() {
        let labels = [("a", &["x", "y", "z"][..]), ("b", &["1", "2"][..])];
        let table = Table::new(labels, |values| values.join("")).all_there();
        let all: Vec<_> = table.series.iter().map(|series| series.get().cloned()).collect();
        let expected = ["x1", "x2", "y1", "y2", "z1", "z2"].map(|name| Some(name.to_owned()));
        assert_eq!(all, expected);
        assert_eq!(table.at([2, 0]), "z1");
    }
}
