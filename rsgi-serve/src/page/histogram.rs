//! How long requests took: counts in 64 buckets, and percentiles made of them.
//!
//! The buckets' bounds grow with the time: two below 64 microseconds, four to each doubling up to a second, one to each doubling up to half
//! a minute, and one for what is longer. So a percentile between 64 microseconds and a second is at most a quarter off, less where times
//! are spread, and a worker's counts add up with others'.

use std::time::Duration;

use super::layout::BUCKETS;

/// Counts of one worker, or of several together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Histogram {
    counts: [u64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: [0; BUCKETS] }
    }
}

impl Histogram {
    /// Of the counts by bucket, in order.
    pub(super) fn of(counts: impl IntoIterator<Item = u64>) -> Self {
        let mut histogram = Self::default();
        for (count, value) in histogram.counts.iter_mut().zip(counts) {
            *count = value;
        }
        histogram
    }

    /// Counts one request.
    pub(crate) fn record(&mut self, took: Duration) {
        if let Some(count) = self.counts.get_mut(bucket(took)) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds another's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            // Another process wrote them; they may be anything.
            *count = count.saturating_add(more);
        }
    }

    /// The counts, bucket by bucket.
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many requests were counted.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The time within which so many thousandths of the requests were done (500: the median); `None` without any. Within a bucket, times
    /// are taken to be spread evenly; of the last one, only its beginning is known.
    pub(crate) fn percentile(&self, thousandths: u64) -> Option<Duration> {
        let total = u128::from(self.total());
        // The number of the request in question, from 1.
        let wanted = (total * u128::from(thousandths.min(1000))).div_ceil(1000).max(1);
        let mut before = 0_u128;
        for (bucket, count) in self.counts.iter().map(|count| u128::from(*count)).enumerate() {
            if count > 0 && before + count >= wanted {
                let (low, high) = bounds(bucket);
                let share = u128::from(high - low) * (wanted - before) / count;
                return Some(Duration::from_micros(
                    low.saturating_add(u64::try_from(share).unwrap_or(u64::MAX)),
                ));
            }
            before += count;
        }
        None
    }

    /// Each bucket's upper bound (`None`: without one) and how many requests were no longer than that, as Prometheus has it.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let mut sum = 0_u64;
        self.counts.iter().enumerate().map(move |(bucket, count)| {
            sum = sum.saturating_add(*count);
            (BOUNDS.get(bucket).map(|bound| Duration::from_micros(*bound)), sum)
        })
    }
}

/// The bucket that a time is counted in.
pub(super) fn bucket(took: Duration) -> usize {
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    BOUNDS.partition_point(|bound| *bound < microseconds)
}

/// Where a bucket begins and ends; the last one is taken to be empty, for it has no end.
fn bounds(bucket: usize) -> (u64, u64) {
    let low = bucket.checked_sub(1).and_then(|before| BOUNDS.get(before)).copied().unwrap_or_default();
    (low, BOUNDS.get(bucket).copied().unwrap_or(low))
}

/// The buckets' upper bounds in microseconds, each still in its bucket. The last bucket has none.
static BOUNDS: [u64; BUCKETS - 1] = {
    let mut bounds = [0_u64; BUCKETS - 1];
    let mut at = 0;
    let mut bound = 32_u64;
    while at < bounds.len() {
        bounds[at] = bound;
        let octave = 1_u64 << bound.ilog2();
        bound += if octave < 64 || octave >= 1 << 20 { octave } else { octave / 4 };
        at += 1;
    }
    bounds
};

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        times.into_iter().for_each(|time| histogram.record(Duration::from_micros(time)));
        histogram
    }

    fn percentile(histogram: &Histogram, thousandths: u64) -> u64 {
        u64::try_from(histogram.percentile(thousandths).unwrap().as_micros()).unwrap()
    }

    #[test]
    fn the_bounds_are_as_promised() {
        assert_eq!(BOUNDS[..7], [32, 64, 80, 96, 112, 128, 160]);
        assert_eq!(BOUNDS[57], 1 << 20);
        assert_eq!(BOUNDS[58..], [1 << 21, 1 << 22, 1 << 23, 1 << 24, 1 << 25]);
        assert!(BOUNDS.is_sorted_by(|low, high| low < high));
    }

    #[test]
    fn a_time_is_in_the_bucket_that_ends_with_it_or_later() {
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::from_micros(32)), 0);
        assert_eq!(bucket(Duration::from_micros(33)), 1);
        assert_eq!(bucket(Duration::from_micros(1 << 25)), 62);
        assert_eq!(bucket(Duration::from_micros((1 << 25) + 1)), 63);
        assert_eq!(bucket(Duration::MAX), 63);
    }

    #[test]
    fn a_percentile_is_at_most_a_quarter_off_and_an_eighth_where_times_are_spread() {
        for time in [70, 100, 777, 1_000, 33_333, 250_000, 1_000_000] {
            let found = percentile(&of([time]), 500);
            assert!(found.abs_diff(time) * 4 <= time, "{time}: {found}");
            let many = of((0..1000).map(|at| time * (500 + at) / 1000));
            let found = percentile(&many, 500);
            assert!(found.abs_diff(time) * 8 <= time, "{time}: {found}");
        }
    }

    #[test]
    fn percentiles_grow_and_the_last_bucket_tells_its_beginning() {
        let histogram = of([100, 1_000, 10_000, 100_000_000]);
        let all: Vec<_> = [1, 250, 500, 750, 1000].map(|it| percentile(&histogram, it)).into();
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(all[4], 1 << 25);
        assert_eq!(Histogram::default().percentile(990), None);
    }

    #[test]
    fn counts_of_several_workers_add_up_even_if_they_are_nonsense() {
        let mut sum = of([1, 100]);
        sum.add(&of([100, 1_000_000]));
        assert_eq!(sum.total(), 4);
        sum.add(&Histogram { counts: [u64::MAX; BUCKETS] });
        assert_eq!(sum.total(), u64::MAX);
        assert!(sum.percentile(990).is_some());
    }

    #[test]
    fn cumulative_counts_end_with_the_total() {
        let all: Vec<_> = of([10, 50, 100_000_000]).cumulative().collect();
        assert_eq!(all.len(), BUCKETS);
        assert_eq!(all[0], (Some(Duration::from_micros(32)), 1));
        assert_eq!(all[1], (Some(Duration::from_micros(64)), 2));
        assert_eq!(all[63], (None, 3));
    }
}
