//! What rounds come to: a median, and the least and the greatest, which hide nothing when rounds are few.

/// The middle of some values and their ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The least.
    pub(crate) low: f64,
    /// The middle one, or the mean of the two in the middle.
    pub(crate) median: f64,
    /// The greatest.
    pub(crate) high: f64,
}

impl Summary {
    /// Sums up; NaN throughout when there is nothing to sum up.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        match (values.first(), values.last()) {
            (Some(&low), Some(&high)) => {
                let (below, above) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
                Self { low, median: (below + above) / 2.0, high }
            }
            _ => Self { low: f64::NAN, median: f64::NAN, high: f64::NAN },
        }
    }
}
