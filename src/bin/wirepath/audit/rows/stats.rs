//! Medians and their intervals: what may be said of a timing on a noisy machine.
//!
//! Rounds are paired and interleaved, so that a slow moment of the machine meets both sides. The interval is that of
//! the sign test: between two order statistics, with no assumption on how the noise is distributed.

use std::fmt;

use crate::audit::row::Verdict;

/// The ratio of paired figures: the Unix socket's over TCP's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    /// The median of the ratios of the rounds.
    pub(super) median: f64,
    /// The lower bound of the 95 % interval of the median.
    pub(super) low: f64,
    /// The upper bound of it.
    pub(super) high: f64,
}

impl Ratio {
    /// Takes pairs of (unix, tcp), one per round. Fewer than 6 pairs bound nothing: their interval is open.
    pub(super) fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut ratios: Vec<f64> =
            pairs.filter(|(_, tcp)| *tcp > 0.0).map(|(unix, tcp)| unix / tcp).collect();
        ratios.sort_by(f64::total_cmp);
        match outside(ratios.len()) {
            0 => Self { median: median(&ratios), low: 0.0, high: f64::INFINITY },
            rank => {
                Self { median: median(&ratios), low: ratios[rank - 1], high: ratios[ratios.len() - rank] }
            }
        }
    }

    /// Weighs the claim that the socket takes less of `what` than TCP.
    pub(super) fn less(&self, what: &str) -> Verdict {
        if self.high < 1.0 {
            Verdict::Proved
        } else if self.low > 1.0 {
            Verdict::Differs(format!("the socket takes {:.2} times the {what} of TCP", self.median))
        } else {
            // Unoptimised code drowns what the transport costs.
            let debug = if cfg!(debug_assertions) { ", in a build without --release" } else { "" };
            Verdict::NotHere(format!("too noisy: ratio {self}{debug}"))
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2}-{:.2})", self.median, self.low, self.high)
    }
}

/// The median; 0 of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        len if len % 2 == 1 => sorted[len / 2],
        len => (sorted[len / 2 - 1] + sorted[len / 2]) / 2.0,
    }
}

/// The rank, from each end, of the order statistics that enclose the median with at least 95 % confidence: the largest
/// `k` with `2 * P(Binomial(n, 1/2) < k) <= 0.05`, or 0.
fn outside(n: usize) -> usize {
    let mut term = 0.5_f64.powi(n as i32);
    let mut below = 0.0;
    for k in 0..n {
        below += term;
        if 2.0 * below > 0.05 {
            return k;
        }
        term *= (n - k) as f64 / (k + 1) as f64;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_sign_test() {
        // Published tables of the distribution-free interval of a median.
        for (n, rank) in
            [(5, 0), (6, 1), (8, 1), (9, 2), (12, 3), (15, 4), (20, 6), (21, 6), (25, 8), (101, 41)]
        {
            assert_eq!(outside(n), rank, "{n} rounds");
        }
    }

    #[test]
    fn a_clear_ratio_is_proved_and_a_wide_one_is_not() {
        let ratio = |values: [f64; 9]| Ratio::of(values.into_iter().map(|unix| (unix, 1.0)));
        assert_eq!(ratio([0.5, 0.6, 0.5, 0.4, 0.5, 0.7, 0.5, 0.6, 3.0]).less("time"), Verdict::Proved);
        assert!(matches!(
            ratio([0.5, 1.6, 0.5, 1.4, 0.5, 1.7, 0.5, 1.6, 3.0]).less("time"),
            Verdict::NotHere(_)
        ));
        assert!(matches!(ratio([1.5; 9]).less("time"), Verdict::Differs(_)));
    }

    #[test]
    fn few_rounds_prove_nothing() {
        let ratio = Ratio::of([(1.0, 9.0); 5].into_iter());
        assert!(matches!(ratio.less("time"), Verdict::NotHere(_)));
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }
}
