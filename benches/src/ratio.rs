//! What rounds say about two servers: the median of the ratios of each round, its 95 % interval, and a verdict.
//!
//! Not the ratio of two medians: what the machine does in a round meets both sides of that round alike. The interval is
//! made of order statistics, so it assumes nothing about how figures scatter.

/// A median with the interval in which the true one lies, at 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    /// The median of the ratios of each round.
    pub(crate) median: f64,
    /// The lower end of the interval.
    pub(crate) low: f64,
    /// The upper end of the interval.
    pub(crate) high: f64,
}

/// Which way a figure should go, and how far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Less than 1; an interval that holds 1 is a tie.
    Less,
}

/// What became of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The interval's better end meets it.
    Met,
    /// It asks for less than another, and the interval holds 1.
    Tie,
    /// It isn't met.
    Missed,
}

impl Ratio {
    /// The ratio of two rows of figures, taken round by round; [`None`] without a round.
    pub(crate) fn of(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        Self::around(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// The median of figures that are none of a pair.
    pub(crate) fn around(mut values: Vec<f64>) -> Option<Self> {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        let rank = interval_rank(values.len());
        let (low, high) = (*values.get(rank)?, *values.get(values.len() - 1 - rank)?);
        Some(Self { median: median_of_sorted(&values)?, low, high })
    }

    /// Compares with a limit, by the end of the interval that is kinder to ours.
    pub(crate) fn verdict(self, limit: Limit) -> Verdict {
        let met = match limit {
            Limit::AtMost(limit) => self.low <= limit,
            Limit::AtLeast(limit) => self.high >= limit,
            Limit::Less if self.high < 1.0 => true,
            Limit::Less if self.low <= 1.0 => return Verdict::Tie,
            Limit::Less => false,
        };
        if met { Verdict::Met } else { Verdict::Missed }
    }
}

/// The median of figures in any order; [`None`] of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        _ => Some(sorted[middle]),
    }
}

/// How many figures to leave out at either end, so that the median lies between the rest at 95 %: the largest rank whose
/// two tails of the binomial distribution with one half stay under 5 %. Below six rounds no interval is that sure:
/// all figures are its ends then.
fn interval_rank(count: usize) -> usize {
    let mut tail = 0.0;
    let mut chance = 0.5_f64.powi(i32::try_from(count).unwrap_or(i32::MAX));
    for rank in 0..count {
        tail += chance;
        if 2.0 * tail > 0.05 {
            return rank.saturating_sub(1);
        }
        #[expect(clippy::cast_precision_loss, reason = "rounds are counted in tens")]
        let step = (count - rank) as f64 / (rank + 1) as f64;
        chance *= step;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_rounds_leave_three_out_at_either_end() {
        // P(X <= 3) of 15 is 0.0176, of both tails 0.035; with 4 it would be 0.118.
        assert_eq!(interval_rank(15), 3);
        assert_eq!(interval_rank(6), 0);
        assert_eq!(interval_rank(25), 7);
        assert_eq!(interval_rank(3), 0);
        assert_eq!(interval_rank(0), 0);
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        // The machine doubles its speed in the middle; the ratio doesn't change.
        let ratio = Ratio::of(&[1.0, 1.0, 2.0], &[2.0, 2.0, 4.0]).unwrap();
        assert_eq!(ratio, Ratio { median: 0.5, low: 0.5, high: 0.5 });
        assert_eq!(Ratio::of(&[], &[]), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn the_kinder_end_of_the_interval_decides() {
        let ratio = Ratio { median: 1.03, low: 1.01, high: 1.05 };
        assert_eq!(ratio.verdict(Limit::AtMost(1.02)), Verdict::Met);
        assert_eq!(ratio.verdict(Limit::AtMost(1.0)), Verdict::Missed);
        assert_eq!(ratio.verdict(Limit::AtLeast(1.05)), Verdict::Met);
        assert_eq!(ratio.verdict(Limit::AtLeast(1.1)), Verdict::Missed);
    }

    #[test]
    fn less_than_another_is_a_tie_while_the_interval_holds_one() {
        let with = |low, high| Ratio { median: f64::midpoint(low, high), low, high }.verdict(Limit::Less);
        assert_eq!(with(0.9, 0.99), Verdict::Met);
        assert_eq!(with(0.98, 1.02), Verdict::Tie);
        assert_eq!(with(1.01, 1.02), Verdict::Missed);
    }
}
